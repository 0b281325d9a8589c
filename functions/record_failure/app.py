"""RecordFailure: the stage and the cause in words, the lock given back, one mail."""

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
    # A build may end before its input was found valid: what is no name must not become a key, or be mailed.
    cluster_name = plausible_name(event["cluster_name"]) or ""
    execution_arn, now = event["execution_arn"], datetime.now(UTC)
    failure = describe_failure(event["stage"], event["error"], event["cause"])
    released = cluster_name != "" and clusters().record_failure(cluster_name, execution_arn, failure.entry(execution_arn), now)
    lock = "The lock is free." if released else "This build does not hold the cluster's lock; another one may."
    told = failure.told(cluster_name, execution_arn, lock=lock)
    mail = MailMessage(f"build_failed#{execution_arn}", "build_failed", cluster_name or None, None, told)
    queue_mail(client("sqs"), SETTINGS.mail_queue_url, mail)
    return failure.answer(released)
