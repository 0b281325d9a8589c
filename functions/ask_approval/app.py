"""AskApproval: tells the operators what a change would replace or remove, and how to allow or refuse it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.notices import Notices
from hubplane.domain.mails import approval_mail
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    operators_topic_arn: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@cache
def clusters() -> ClustersTable:
    return ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)


@cache
def notices() -> Notices:
    return Notices(client("sns"), client("dynamodb"), SETTINGS.operators_topic_arn, SETTINGS.ledger_table_name)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, execution_arn, now = event["cluster_name"], event["execution_arn"], datetime.now(UTC)
    question = {
        "task_token": event["task_token"],
        "change_set_name": event["change_set_name"],
        "changes": event["stack_changes"],
        "reason": event["reason"],
        "asked_at": now.isoformat(),
    }
    clusters().record_approval_request(cluster_name, execution_arn, question)
    mail = approval_mail(cluster_name, event["stack_changes"], event["reason"], event["task_token"])
    notices().send_once(cluster_name, f"approval#{event['change_set_name']}", mail.subject, mail.text, now)
    return {"asked": True, "changes": [], "reason": f"asked the operators: {event['reason']}"}
