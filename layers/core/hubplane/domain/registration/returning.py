"""A person who comes back under a new Cognito sub: after a deleted account, or an MFA reset by delete-and-recreate.

The home goes to the new sub only when an admin says so and both accounts have the same verified e-mail address. Two ways: *allow
a return*, then the person signs up under the old name; or *transfer the home* to an account that the person has already.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from hubplane.domain.names import username_key
from hubplane.domain.registration.decision import Decision, RegistrationRefused, accept, refuse
from hubplane.domain.registration.emails import same_address
from hubplane.domain.registration.records import Change, ReturnGrant, Status, UserRecord

RETURN_DAYS: Final = 14
"""How long an admin's permission to sign up again stays open: two weeks cover a holiday, not a forgotten permission."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Both records as they have to be stored, in one transaction, and the ledger's sentence."""

    former: UserRecord
    returning: UserRecord
    changed: bool
    sentence: str


def allow_return(record: UserRecord, *, by: str, now: datetime) -> Change:
    """The tombstone with permission for its person to sign up under the name again. A repetition starts the days anew.

    Raises ``RegistrationRefused`` where the record is no tombstone, its home has gone to another account, or ``by`` names nobody.
    """
    _require_admin(record, by)
    if record.status is not Status.TOMBSTONE:
        raise RegistrationRefused(f"user {record.username} is {record.status}: only the person of a tombstone can return")
    if record.home_passed_to is not None:
        raise RegistrationRefused(
            f"the home of {record.username} went to account {record.home_passed_to}: the person signs in with that one"
        )
    grant = ReturnGrant(granted_by=by, expires_at=now + timedelta(days=RETURN_DAYS))
    sentence = (
        f"user {record.username}: {by} lets the holder of the recorded address sign up again until {grant.expires_at:%Y-%m-%d}"
    )
    return Change(replace(record, return_grant=grant), changed=grant != record.return_grant, sentence=sentence)


def may_return(record: UserRecord, email: str, now: datetime) -> bool:
    """Whether whoever has ``email`` may sign up under this tombstone's name now."""
    grant = record.return_grant
    return (
        record.status is Status.TOMBSTONE
        and record.home_passed_to is None
        and grant is not None
        and now < grant.expires_at
        and same_address(record.email, email)
    )


def returned(record: UserRecord, *, sub: str, status: Status) -> UserRecord:
    """The record of a returned person: the new sub, with the old ones whose home it holds. Ask ``may_return`` first."""
    former = () if sub == record.sub else (record.sub,)
    return UserRecord(
        username=record.username, sub=sub, email=record.email, status=status, former_subs=_joined(former, record.former_subs, sub)
    )


def check_transfer(former: UserRecord, returning: UserRecord, *, email_verified: bool, by: str) -> Decision:
    """Whether the home of ``former`` may go to ``returning``; ``email_verified`` is Cognito's word on the returning account."""
    admin = username_key(by.strip())
    obstacles = (
        (
            former.status is not Status.TOMBSTONE,
            "The former account still exists",
            f"{former.username} is {former.status}, not a tombstone: off-board it first",
        ),
        (
            former.sub == returning.sub,
            "Both are one account",
            f"{former.username} and {returning.username} have the same sub",
        ),
        (
            former.home_passed_to not in (None, returning.sub),
            "The home has another account",
            f"the home of {former.username} went to {former.home_passed_to} before",
        ),
        (
            returning.status not in (Status.PENDING, Status.APPROVED),
            "The new account is not active",
            f"{returning.username} is {returning.status}",
        ),
        (
            not email_verified,
            "The new account's address is not verified",
            f"{returning.username} has not verified {returning.email}",
        ),
        (
            not same_address(former.email, returning.email),
            "The addresses of both accounts differ",
            f"{former.username} had {former.email}, {returning.username} has {returning.email}: change the new account's address",
        ),
        (
            admin in ("", former.username, returning.username),
            "Somebody else has to decide this",
            f"decided by {by!r}, who is nobody or the person who gets the home",
        ),
    )
    for stands, sentence, reason in obstacles:
        if stands:
            return refuse(sentence, reason)
    return accept("same verified address, decided by an admin")


def transfer_home(former: UserRecord, returning: UserRecord, *, email_verified: bool, by: str, reason: str) -> Transfer:
    """The home of a tombstone to the person's new account. Repeatable. Raises ``RegistrationRefused`` with the cause in words."""
    decision = check_transfer(former, returning, email_verified=email_verified, by=by)
    if not decision.accepted:
        raise RegistrationRefused(f"the home of {former.username} stays: {decision.reason}")
    subs = _joined(returning.former_subs, (former.sub, *former.former_subs), returning.sub)
    new_former = replace(former, home_passed_to=returning.sub, return_grant=None)
    new_returning = replace(returning, former_subs=subs)
    changed = (new_former, new_returning) != (former, returning)
    sentence = f"home of {former.username} ({former.sub}) goes to {returning.username} ({returning.sub}) by {by}: {reason}"
    return Transfer(new_former, new_returning, changed=changed, sentence=sentence)


def _joined(first: tuple[str, ...], second: tuple[str, ...], own: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sub for sub in (*first, *second) if sub != own))


def _require_admin(record: UserRecord, by: str) -> None:
    if username_key(by.strip()) in ("", record.username):
        raise RegistrationRefused(f"user {record.username}: an admin other than that person decides; say who in `by`")
