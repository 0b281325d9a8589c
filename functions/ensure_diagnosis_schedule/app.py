"""EnsureDiagnosisSchedule: the cluster is looked at as often as its specification says, or not at all. Repeatable."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.scheduler import Scheduler
from hubplane.domain.cluster_spec.model import spec_from_json
from hubplane.domain.diagnosis.policy import diagnosis_schedule, schedule_name
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    schedule_group_name: str
    schedule_role_arn: str
    schedule_dead_letter_queue_arn: str
    diagnose_cluster_state_machine_arn: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, policy = event["cluster_name"], spec_from_json(event["spec"]).diagnosis
    schedule = diagnosis_schedule(cluster_name, policy)
    scheduler = Scheduler(
        client("scheduler"),
        SETTINGS.schedule_group_name,
        SETTINGS.schedule_role_arn,
        SETTINGS.schedule_dead_letter_queue_arn,
    )
    if schedule is None:
        removed = scheduler.remove(schedule_name(cluster_name))
        changes = ["removed the schedule of the diagnoses"] if removed else []
        return {"changes": changes, "notes": [], "reason": "no schedule: diagnose_cluster is started by hand"}
    outcome = scheduler.ensure(schedule, SETTINGS.diagnose_cluster_state_machine_arn)
    what = f"may start {', '.join(policy.mend)}, {policy.mends_per_day} a day" if policy.mend else "mends nothing"
    sentence = f"a diagnosis every {policy.schedule_hours} hours, which {what}"
    changes = [] if outcome == "as it was" else [f"{outcome} the schedule of {sentence}"]
    return {"changes": changes, "notes": [], "reason": sentence}
