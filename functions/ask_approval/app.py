"""AskApproval: tells the operators what a change would replace or remove, and how to allow or refuse it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.mail_queue import queue_mail
from hubplane.domain.mail.messages import MailMessage
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    mail_queue_url: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@cache
def clusters() -> ClustersTable:
    return ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)


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
    told = {
        "cluster": cluster_name,
        "question": f"The build of cluster {cluster_name} would change its stack in a way that replaces or removes something.",
        "reason": event["reason"],
        "changes": event["stack_changes"],
        "task_token": event["task_token"],
        "execution": execution_arn,
    }
    # A retried state has another token, and the former mail's commands answer nobody any more.
    asked = hashlib.sha256(event["task_token"].encode()).hexdigest()[:16]
    mail_id = f"approval_needed#{event['change_set_name']}#{asked}"
    queue_mail(client("sqs"), SETTINGS.mail_queue_url, MailMessage(mail_id, "approval_needed", cluster_name, None, told))
    return {"asked": True, "changes": [], "reason": f"asked the operators: {event['reason']}"}
