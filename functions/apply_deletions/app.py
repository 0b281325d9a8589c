"""ApplyDeletions: one batch of a pruning plan carried out, each change looked at again right before.

Event: ``run``, ``batch`` (one item of ``batches.json``). Result: counts of what became of it. Repeatable: the ledger knows what
an earlier try intended and did. Calls eks:DescribeCluster and the cluster's API where volumes are to go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import PurePosixPath
from typing import Any

import boto3

from hubplane.adapters.claims import Claims
from hubplane.adapters.clock import SystemClock
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.ledger_table import StorageLedger
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.storage.actions import Action, PlannedAction
from hubplane.domain.storage.deleting import apply_batch
from hubplane.domain.storage.documents import action_from_json
from hubplane.domain.storage.executing import Tools, refuse_unless_enforced
from hubplane.domain.storage.looking import Known
from hubplane.domain.storage.outcomes import counts, outcome_to_json
from hubplane.domain.storage.pacing import Pace
from hubplane.domain.storage.policy import policy_from_json
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    ledger_table_name: str
    storage_bucket_name: str
    work_seconds: int


SETTINGS = read_settings(Settings)
CLOCK = SystemClock()
SESSION = boto3.Session()
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
ebs = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run, cluster_name, key = event["run"], event["cluster_name"], event["batch"]["key"]
    refuse_unless_enforced(run["mode"])
    stop_at = CLOCK.now() + timedelta(seconds=SETTINGS.work_seconds)
    bucket, known = storage_bucket(), known_of(run["prefix"])
    lines = list(bucket.lines(key))
    actions = [action_from_json(line) for line in lines]
    volume_of = {line["resource_id"]: line["volume_id"] for line in lines if "volume_id" in line}
    batch = f"{run['step']}-{PurePosixPath(key).name.partition('.')[0]}"
    ledger = StorageLedger(client("dynamodb"), SETTINGS.ledger_table_name, cluster_name, run["night_at"][:10], run["run_id"])
    tools = Tools(ebs(), claims_for(actions, cluster_name), ledger, CLOCK, Pace(CLOCK), stop_at)
    outcomes = apply_batch(batch, actions, known, policy_from_json(run["policy"]), tools, run["run_id"], volume_of)
    bucket.put_lines(f"{run['prefix']}{run['step']}/outcomes/{batch}.jsonl.gz", map(outcome_to_json, outcomes))
    counted = counts(outcomes)
    told = ", ".join(f"{count} {result}" for result, count in counted.items() if count)
    return {
        **counted,
        "changes": [f"deleted {counted['deleted']}, started {counted['started']} snapshots"] if counted["deleted"] else [],
        "reason": f"of {len(actions)} changes: {told}",
    }


@cache
def storage_bucket() -> StorageBucket:
    return StorageBucket(client("s3"), SETTINGS.storage_bucket_name)


@lru_cache(maxsize=1)  # what a sweep wrote never changes: a warm function reads it once for all batches
def known_of(prefix: str) -> Known:
    """Owners, sightings and all else that the sweep found beside volumes and snapshots."""
    return Known(storage_bucket().cluster(prefix).inventory)


def claims_for(actions: Sequence[PlannedAction], cluster_name: str) -> Claims | None:
    """The cluster's claims where the batch is about volumes."""
    if not any(action.action in (Action.DELETE_CLAIM, Action.DELETE_VOLUME) for action in actions):
        return None
    return Claims(Kubernetes(cluster_connection(client("eks"), SESSION, cluster_name)))
