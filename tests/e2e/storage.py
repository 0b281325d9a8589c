"""What a night changed: everything that a storage day could touch, told before and after."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime
from typing import Any

from hubplane.adapters.storage_bucket import StorageBucket
from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane

CLUSTER = "opensarlab"


def ebs(hubplane: Hubplane) -> dict[str, dict[str, dict[str, Any]]]:
    """Every volume and snapshot of the emulated account by id."""
    with urllib.request.urlopen(f"{hubplane.cloud.endpoint_url}/_hubplane/ebs", timeout=30) as answer:
        found = json.load(answer)
    return {kind: {item[f"{kind[:-1]}_id"]: item for item in found[kind]} for kind in ("volumes", "snapshots")}


def cluster_storage(hubplane: Hubplane) -> dict[str, str]:
    """Every claim and PersistentVolume of the cluster, and the version of each."""
    listed = json.loads(hubplane.run(CLUSTER, "kubectl", "get", "pvc,pv", "-A", "-o", "json"))["items"]
    return {f"{item['kind']} {item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in listed}


def table(hubplane: Hubplane, name: str) -> dict[str, Any]:
    """Every item of a table of the control plane by its keys."""
    pages = hubplane.client("dynamodb").get_paginator("scan").paginate(TableName=hubplane.control_plane.outputs[name])
    items = [item for page in pages for item in page["Items"]]
    return {json.dumps([item.get(key) for key in ("cluster", "entry", "username", "cluster_name")]): item for item in items}


def everything(hubplane: Hubplane) -> dict[str, Any]:
    """What a plan must leave as it is. The report's own mail is no change of anything."""
    ledger = {key: item for key, item in table(hubplane, "LedgerTableName").items() if "daily_report" not in key}
    return {
        "ebs": ebs(hubplane),
        "cluster": cluster_storage(hubplane),
        "users": table(hubplane, "UsersTableName"),
        "ledger": ledger,
        "mails": sorted(mail["Subject"] for mail in mails(hubplane) if "storage on" not in mail["Subject"]),
    }


def mails(hubplane: Hubplane) -> list[dict[str, Any]]:
    """Every mail that SES took."""
    with urllib.request.urlopen(f"{hubplane.cloud.endpoint_url}/_ministack/ses/messages", timeout=10) as answer:
        return [mail for found in json.load(answer)["messages"].values() for mail in found]


def plan_of(hubplane: Hubplane, outcome: Outcome, step: str) -> dict[str, dict[str, Any]]:
    """The plan of one step of a day, by id."""
    bucket = StorageBucket(hubplane.client("s3"), hubplane.control_plane.outputs["StorageBucketName"])
    prefix = next(item["prefix"] for item in outcome.result["steps"] if item["step"] == step)
    return {line["resource_id"]: line for line in bucket.lines(f"{prefix}{step}/plan.jsonl.gz")}


def with_action(plan: dict[str, dict[str, Any]], *actions: str) -> set[str]:
    return {key for key, line in plan.items() if line["action"] in actions}


def day(hubplane: Hubplane, mode: str, **more: Any) -> Outcome:
    """One storage day that ends well."""
    outcome = hubplane.follow(hubplane.start_machine("RunStorageDay", {"cluster_name": CLUSTER, "mode": mode, **more}))
    assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    return outcome


def old_snapshots(volume_id: str, claim_name: str, count: int) -> list[dict[str, Any]]:
    """So many snapshots of a volume from one hour long ago, which no ladder needs all of."""
    tags = {
        f"kubernetes.io/cluster/{CLUSTER}": "owned",
        "kubernetes.io/created-for/pvc/name": claim_name,
        "kubernetes.io/created-for/pvc/namespace": "jupyter",
    }
    at = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
    return [
        {
            "snapshot_id": f"snap-{number:017x}",
            "volume_id": volume_id,
            "size_gib": 500,
            "started_at": at.replace(minute=number % 60, second=number // 60).isoformat(),
            "state": "completed",
            "tags": tags,
        }
        for number in range(1, count + 1)
    ]
