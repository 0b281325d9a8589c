"""StartSnapshots: the snapshots of the plan, as many at a time as the account may have pending.

Event: ``run``, ``cursor`` (null at first). Result: ``done``, ``cursor`` to go on from after a wait, and counts of this call.
Repeatable from the same cursor: what an earlier try started is found by its tag and the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache, partial
from typing import Any

import boto3

from hubplane.adapters.clock import SystemClock
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.ledger_table import StorageLedger
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.storage.actions import PlannedAction
from hubplane.domain.storage.documents import action_from_json
from hubplane.domain.storage.executing import Tools, refuse_unless_enforced
from hubplane.domain.storage.looking import Known
from hubplane.domain.storage.outcomes import Outcome, outcome_to_json
from hubplane.domain.storage.pacing import Pace
from hubplane.domain.storage.policy import policy_from_json
from hubplane.domain.storage.starting import leave_for_tomorrow, progress_result, start_from
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    ledger_table_name: str
    storage_bucket_name: str
    work_seconds: int


SETTINGS = read_settings(Settings)
CLOCK = SystemClock()
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
ebs = cache(Ebs.connect)
storage_bucket = cache(lambda: StorageBucket(client("s3"), SETTINGS.storage_bucket_name))


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run, now = event["run"], CLOCK.now()
    refuse_unless_enforced(run["mode"])
    bucket = storage_bucket()
    folder = f"{run['prefix']}{run['step']}/"
    batches = [partial(read_batch, item["key"]) for item in batch_items(f"{folder}batches.json")]
    at, known = event.get("cursor") or {"batch": 0, "start": 0}, known_of(run["prefix"])

    def keep(name: str, outcomes: Sequence[Outcome]) -> None:
        bucket.put_lines(f"{folder}outcomes/{name}.jsonl.gz", map(outcome_to_json, outcomes))

    deadline_at = datetime.fromisoformat(run["deadline_at"])
    if now >= deadline_at:
        return progress_result(leave_for_tomorrow(at["batch"], at["start"], batches, keep, known))
    ledger = StorageLedger(
        client("dynamodb"), SETTINGS.ledger_table_name, event["cluster_name"], run["night_at"][:10], run["run_id"]
    )
    stop_at = min(deadline_at, now + timedelta(seconds=SETTINGS.work_seconds))
    tools, policy = Tools(ebs(), None, ledger, CLOCK, Pace(CLOCK), stop_at), policy_from_json(run["policy"])
    return progress_result(start_from(at["batch"], at["start"], batches, keep, known, policy, tools, run["run_id"]))


# What a plan wrote never changes, and this function is called every few minutes of a night: it reads each object once while warm.
@lru_cache(maxsize=1)
def known_of(prefix: str) -> Known:
    """Owners, sightings and all else that the sweep found beside volumes and snapshots."""
    return Known(storage_bucket().cluster(prefix).inventory)


@lru_cache(maxsize=1)
def batch_items(key: str) -> list[dict[str, Any]]:
    """What ``batches.json`` lists."""
    return storage_bucket().json(key) or []


@lru_cache(maxsize=1)
def read_batch(key: str) -> list[PlannedAction]:
    """The changes of one batch, in the plan's order."""
    return [action_from_json(line) for line in storage_bucket().lines(key)]
