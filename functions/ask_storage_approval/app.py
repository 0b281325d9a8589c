"""AskStorageApproval: a night would delete more than its share; the operators are asked, and nothing is begun before they answer.

Event: ``run``, ``task_token``, ``stop`` as PlanStorage answered it. The answer goes to the task token.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.mail_queue import queue_mail
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.mail.messages import MailMessage
from hubplane.entrypoint import task
from hubplane.settings import read_settings

# A mail names the first ones; all of them, each with its reason, are in the plan in the storage bucket.
NAMED = 20


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    mail_queue_url: str
    storage_bucket_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, run, stop, task_token = event["cluster_name"], event["run"], event["stop"], event["task_token"]
    question = {"task_token": task_token, "stop": stop, "step": run["step"], "asked_at": datetime.now(UTC).isoformat()}
    ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).record_storage_question(
        cluster_name, run["holder_arn"], question
    )
    resource_ids = (StorageBucket(client("s3"), SETTINGS.storage_bucket_name).json(stop["key"]) or {}).get("resource_ids", [])
    further = len(resource_ids) - NAMED
    told = {
        "cluster": cluster_name,
        "question": f"Tonight's {run['step']} of cluster {cluster_name} would delete more than a night may.",
        "reason": stop["reason"],
        "changes": [
            *(f"delete {resource_id}" for resource_id in resource_ids[:NAMED]),
            *([f"and {further} more, see s3://{SETTINGS.storage_bucket_name}/{stop['key']}"] if further > 0 else []),
            f"why each of them: s3://{SETTINGS.storage_bucket_name}/{run['prefix']}{run['step']}/plan.jsonl.gz",
        ],
        "task_token": task_token,
        "execution": event["execution_arn"],
    }
    # A retried state has another token, and the former mail's commands answer nobody any more.
    asked = hashlib.sha256(task_token.encode()).hexdigest()[:16]
    mail_id = f"approval_needed#{run['run_id']}#{run['step']}#{asked}"
    queue_mail(client("sqs"), SETTINGS.mail_queue_url, MailMessage(mail_id, "approval_needed", cluster_name, None, told))
    return {"asked": True, "changes": [], "reason": f"asked the operators: {stop['reason']}"}
