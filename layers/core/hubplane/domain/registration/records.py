"""The user record: one per name, for ever. Its states and the steps between them.

::

    pending ──> approved <──> disabled        every one of them ──> tombstone
       └──────> refused ───> approved

A tombstone is the end of an account, not of its name: nobody gets the name again, except the same person through ``returning``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from hubplane.domain.names import hub_name, username_key
from hubplane.domain.registration.decision import RegistrationRefused


class Status(StrEnum):
    """``PENDING`` waits for an admin, ``TOMBSTONE`` is an account that is gone and whose name is kept."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    DISABLED = "disabled"
    TOMBSTONE = "tombstone"


NEXT: Final[Mapping[Status, frozenset[Status]]] = {
    Status.PENDING: frozenset({Status.APPROVED, Status.REFUSED, Status.TOMBSTONE}),
    Status.APPROVED: frozenset({Status.DISABLED, Status.TOMBSTONE}),
    Status.REFUSED: frozenset({Status.APPROVED, Status.TOMBSTONE}),
    Status.DISABLED: frozenset({Status.APPROVED, Status.TOMBSTONE}),
    Status.TOMBSTONE: frozenset(),
}


@dataclass(frozen=True, slots=True)
class ReturnGrant:
    """An admin's word that the person of a tombstone may sign up under the same name, until ``expires_at``."""

    granted_by: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class UserRecord:
    """One name and the person who holds it.

    ``username`` is the key: lower case. ``email`` is the address given at sign-up. ``former_subs`` are earlier accounts of the
    same person whose homes were handed over; ``home_passed_to`` is set on a tombstone whose home has a new account.
    ``last_seen_at`` is when an account of the name last signed in: what is seen is no part of what is decided, so two records
    that differ only there are equal, and it has a write of its own.
    """

    username: str
    sub: str
    email: str
    status: Status
    clusters: tuple[str, ...] = ()
    former_subs: tuple[str, ...] = ()
    return_grant: ReturnGrant | None = None
    home_passed_to: str | None = None
    last_seen_at: datetime | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """What the hub calls the person; the key says which provider's, too."""
        return hub_name(self.username)

    @property
    def subs(self) -> tuple[str, ...]:
        """All accounts that are or were this person's: a home marked with one of them is theirs."""
        return (self.sub, *self.former_subs)

    @property
    def is_external(self) -> bool:
        """Whether another provider than the stack's own user pool signs the person in."""
        return self.name != self.username

    def __post_init__(self) -> None:
        if self.username != username_key(self.username):
            raise ValueError(f"username {self.username!r} of a record is the key: write it in lower case")
        if not self.sub:
            raise ValueError(f"record of {self.username} has no sub: a home belongs to a sub, never to a name alone")


@dataclass(frozen=True, slots=True)
class Change:
    """``record`` as it has to be stored and the ledger's ``sentence``. ``changed`` is False where nothing had to be done."""

    record: UserRecord
    changed: bool
    sentence: str


def change_status(record: UserRecord, to: Status, *, by: str, reason: str, clusters: Iterable[str] | None = None) -> Change:
    """The record in status ``to``. ``clusters`` are those that an approved person may enter; None leaves them as they are.

    Repeatable: the same change again is no change. Raises ``RegistrationRefused`` for a step that the drawing above does not
    have, or where ``by`` names nobody.
    """
    if not by.strip():
        raise RegistrationRefused(f"user {record.username}: say who decides (by), the ledger keeps it")
    if record.status is not to and to not in NEXT[record.status]:
        raise RegistrationRefused(_no_way(record, to))
    wanted = () if to is Status.TOMBSTONE else record.clusters if clusters is None else tuple(sorted(set(clusters)))
    changed = replace(record, status=to, clusters=wanted)
    if changed == record:
        return Change(record, changed=False, sentence=f"user {record.username} is {to} already")
    where = f" for {', '.join(wanted)}" if wanted and to is Status.APPROVED else ""
    return Change(changed, changed=True, sentence=f"user {record.username}: {record.status} to {to}{where} by {by}: {reason}")


def tombstone(record: UserRecord, *, by: str, reason: str) -> Change:
    """The record after its account is gone: name, sub and e-mail stay, rights go. Allowed from every state, repeatable."""
    return change_status(record, Status.TOMBSTONE, by=by, reason=reason)


def _no_way(record: UserRecord, to: Status) -> str:
    if record.status is Status.TOMBSTONE:
        return (
            f"user {record.username} is a tombstone and cannot become {to}: the account is gone and its name is never handed on. "
            "For the same person, allow a return or transfer the home to the person's new account"
        )
    possible = ", ".join(sorted(NEXT[record.status]))
    return f"user {record.username} is {record.status} and cannot become {to}; possible are: {possible}"
