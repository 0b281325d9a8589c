"""TellHomeGrowth: the person and the operators are told by mail, once, and the Ledger that the growth is finished. Repeatable.

Event: ``growth``, ``all_changes``, ``execution_arn``. Raises what the queue raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.home_growths import HomeGrowths
from hubplane.adapters.mail_queue import queue_mails
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.homes.growing import growth_from_json
from hubplane.domain.mail.growth_mails import growth_mails
from hubplane.domain.registration.owners import emails_of
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
    growth, execution_arn, now = growth_from_json(event["growth"]), event["execution_arn"], datetime.now(UTC)
    growths = HomeGrowths(client("dynamodb"), SETTINGS.ledger_table_name)
    begun_at = growths.begun_at(growth.cluster_name, growth.claim_name, growth.to_gib)
    if begun_at is None:
        return {"changes": [], "reason": f"{growth.username} and the operators were told of {growth.to_gib} GiB already"}
    record = UsersTable(client("dynamodb"), SETTINGS.users_table_name).read(growth.username)
    address = emails_of([record]).get(growth.owner_sub) if record else None
    hub_url = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(growth.cluster_name).hub_url
    messages = growth_mails(growth, address, hub_url, begun_at, event["all_changes"], execution_arn)
    queue_mails(client("sqs"), SETTINGS.mail_queue_url, messages)
    growths.finish(growth, {"changes": event["all_changes"]}, now)
    told = ", ".join(message.name for message in messages)
    return {"changes": [], "reason": f"queued: {told}"}
