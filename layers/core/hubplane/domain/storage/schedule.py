"""The schedules of one cluster's storage day and of its restore drills, as EventBridge Scheduler has them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hubplane.domain.storage.policy import StoragePolicy

__all__ = ["DaySchedule", "day_schedule", "drill_schedule"]


@dataclass(frozen=True, slots=True)
class DaySchedule:
    """What starts a storage day, or a drill: one cron expression with a minute (domain fault 3), in UTC, and its input."""

    name: str
    expression: str
    input: str
    time_zone: str = "UTC"


def drill_schedule(cluster_name: str, policy: StoragePolicy) -> DaySchedule:
    """On the 8th of each month, six hours after the storage day began: its snapshots are done by then, and it is no holiday."""
    hour = (policy.snapshot_hour + 6) % 24
    return DaySchedule(
        name=f"{cluster_name}-drill-restore",
        expression=f"cron(30 {hour} 8 * ? *)",
        input=json.dumps({"cluster_name": cluster_name}, sort_keys=True),
    )


def day_schedule(cluster_name: str, policy: StoragePolicy) -> DaySchedule:
    """Every day at minute 0 of the policy's hour. What the day may do is asked of the policy when it runs, not written here."""
    return DaySchedule(
        name=f"{cluster_name}-storage-day",
        expression=f"cron(0 {policy.snapshot_hour} * * ? *)",
        input=json.dumps({"cluster_name": cluster_name, "mode": "policy"}, sort_keys=True),
    )
