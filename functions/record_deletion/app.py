"""RecordDeletion: the cluster is DELETED, with what stays of it; locks given back, one mail to the operators. Repeatable.

Event: ``cluster_name``, ``homes``, ``listing_key``, ``execution_arn``. Result: ``status``, ``kept``, ``usd_per_month``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.mail_queue import queue_mail
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.clusters import DELETED
from hubplane.domain.deletion.listing import lines_of, summary_of
from hubplane.domain.errors import LockLost
from hubplane.domain.mail.messages import MailMessage
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    mail_queue_url: str
    storage_bucket_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, execution_arn, key = event["cluster_name"], event["execution_arn"], event["listing_key"]
    listing = StorageBucket(client("s3"), SETTINGS.storage_bucket_name).json(key)
    summary = summary_of(listing, key)
    entry = {**summary, "homes": event["homes"], "execution_arn": execution_arn}
    clusters = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    if not clusters.record_deletion(cluster_name, execution_arn, entry, DELETED, datetime.now(UTC)):
        raise LockLost(f"{execution_arn} no longer holds cluster {cluster_name}: look at its record and at who holds it now")
    told = {
        "cluster": cluster_name,
        "homes": event["homes"],
        "kept": lines_of(listing),
        "cost": f"{summary['usd_per_month']:.2f}",
        "listing": f"s3://{SETTINGS.storage_bucket_name}/{key}",
    }
    mail = MailMessage(f"cluster_deleted#{execution_arn}", "cluster_deleted", cluster_name, None, told)
    queue_mail(client("sqs"), SETTINGS.mail_queue_url, mail)
    stays = ", ".join(f"{count} {kind}(s)" for kind, count in summary["kept"].items()) or "nothing"
    return {
        "status": DELETED,
        **summary,
        "changes": [],
        "reason": f"deleted; what stays: {stays}, for at most {summary['usd_per_month']:.2f} USD a month",
    }
