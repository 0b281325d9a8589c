"""RecordDrill: what a drill found, for the storage reports; the operators hear of it where something was found. Repeatable.

Event: ``cluster_name``, ``run``, ``results`` (one per home: ``pick``, ``finding``, ``mounted``), ``notes``,
``execution_arn``. Result: ``status`` ``passed`` or ``failed``, ``summary``, ``findings``. Another drill may start now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.home_holds import HomeHolds
from hubplane.adapters.mail_queue import queue_mail
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.homes.drilling import DRILL_HOLD, pick_from_json, told
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.report.drill import drill_key, drill_report, drill_to_json
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    storage_bucket_name: str
    ledger_table_name: str
    mail_queue_url: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, execution_arn = event["cluster_name"], event["execution_arn"]
    results = [
        {"finding": item["finding"], "sentence": told(pick_from_json(item["pick"]), item["finding"], mounted=item["mounted"])}
        for item in event["results"]
    ]
    drill = drill_report(event["run"]["run_id"], results, event["notes"], datetime.now(UTC))
    bucket = StorageBucket(client("s3"), SETTINGS.storage_bucket_name)
    bucket.put_json(drill_key(cluster_name), drill_to_json(drill))
    if drill.findings:
        context = {
            "cluster": cluster_name,
            "summary": drill.summary,
            "findings": list(drill.findings),
            "execution": execution_arn,
        }
        message = MailMessage(f"drill_failed#{execution_arn}", "drill_failed", cluster_name, context=context)
        queue_mail(client("sqs"), SETTINGS.mail_queue_url, message)
    HomeHolds(client("dynamodb"), SETTINGS.ledger_table_name).release(cluster_name, DRILL_HOLD, execution_arn)
    return {
        "status": "failed" if drill.findings else "passed",
        "summary": drill.summary,
        "findings": list(drill.findings),
        "changes": [],
        "reason": drill.summary,
    }
