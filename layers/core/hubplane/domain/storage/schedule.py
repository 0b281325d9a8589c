"""The schedule of one cluster's storage day, as EventBridge Scheduler has it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hubplane.domain.storage.policy import StoragePolicy

__all__ = ["DaySchedule", "day_schedule"]


@dataclass(frozen=True, slots=True)
class DaySchedule:
    """What starts a storage day: one cron expression with a minute (domain fault 3), in UTC, and the input it starts with."""

    name: str
    expression: str
    input: str
    time_zone: str = "UTC"


def day_schedule(cluster_name: str, policy: StoragePolicy) -> DaySchedule:
    """Every day at minute 0 of the policy's hour. What the day may do is asked of the policy when it runs, not written here."""
    return DaySchedule(
        name=f"{cluster_name}-storage-day",
        expression=f"cron(0 {policy.snapshot_hour} * * ? *)",
        input=json.dumps({"cluster_name": cluster_name, "mode": "policy"}, sort_keys=True),
    )
