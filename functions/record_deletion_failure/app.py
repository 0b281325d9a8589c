"""RecordDeletionFailure: the stage and the cause in words, the locks given back, one mail. Repeatable.

Event: ``cluster_name``, ``stage``, ``error``, ``cause``, ``execution_arn``. Without a lock nothing is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.mail_queue import queue_mail
from hubplane.domain.failures import describe_failure
from hubplane.domain.mail.messages import MailMessage
from hubplane.entrypoint import plausible_name, task
from hubplane.settings import read_settings

FAILED = "DELETION_FAILED"
FREE = "Its record is DELETION_FAILED and its locks are free: nobody mounts a home there until it is deleted or built."
UNTOUCHED = "Nothing of it was changed by this execution."


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    mail_queue_url: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    # It may end before its input was found valid: what is no name must not become a key, or be mailed.
    cluster_name = plausible_name(event["cluster_name"]) or ""
    execution_arn, now = event["execution_arn"], datetime.now(UTC)
    failure = describe_failure(event["stage"], event["error"], event["cause"])
    entry = failure.entry(execution_arn)
    clusters = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    released = cluster_name != "" and clusters.record_deletion(cluster_name, execution_arn, entry, FAILED, now)
    told = failure.told(cluster_name, execution_arn, state=FREE if released else UNTOUCHED)
    mail = MailMessage(f"deletion_failed#{execution_arn}", "deletion_failed", cluster_name or None, None, told)
    queue_mail(client("sqs"), SETTINGS.mail_queue_url, mail)
    return failure.answer(released)
