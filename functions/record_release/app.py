"""RecordRelease: the cluster is ACTIVE; the lock is given back and the operators are told what changed."""

from __future__ import annotations

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
    changes = event["all_changes"]
    release = {**event["release"], "spec": event["spec"], "notes": event["notes"], "recorded_at": now.isoformat()}
    clusters().record_release(cluster_name, execution_arn, release, now)
    if changes:
        told = {"cluster": cluster_name, "hub_url": event["release"]["hub_url"], "changes": changes, "notes": event["notes"]}
        mail = MailMessage(f"build_finished#{execution_arn}", "build_finished", cluster_name, None, told)
        queue_mail(client("sqs"), SETTINGS.mail_queue_url, mail)
    return {
        "status": "ACTIVE",
        "changes": [],
        "reason": f"{len(changes)} change(s) made" if changes else "nothing to change: the cluster is as specified",
    }
