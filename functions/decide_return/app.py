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
from hubplane.domain.registration.bringing_back import Change, Hands, bring_back
from hubplane.domain.registration.inputs import read_return
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
    changes, sentence = bring_back(asked, hands(now), now)
    if asked.mode != "enforce":
        return {"mode": "plan", "plan": [sentence], "changes": [], "reason": f"nothing was changed; enforce would: {sentence}"}
    return {"mode": "enforce", "plan": [sentence], "changes": changes, "reason": sentence}


def hands(now: datetime) -> Hands:
    users = UsersTable(client("dynamodb"), SETTINGS.users_table_name)
    accounts = Accounts(client("cognito-idp"), SETTINGS.user_pool_id)

    def store(username: str, sentence: str, changes: list[Change]) -> bool:
        step = entry_of_step(SETTINGS.ledger_table_name, username, sentence, now)
        return users.write(*(RecordChange(new, old) for new, old in changes), also=[step])

    return Hands(users.read, accounts.find, store, accounts.delete)
