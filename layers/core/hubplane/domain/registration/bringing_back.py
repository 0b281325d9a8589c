"""Bringing a person back, as ``returning`` decides: under the old name, or by giving the home to another account of theirs.

Planned and enforced it takes the same looks and meets the same obstacles; only what is stored differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hubplane.domain.errors import NotYet, PersonInputInvalid
from hubplane.domain.registration.decision import RegistrationRefused
from hubplane.domain.registration.emails import same_address
from hubplane.domain.registration.inputs import Return
from hubplane.domain.registration.records import UserRecord
from hubplane.domain.registration.returning import allow_return, transfer_home

__all__ = ["Account", "Hands", "bring_back"]

Change = tuple[UserRecord, UserRecord]
"""(the record as it is to be, as it was read)"""


class Account(Protocol):
    """An account of the user pool; ``adapters.accounts.Account``."""

    @property
    def sub(self) -> str:
        """Who it is."""

    @property
    def email(self) -> str:
        """The address, as Cognito has it."""

    @property
    def email_verified(self) -> bool:
        """Whether its holder has proved it."""

    @property
    def enabled(self) -> bool:
        """Whether it may sign in."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What it takes. Every call may be repeated.

    ``record`` and ``account`` by username. ``store`` writes records with the ledger's sentence on a name in one transaction;
    False where one is not as it was read any more. ``delete`` removes an account from the pool.
    """

    record: Callable[[str], UserRecord | None]
    account: Callable[[str], Account | None]
    store: Callable[[str, str, list[Change]], bool]
    delete: Callable[[str], object]


def bring_back(asked: Return, hands: Hands, now: datetime) -> tuple[list[str], str]:
    """(changes, what was done or would be). Raises ``PersonInputInvalid`` and ``RegistrationRefused``, which say what stands
    against it, and ``NotYet`` where a record changed since it was read. Repeatable.
    """
    former = _record_of(asked.username, hands)
    return _allow(asked, former, hands, now) if asked.way == "allow" else _transfer(asked, former, hands)


def _allow(asked: Return, former: UserRecord, hands: Hands, now: datetime) -> tuple[list[str], str]:
    """The permission, and the disabled account out of the pool, where it would keep the name."""
    change = allow_return(former, by=asked.by, now=now)
    account = hands.account(former.username)
    if account is not None and account.sub == former.sub and account.enabled:
        raise RegistrationRefused(
            f"the account {former.username} is enabled: off-board {former.username} once more, then allow it"
        )
    if account is not None and account.sub != former.sub:
        raise RegistrationRefused(f"the pool's account {former.username} is {account.sub}, not {former.sub}: look whose it is")
    changes = []
    if asked.mode == "enforce":
        _store(former.username, f"{change.sentence}: {asked.reason}", [(change.record, former)], hands)
        changes.append(change.sentence)
        if account is not None:
            hands.delete(former.username)
            changes.append(f"the disabled account {former.username} is deleted, so that its name can be signed up with")
    return changes, change.sentence


def _transfer(asked: Return, former: UserRecord, hands: Hands) -> tuple[list[str], str]:
    """The home to the person's other account, in one transaction with the ledger."""
    returning = _record_of(asked.to or "", hands)
    account = hands.account(returning.username)
    verified = (
        account is not None
        and account.sub == returning.sub
        and account.email_verified
        and same_address(account.email, returning.email)
    )
    home = transfer_home(former, returning, email_verified=verified, by=asked.by, reason=asked.reason)
    if asked.mode == "enforce" and home.changed:
        _store(former.username, home.sentence, [(home.former, former), (home.returning, returning)], hands)
        return [home.sentence], home.sentence
    return [], home.sentence if home.changed else f"done before: {home.sentence}"


def _record_of(username: str, hands: Hands) -> UserRecord:
    record = hands.record(username)
    if record is None:
        raise PersonInputInvalid(f"{username}: nobody has or had this name; look at the Users table for how it is written")
    return record


def _store(username: str, sentence: str, changes: list[Change], hands: Hands) -> None:
    if not hands.store(username, sentence, changes):
        raise NotYet(f"a record of {username} was changed at this moment: look again")
