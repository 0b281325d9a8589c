"""Bringing about what follows a confirmation: the record, then the account, the review, the mails; each step is "make it so".

Called three times, or killed after any call and called again, it ends in one record, one review, and mails whose keys are the
same. A mail that cannot be queued is ``Hands.queue``'s to tell the operators: it never stands between a person and the account.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from hubplane.domain.errors import NotYet
from hubplane.domain.mail.fields import one_line
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.names import username_key
from hubplane.domain.registration.applying import approved_mail, sign_in_url_of
from hubplane.domain.registration.confirmation import Account, ConfirmationPlan, decide_confirmation
from hubplane.domain.registration.emails import split_address
from hubplane.domain.registration.events import TriggerEvent
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.registration.returning import may_return, returned
from hubplane.domain.registration.sign_up import NOT_AVAILABLE, SignUpPolicy, decide_sign_up, keys_of

TRIES: Final = 3
"""Of a write that others were faster than; each try begins with a fresh look, and a person waits."""

INVITED: Final = "FORCE_CHANGE_PASSWORD"
"""Cognito's status of an account that an admin made and nobody has used yet (API reference, UserType)."""

LONGEST_NAME: Final = 128
"""Empty or longer text is no account's (Cognito API reference, UsernameType)."""

_SUB: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class Hands:
    """What it takes to confirm one person. Every call may be repeated.

    ``known`` is what the tables say of a name, ``storage_claims`` which of these claims storage carries.
    ``write`` stores a record in place of the one that was read; False where that is not as it was read any more, or a claim is
    another name's. ``hub_urls`` are the clusters that were built and where. ``review`` starts the machine under a name, once.
    ``password_changed`` tells when the password of a name and sub was changed, the same for the same change.
    """

    known: Callable[[str], Known]
    storage_claims: Callable[[Collection[str]], frozenset[str]]
    write: Callable[[UserRecord, UserRecord | None], bool]
    hub_urls: Callable[[], Mapping[str, str]]
    disable: Callable[[str], object]
    review: Callable[[str, Mapping[str, str]], object]
    queue: Callable[[MailMessage], None]
    password_changed: Callable[[str, str], datetime]


def confirm(asked: TriggerEvent, policy: SignUpPolicy, hands: Hands, now: datetime, sign_in_url: str) -> str:
    """Make true what follows from ``asked``, and say why. ``sign_in_url`` is for people without a cluster. Repeatable.

    Raises ``NotYet`` where the record changes faster than it can be written, and what ``hands`` raise.
    """
    for _ in range(TRIES):
        known = _known(asked, hands)
        plan = decide_confirmation(
            asked.trigger_source, asked.request(now), policy, known, sub=asked.sub, email_verified=asked.email_verified
        )
        record, mine = plan.record, known.records.get(username_key(asked.username))
        if record is not None and record != mine:
            if record.status is Status.APPROVED:
                record = replace(record, clusters=tuple(sorted(hands.hub_urls())))
            if not hands.write(record, mine):
                continue
        _follow(asked, replace(plan, record=record), hands, now, sign_in_url)
        return plan.reason
    raise NotYet(f"the record of {asked.username} changes faster than it can be written: try again")


def record_of_invited(
    asked: TriggerEvent, policy: SignUpPolicy, known: Known, clusters: Callable[[], tuple[str, ...]], now: datetime
) -> UserRecord | None:
    """The record of an account that an admin made, at its first sign-in: who makes an account approves it.

    Cognito calls no ``PostConfirmation`` for it. None where the account is not such a one, or its name is not to be had.
    """
    mine = known.records.get(username_key(asked.username))
    if asked.user_status != INVITED or not asked.sub or not decide_sign_up(asked.request(now), policy, known).accepted:
        return None
    if mine is None:
        return UserRecord(username_key(asked.username), asked.sub, asked.email, Status.APPROVED, clusters())
    if asked.email_verified and may_return(mine, asked.email, now):
        return replace(returned(mine, sub=asked.sub, status=Status.APPROVED), clusters=clusters())
    return None


def review_name(sub: str) -> str:
    """The name of the execution that reviews an account; three calls of a trigger give one name, of at most 80 characters."""
    named = sub if _SUB.fullmatch(sub) else hashlib.sha256(sub.encode("utf-8", "surrogatepass")).hexdigest()
    return f"sign-up-{named}"


def _known(asked: TriggerEvent, hands: Hands) -> Known:
    """What is known of the name. Storage is looked at for a new one: of whoever is on record it may be their own by now."""
    key, claims = keys_of(asked.username)
    found = hands.known(asked.username)
    mine = found.records.get(key)
    if mine is not None and mine.sub == asked.sub:
        return found
    return replace(found, storage_claims=hands.storage_claims(claims))


def _follow(asked: TriggerEvent, plan: ConfirmationPlan, hands: Hands, now: datetime, sign_in_url: str) -> None:
    if plan.account is Account.DISABLE and 0 < len(asked.username) <= LONGEST_NAME:
        hands.disable(asked.username)
    if plan.review and plan.record is not None:
        told = {"username": plan.record.username, "sub": plan.record.sub, "email": plan.record.email}
        hands.review(review_name(plan.record.sub), {**told, "signed_up_at": f"{now:%Y-%m-%d %H:%M} UTC"})
    for mail in _mails(asked, plan, hands, sign_in_url):
        hands.queue(mail)


def _mails(asked: TriggerEvent, plan: ConfirmationPlan, hands: Hands, sign_in_url: str) -> Iterator[MailMessage]:
    """The plan's mails: about an account once, about a changed password once per change."""
    for name in plan.mails:
        if name == "approved" and plan.record is not None:
            yield approved_mail(plan.record, sign_in_url_of(plan.record, hands.hub_urls(), sign_in_url))
        elif name == "password_changed":
            at = hands.password_changed(asked.username, asked.sub)
            context = {"username": one_line(asked.username), "changed_at": f"{at:%Y-%m-%d %H:%M} UTC"}
            yield MailMessage(mail_id=f"{name}#{_plain(asked.sub)}#{at:%Y%m%dT%H%M%SZ}", name=name, context=context)
        else:
            yield _mail_to_person(name, asked, {"reason": NOT_AVAILABLE + "."} if name == "refused" else {})


def _mail_to_person(name: str, asked: TriggerEvent, more: Mapping[str, Any]) -> MailMessage:
    return MailMessage(
        mail_id=f"{name}#{_plain(asked.sub)}",
        name=name,
        to=asked.email if split_address(asked.email) is not None else None,
        context={"username": one_line(asked.username), **more},
    )


def _plain(sub: str) -> str:
    return review_name(sub).removeprefix("sign-up-")
