"""TellHomeChange: the person and the operators are told by mail, and the Ledger what became of the change. Repeatable.

Event: ``change``, ``volume_id``, ``copy_id`` (of the former volume, or null), ``all_changes``, ``execution_arn``. Result:
``notes`` for operators, ``undo`` (an input of restore_home that brings the former home back, or null). Raises what the queue
raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.home_changes import finish_change
from hubplane.adapters.mail_queue import queue_mails
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.homes.changes import HomeChange, Kind, change_from_json
from hubplane.domain.mail.home_mails import notes_of, operators_mail, person_mail
from hubplane.domain.mail.storage_mails import Recipient
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    users_table_name: str
    ledger_table_name: str
    mail_queue_url: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    change, execution_arn = change_from_json(event["change"]), event["execution_arn"]
    volume_id, copy_id, changes = event["volume_id"], event["copy_id"], event["all_changes"]
    notes, undo = notes_of(change, volume_id, copy_id), undo_of(change, copy_id)
    outcome = {"volume_id": volume_id, "copy_id": copy_id, "changes": changes, "undo": undo}
    finish_change(client("dynamodb"), SETTINGS.ledger_table_name, change, execution_arn, outcome, datetime.now(UTC))
    messages = [operators_mail(change, volume_id, copy_id, changes, execution_arn)]
    record = UsersTable(client("dynamodb"), SETTINGS.users_table_name).read(change.username)
    hub_url = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(change.cluster_name).hub_url
    if record is not None and record.sub == change.owner_sub and hub_url is not None:
        to = Recipient(record.username, record.email or None)
        messages.append(person_mail(change, volume_id, copy_id, to, hub_url, execution_arn))
    queue_mails(client("sqs"), SETTINGS.mail_queue_url, messages)
    return {"notes": notes, "undo": undo, "changes": [], "reason": change.reason}


def undo_of(change: HomeChange, copy_id: str | None) -> dict[str, str] | None:
    """The input that puts the home back as it was before."""
    if change.kind is not Kind.INSTEAD or copy_id is None:
        return None
    shared = {"cluster_name": change.cluster_name, "username": change.username}
    return {**shared, "snapshot_id": copy_id, "placement": "instead", "mode": "enforce"}
