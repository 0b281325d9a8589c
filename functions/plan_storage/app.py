"""PlanStorage: an action and a reason for everything in scope, out of the run's inventory in S3, and into S3. Repeatable.

Event: ``run``, ``approved_key`` (null, or the key of the stop that a person approved). Result: ``counts`` by action; ``stop``,
null or ``{key, reason, count}``; ``batches_key`` and ``batch_count``; ``warning_count``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.errors import ProviderError
from hubplane.domain.storage.actions import BlastRadiusStop
from hubplane.domain.storage.documents import warning_to_json
from hubplane.domain.storage.planning import Things, action_counts, batches_of, counts_in_words, plan_step, stop_hash
from hubplane.domain.storage.policy import policy_from_json
from hubplane.entrypoint import task
from hubplane.memory import not_collecting
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    storage_bucket_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run = event["run"]
    step, home = run["step"], f"{run['prefix']}{run['step']}/"
    bucket = StorageBucket(client("s3"), SETTINGS.storage_bucket_name)
    approved = approved_ids(bucket, home, event.get("approved_key"))
    with not_collecting():
        inventory = bucket.inventory(run["prefix"])
        plan = plan_step(step, inventory, policy_from_json(run["policy"]), datetime.now(UTC), approved)
    things = Things(inventory)
    bucket.put_lines(f"{home}plan.jsonl.gz", map(things.line, plan.actions))
    bucket.put_lines(f"{home}warnings.jsonl.gz", map(warning_to_json, plan.warnings))
    batches = []
    for number, lines in enumerate(batches_of(plan, things), 1):
        key = f"{home}batches/{number:05}.jsonl.gz"
        batches.append({"number": number, "key": key, "count": bucket.put_lines(key, lines)})
    bucket.put_json(f"{home}batches.json", batches)
    counts = action_counts(plan)
    told = counts_in_words(counts)
    return {
        "counts": counts,
        "stop": keep_stop(bucket, home, plan.stop),
        "batches_key": f"{home}batches.json",
        "batch_count": len(batches),
        "warning_count": len(plan.warnings),
        "changes": [],
        "reason": told if plan.stop is None else f"{told} Stopped: {plan.stop.reason}.",
    }


def approved_ids(bucket: StorageBucket, home: str, key: str | None) -> frozenset[str]:
    """What a person approved, by the stop of this run and step that was shown; nothing for None."""
    if key is None:
        return frozenset()
    stop = bucket.json(key) if key.startswith(f"{home}stop-") else None
    if stop is None:
        raise ProviderError(
            f"approved_key = {key}: is no stop of this run below {home}; approve the one that PlanStorage answered"
        )
    return frozenset(stop["resource_ids"])


def keep_stop(bucket: StorageBucket, home: str, stop: BlastRadiusStop | None) -> dict[str, Any] | None:
    """The stop in S3 under a key that names its ids, and what a person is told of it."""
    if stop is None:
        return None
    key = f"{home}stop-{stop_hash(stop)}.json"
    bucket.put_json(key, {"reason": stop.reason, "resource_ids": stop.resource_ids})
    return {"key": key, "reason": stop.reason, "count": len(stop.resource_ids)}
