"""RecordFailure: the stage and the cause in words, the lock given back, one mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.notices import Notices
from hubplane.domain.failures import describe_failure
from hubplane.domain.mails import failure_mail
from hubplane.entrypoint import plausible_name, task
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
    # A build may end before its input was found valid: what is no name must not become a key, or be mailed.
    cluster_name = plausible_name(event["cluster_name"]) or ""
    execution_arn, now = event["execution_arn"], datetime.now(UTC)
    failure = describe_failure(event["stage"], event["error"], event["cause"])
    entry = {"stage": failure.stage, "error": failure.error, "cause": failure.cause, "execution_arn": execution_arn}
    released = cluster_name != "" and clusters().record_failure(cluster_name, execution_arn, entry, now)
    mail = failure_mail(cluster_name, failure, execution_arn, held_lock=released)
    notices().send_once(cluster_name or "-", execution_arn, mail.subject, mail.text, now)
    return {
        "stage": failure.stage,
        "error": failure.error,
        "reason": failure.sentence,
        "changes": [],
        "lock_released": released,
    }
