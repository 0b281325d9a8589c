"""EnsureStorageSchedule: the cluster's storage day starts every day at its policy's hour, a restore drill each month.
Repeatable."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.scheduler import Scheduler
from hubplane.domain.cluster_spec.model import spec_from_json
from hubplane.domain.storage.schedule import day_schedule, drill_schedule
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    storage_schedule_group_name: str
    storage_schedule_role_arn: str
    storage_schedule_dead_letter_queue_arn: str
    run_storage_day_state_machine_arn: str
    drill_restore_state_machine_arn: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    policy = spec_from_json(event["spec"]).storage.policy
    schedule = day_schedule(event["cluster_name"], policy)
    scheduler = Scheduler(
        client("scheduler"),
        SETTINGS.storage_schedule_group_name,
        SETTINGS.storage_schedule_role_arn,
        SETTINGS.storage_schedule_dead_letter_queue_arn,
    )
    outcome = scheduler.ensure(schedule, SETTINGS.run_storage_day_state_machine_arn)
    drill = scheduler.ensure(drill_schedule(event["cluster_name"], policy), SETTINGS.drill_restore_state_machine_arn)
    what = "snapshots and pruning" if policy.prune else "snapshots; what it would prune is only reported"
    sentence = f"storage day every day at {policy.snapshot_hour:02}:00 UTC: {what}"
    changes = [] if outcome == "as it was" else [f"{outcome} the schedule of the {sentence}"]
    changes += [] if drill == "as it was" else [f"{drill} the schedule of the restore drill on the 8th of each month"]
    return {"changes": changes, "notes": [], "reason": sentence}
