"""DecideReturn: an admin lets a person come back: under the old name, or by giving the home to another account of theirs.

Event: ``username``, ``input`` as a person gave it. Only for a tombstone, and a home goes only where both accounts have the same
verified address. Result: ``plan``, and with ``enforce`` the ``changes``. Repeatable. Raises ``PersonInputInvalid`` and
``RegistrationRefused``, which say what stands against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.accounts import Accounts
from hubplane.adapters.people_ledger import entry_of_step
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.errors import NotYet, PersonInputInvalid
from hubplane.domain.registration.decision import RegistrationRefused
from hubplane.domain.registration.emails import same_address
from hubplane.domain.registration.inputs import Return, read_return
from hubplane.domain.registration.records import UserRecord
from hubplane.domain.registration.returning import allow_return, transfer_home
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    users_table_name: str
    ledger_table_name: str
    user_pool_id: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    asked, now = read_return(event["input"]), datetime.now(UTC)
    former = record_of(asked.username)
    changes, sentence = (allow if asked.way == "allow" else transfer)(asked, former, now)
    if asked.mode != "enforce":
        return {"mode": "plan", "plan": [sentence], "changes": [], "reason": f"nothing was changed; enforce would: {sentence}"}
    return {"mode": "enforce", "plan": [sentence], "changes": changes, "reason": sentence}


def allow(asked: Return, former: UserRecord, now: datetime) -> tuple[list[str], str]:
    """The permission, and the disabled account out of the pool, where it would keep the name."""
    change = allow_return(former, by=asked.by, now=now)
    accounts = Accounts(client("cognito-idp"), SETTINGS.user_pool_id)
    account = accounts.find(former.username)
    if account is not None and account.sub == former.sub and account.enabled:
        raise RegistrationRefused(
            f"the account {former.username} is enabled: off-board {former.username} once more, then allow it"
        )
    if account is not None and account.sub != former.sub:
        raise RegistrationRefused(f"the pool's account {former.username} is {account.sub}, not {former.sub}: look whose it is")
    changes = []
    if asked.mode == "enforce":
        store(former.username, f"{change.sentence}: {asked.reason}", now, RecordChange(change.record, former))
        changes.append(change.sentence)
        if account is not None:
            accounts.delete(former.username)
            changes.append(f"the disabled account {former.username} is deleted, so that its name can be signed up with")
    return changes, change.sentence


def transfer(asked: Return, former: UserRecord, now: datetime) -> tuple[list[str], str]:
    """The home to the person's other account, in one transaction with the ledger."""
    returning = record_of(asked.to or "")
    account = Accounts(client("cognito-idp"), SETTINGS.user_pool_id).find(returning.username)
    verified = (
        account is not None
        and account.sub == returning.sub
        and account.email_verified
        and same_address(account.email, returning.email)
    )
    home = transfer_home(former, returning, email_verified=verified, by=asked.by, reason=asked.reason)
    if asked.mode == "enforce" and home.changed:
        changed = (RecordChange(home.former, former), RecordChange(home.returning, returning))
        store(former.username, home.sentence, now, *changed)
        return [home.sentence], home.sentence
    return [], home.sentence if home.changed else f"done before: {home.sentence}"


def record_of(username: str) -> UserRecord:
    record = UsersTable(client("dynamodb"), SETTINGS.users_table_name).read(username)
    if record is None:
        raise PersonInputInvalid(f"{username}: nobody has or had this name; look at the Users table for how it is written")
    return record


def store(username: str, sentence: str, now: datetime, *changes: RecordChange) -> None:
    step = entry_of_step(SETTINGS.ledger_table_name, username, sentence, now)
    if not UsersTable(client("dynamodb"), SETTINGS.users_table_name).write(*changes, also=[step]):
        raise NotYet(f"a record of {username} was changed at this moment: look again")
