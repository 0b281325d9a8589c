"""PlanAdoption: whose each home is that says nobody's, from a swept cluster, written down for an admin to read; or what of a plan
that was approved is still true. Repeatable. Nothing is marked here.

Event: ``cluster_name``, ``run``, ``mode``, ``plan_id``, ``by``. Result: ``plan_id``, ``plan_key``, ``counts`` by verdict, and
with mode ``enforce`` ``marks_key`` and ``homes``. Raises ``HomeChangeRefused`` where there is no plan of that id.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.adoptions import Adoptions
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.errors import HomeChangeRefused
from hubplane.domain.homes.adopting import (
    AdoptionLine,
    line_from_json,
    line_to_json,
    marks_of,
    plan_adoption,
    plan_id_of,
)
from hubplane.domain.storage.policy import policy_from_json
from hubplane.domain.storage.view import view_of
from hubplane.entrypoint import task
from hubplane.memory import not_collecting
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    storage_bucket_name: str
    ledger_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, run, now = event["cluster_name"], event["run"], datetime.now(UTC)
    bucket = StorageBucket(client("s3"), SETTINGS.storage_bucket_name)
    adoptions = Adoptions(client("dynamodb"), SETTINGS.ledger_table_name)
    with not_collecting():
        inventory = bucket.inventory(run["prefix"])
        lines = plan_adoption(view_of(inventory, policy_from_json(run["policy"]), now))
    counts = dict(Counter(str(line.verdict) for line in lines))
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in sorted(counts)) or "no homes"
    if event["mode"] == "enforce":
        return enforce(bucket, adoptions, event, lines) | {"counts": counts}
    plan_id = plan_id_of(cluster_name, lines)
    plan_key = f"reports/{cluster_name}/adoptions/{plan_id}.jsonl.gz"
    bucket.put_lines(plan_key, map(line_to_json, lines))
    adoptions.plan(cluster_name, plan_id, plan_key, counts, now)
    return {
        "plan_id": plan_id,
        "plan_key": plan_key,
        "counts": counts,
        "marks_key": None,
        "homes": 0,
        "changes": [],
        "reason": f"plan {plan_id}: {told}",
    }


def enforce(
    bucket: StorageBucket, adoptions: Adoptions, event: dict[str, Any], fresh: tuple[AdoptionLine, ...]
) -> dict[str, Any]:
    """What of the approved plan is still true, for MarkHomes; who approved it is in the Ledger before the first mark."""
    cluster_name, plan_id = event["cluster_name"], event["plan_id"]
    plan_key = adoptions.planned_key(cluster_name, plan_id)
    if plan_key is None:
        raise HomeChangeRefused(
            f"there is no plan {plan_id} of {cluster_name}: run mode plan, read what it says, give its plan_id"
        )
    marks = marks_of(map(line_from_json, bucket.lines(plan_key)), fresh)
    marks_key = f"{event['run']['prefix']}adopt_homes/marks.jsonl.gz"
    bucket.put_lines(marks_key, map(asdict, marks))
    adoptions.approve(cluster_name, plan_id, event["by"], event["execution_arn"], datetime.now(UTC))
    return {
        "plan_id": plan_id,
        "plan_key": plan_key,
        "marks_key": marks_key,
        "homes": len(marks),
        "changes": [],
        "reason": f"plan {plan_id}, approved by {event['by']}: {len(marks)} homes",
    }
