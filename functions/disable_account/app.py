"""DisableAccount: the record and the account of who leaves are disabled, and every session is signed out. Repeatable.

Event: ``username``, ``sub``, ``by``, ``said_reason``. The record comes first: the hub asks it before it starts a server.
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
from hubplane.domain.registration.records import Status, change_status
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
    username, sub = event["username"], event["sub"]
    users = UsersTable(client("dynamodb"), SETTINGS.users_table_name)
    record = users.read(username)
    if record is None or record.sub != sub:
        raise PersonInputInvalid(f"username = {username}: it is not the name of account {sub} any more; start again")
    changes: list[str] = []
    if record.status is Status.APPROVED:
        change = change_status(record, Status.DISABLED, by=event["by"], reason=event["said_reason"])
        step = entry_of_step(SETTINGS.ledger_table_name, username, change.sentence, datetime.now(UTC))
        if not users.write(RecordChange(change.record, record), also=[step]):
            raise NotYet(f"the record of {username} was changed at this moment: look again")
        changes.append(change.sentence)
    accounts = Accounts(client("cognito-idp"), SETTINGS.user_pool_id)
    account = accounts.find(username)
    if account is None or account.sub != sub:
        return {"changes": changes, "reason": f"the user pool has no account {sub} of the name {username}"}
    if account.enabled:
        accounts.disable(username)
        changes.append(f"account {username} is disabled")
    accounts.sign_out(username)
    return {"changes": changes, "reason": f"{username} can sign in no more and is signed out everywhere"}
