"""RecordRelease: the cluster is ACTIVE; the lock is given back and the operators are told what changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.notices import Notices
from hubplane.domain.mails import release_mail
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
    changes = event["all_changes"]
    release = {**event["release"], "spec": event["spec"], "notes": event["notes"], "recorded_at": now.isoformat()}
    clusters().record_release(cluster_name, execution_arn, release, now)
    if changes:
        mail = release_mail(cluster_name, event["release"]["hub_url"], changes, event["notes"])
        notices().send_once(cluster_name, execution_arn, mail.subject, mail.text, now)
    return {
        "status": "ACTIVE",
        "changes": [],
        "reason": f"{len(changes)} change(s) made" if changes else "nothing to change: the cluster is as specified",
    }
