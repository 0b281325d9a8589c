"""What a person or a schedule gives a storage machine, and the run that follows from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hubplane.domain.errors import StorageInputInvalid
from hubplane.domain.machine_inputs import is_cluster_name, shown, strange_fields
from hubplane.domain.storage.policy import StoragePolicy, policy_to_json, snapshot_boundary

__all__ = ["STEPS", "StorageInput", "read_storage_input", "storage_run"]

STEPS: Final = ("run_storage_day", "snapshot_volumes", "prune_volumes", "prune_snapshots")
MODES: Final = ("plan", "enforce", "policy")
FIELDS: Final = ("cluster_name", "mode", "deadline_hours", "holder_arn")

# A first full snapshot moves about 50 GB/h, so 500 GB take ten hours (Amazon EBS User Guide, quoted on the domain page).
DEFAULT_DEADLINE_HOURS: Final = 12
# The machines end by themselves after three days; a night that has not ended by the next one leaves its rest to that.
LONGEST_DEADLINE_HOURS: Final = 48


@dataclass(frozen=True, slots=True)
class StorageInput:
    """A sound input. ``mode`` ``policy`` is what the schedule says: snapshots always, deletes only where the policy allows.

    ``holder_arn`` is the storage day that started this step and holds the lock for it; None for a step by hand.
    """

    cluster_name: str
    mode: str = "plan"
    deadline_hours: int = DEFAULT_DEADLINE_HOURS
    holder_arn: str | None = None


def read_storage_input(document: Any) -> StorageInput:
    """The input in ``document``. Raises ``StorageInputInvalid``: one line per fault, ``field = value: rule``, all of them."""
    faults = list(_faults(document))
    if faults:
        raise StorageInputInvalid("\n".join([f"the input has {len(faults)} fault{'s' * (len(faults) != 1)}:", *faults]))
    return StorageInput(**{name: document[name] for name in FIELDS if document.get(name) is not None})


def storage_run(
    step: str, given: StorageInput, policy: StoragePolicy, execution_arn: str, started_at: datetime
) -> dict[str, Any]:
    """The run as the machine hands it to every function; JSON. The account is the one that the execution runs in.

    ``run_id`` names the night and the execution, so a night's runs lie together and no two are the same.
    """
    night_at = snapshot_boundary(policy, started_at)
    run_id = f"{night_at:%Y-%m-%d}/{execution_arn.rpartition(':')[2]}"
    return {
        "run_id": run_id,
        "step": step,
        "mode": _mode(step, given.mode, policy),
        "scheduled": given.mode == "policy",
        "policy": policy_to_json(policy),
        "night_at": night_at.isoformat(),
        "started_at": started_at.isoformat(),
        "deadline_at": (started_at + timedelta(hours=given.deadline_hours)).isoformat(),
        "holder_arn": given.holder_arn or execution_arn,
        "account_id": execution_arn.split(":")[4],
        "prefix": f"runs/{given.cluster_name}/{run_id}/",
    }


def _mode(step: str, mode: str, policy: StoragePolicy) -> str:
    if mode != "policy" or step == "run_storage_day":
        return mode
    return "enforce" if step == "snapshot_volumes" or policy.prune else "plan"


def _faults(document: Any) -> Iterator[str]:
    if not isinstance(document, Mapping):
        yield 'input: must be an object such as {"cluster_name": "opensarlab", "mode": "plan"}'
        return
    name = document.get("cluster_name")
    if not is_cluster_name(name):
        yield f"cluster_name = {shown(name)}: must be the name of a cluster that was built here, such as opensarlab"
    mode = document.get("mode", "plan")
    if mode not in MODES:
        rule = "must be plan (say what would be done), enforce (do it) or policy (as the schedule does)"
        yield f"mode = {shown(mode)}: {rule}; leave it out for plan"
    hours = document.get("deadline_hours", DEFAULT_DEADLINE_HOURS)
    if type(hours) is not int or not 1 <= hours <= LONGEST_DEADLINE_HOURS:
        rule = f"must be a whole number of hours from 1 to {LONGEST_DEADLINE_HOURS}"
        yield f"deadline_hours = {shown(hours)}: {rule}; leave it out for {DEFAULT_DEADLINE_HOURS}"
    holder = document.get("holder_arn")
    if holder is not None and not (
        isinstance(holder, str) and re.fullmatch(r"arn:[\w-]+:states:[\w-]+:\d+:execution:[^\s:]+:[^\s:]+", holder)
    ):
        yield f"holder_arn = {shown(holder)}: must be the ARN of the execution that holds the storage lock; leave it out by hand"
    yield from strange_fields(document, FIELDS)
