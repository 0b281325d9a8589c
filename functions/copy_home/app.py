"""CopyHome: a snapshot of the volume that is about to be replaced, started when it rests. Called until it is completed.

Event: ``change``, ``execution_arn``. Result: ``done``, ``copy_id`` (null: there is no volume to copy). Renews the hold.
Repeatable: what an earlier call, or a run that was killed, started is found by its tag. Raises ``HomeNotProved`` where waiting
cannot help, ``HomeHeld`` where the hold was lost, ``ClusterBusy`` where the cluster ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.home_holds import HomeHolder
from hubplane.adapters.volume_use import read_uses
from hubplane.domain.errors import HomeNotProved
from hubplane.domain.homes.changes import HELD_FOR, change_from_json
from hubplane.domain.homes.copying import next_copy_step
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.ports import Refusal, Refused
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    account_id: str
    hold_seconds: int


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
LATER = frozenset({Refusal.NO_ROOM, Refusal.TOO_SOON, Refusal.LOST, Refusal.GONE})
ebs = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    change, now = change_from_json(event["change"]), datetime.now(UTC)
    if change.present_id is None:
        return {"done": True, "copy_id": None, "changes": [], "reason": "no volume stands in the home's place"}
    holds = HomeHolder(client("dynamodb"), SETTINGS.ledger_table_name, SETTINGS.clusters_table_name)
    until_at = now + timedelta(seconds=SETTINGS.hold_seconds)
    holds.hold(change.cluster_name, change.claim_name, event["execution_arn"], HELD_FOR, until_at)
    policy = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(change.cluster_name).storage_policy
    volume = next(iter(ebs().volumes([change.present_id])), None)
    snapshots = ebs().snapshots_of([change.present_id])
    uses = read_uses(client("dynamodb"), SETTINGS.ledger_table_name)
    step = next_copy_step(change, volume, snapshots, uses, policy or StoragePolicy(), SETTINGS.account_id, now)
    if step.refused:
        raise HomeNotProved(step.sentence)
    if step.start and step.tags is not None:
        return start(change.present_id, step.tags, policy or StoragePolicy())
    return {"done": step.done, "copy_id": step.copy_id, "changes": [], "reason": step.sentence}


def start(volume_id: str, tags: dict[str, str], policy: StoragePolicy) -> dict[str, Any]:
    """Start the snapshot where the account has room for it; what became of it the next call sees."""
    waiting: dict[str, Any] = {"done": False, "copy_id": None, "changes": []}
    pending = len(ebs().pending())
    if pending >= policy.pending_snapshots:
        return {**waiting, "reason": f"{pending} snapshots are pending in the account, and Hubplane goes no higher"}
    try:
        copy_id = ebs().create_snapshot(volume_id, tags)
    except Refused as refusal:
        if refusal.kind not in LATER:
            raise HomeNotProved(f"no snapshot of {volume_id} can be started: {refusal}") from refusal
        return {**waiting, "reason": f"no snapshot of {volume_id} was started now: {refusal}"}
    started = f"started {copy_id} of {volume_id}"
    return {"done": False, "copy_id": copy_id, "changes": [started], "reason": started}
