"""TellDiagnosis: the operators hear what a scheduled diagnosis found, once a day as long as it stays the same. Repeatable.

Event: ``cluster_name``, ``findings``, ``mended`` and ``held_back`` in sentences, ``reason``. A healthy cluster is not told of.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.mail_queue import queue_mail
from hubplane.domain.mail.messages import MailMessage
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    mail_queue_url: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, findings, execution_arn = event["cluster_name"], event["findings"], event["execution_arn"]
    if not findings:
        return {"changes": [], "reason": "there is nothing to tell"}
    # The checks and what they say, not the evidence, whose times and counts change each hour.
    told = "\n".join(sorted(f"{item['check']} {item['sentence']}" for item in findings) + sorted(event["mended"]))
    occasion = hashlib.sha256(told.encode()).hexdigest()[:12]
    context = {
        "cluster": cluster_name,
        "reason": event["reason"],
        "findings": [f"{item['severity']}: {item['sentence']} ({item['runbook']})" for item in findings],
        "mended": [*event["mended"], *event["held_back"]],
        "execution": execution_arn,
    }
    mail_id = f"diagnosis#{cluster_name}#{datetime.now(UTC):%Y-%m-%d}#{occasion}"
    queue_mail(client("sqs"), SETTINGS.mail_queue_url, MailMessage(mail_id, "cluster_unwell", cluster_name, None, context))
    return {"changes": [], "reason": f"{len(findings)} finding(s) told"}
