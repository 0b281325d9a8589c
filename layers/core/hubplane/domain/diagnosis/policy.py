"""How often a cluster is looked at without a person asking, and what may be mended without one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from hubplane.domain.storage.schedule import DaySchedule

__all__ = ["MENDABLE", "DiagnosisPolicy", "diagnosis_schedule", "schedule_name"]

MENDABLE: Final = ("restart_hub", "repair_autoscaler")
"""What a policy may allow: both leave people's servers and homes as they are. A build, a move or a rotation is for a person."""

MINUTE: Final = 20
"""Past the full hour, at which storage days begin."""


@dataclass(frozen=True)
class DiagnosisPolicy:
    """The defaults look at nothing and mend nothing. ``schedule_hours`` None: no schedule; else a divisor of 24.

    ``mends_per_day`` counts per UTC day and cluster, over all machines of ``mend``.
    """

    schedule_hours: int | None = None
    mend: tuple[str, ...] = ()
    mends_per_day: int = 1


def schedule_name(cluster_name: str) -> str:
    """The name of the cluster's schedule in the control plane's group."""
    return f"{cluster_name}-diagnosis"


def diagnosis_schedule(cluster_name: str, policy: DiagnosisPolicy) -> DaySchedule | None:
    """The schedule of the cluster's diagnoses, None where the policy has none. What may be mended is asked when it runs."""
    if policy.schedule_hours is None:
        return None
    hours = ",".join(str(hour) for hour in range(0, 24, policy.schedule_hours))
    return DaySchedule(
        name=schedule_name(cluster_name),
        expression=f"cron({MINUTE} {hours} * * ? *)",
        input=json.dumps({"cluster_name": cluster_name, "mend": "policy"}, sort_keys=True),
    )
