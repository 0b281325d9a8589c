"""CheckUpgradeGate: everything that speaks against the next step of an upgrade, gathered and judged. Changes nothing.

Event: ``cluster_name``, ``execution_arn``, ``mode``, ``to_version``, ``finishes`` (the step makes whole what an interrupted
upgrade left), ``diagnosis`` (of diagnose_cluster), ``began_at`` (when this gate was first looked at), ``last_look`` (no more
waiting). Result: ``ready`` (false: EKS still refreshes its insights, ask again), ``open``, ``against``, ``notes``. In ``plan`` no
refresh is asked for. Raises ``LockLost``. Repeatable.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClusterRecord, ClustersTable
from hubplane.adapters.ebs import Ebs, looking_client
from hubplane.adapters.eks_upgrades import EksUpgrades
from hubplane.adapters.home_holds import HomeHolds
from hubplane.adapters.stepfunctions import execution_status
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.adapters.volume_use import read_uses
from hubplane.domain.eks_settings.settings import ADDONS
from hubplane.domain.errors import ClusterUnknown, LockLost
from hubplane.domain.locks import decide_lock
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Inventory
from hubplane.domain.storage.view import StorageView, view_of
from hubplane.domain.upgrading.gate import GateFacts, judge_gate, unproved
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    storage_bucket_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    name, execution_arn, now = event["cluster_name"], event["execution_arn"], datetime.now(UTC)
    clusters, eks = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name), EksUpgrades(client("eks"), name)
    enforced = event["mode"] == "enforce"
    if enforced and not clusters.hold_upgrade_lock(name, execution_arn, now):
        raise LockLost(f"execution {execution_arn} no longer holds cluster {name}: look at who does, or start again")
    refresh = refreshed(eks, datetime.fromisoformat(event["began_at"])) if enforced else None
    if refresh == "IN_PROGRESS" and not event["last_look"]:
        waits = "EKS looks for what speaks against the upgrade"
        return {"ready": False, "open": False, "against": [], "notes": [], "changes": [], "reason": waits}
    present = eks.present()
    if present is None:
        raise ClusterUnknown(f"EKS has no cluster {name} any more")
    record, offered = clusters.read(name), eks.addon_versions(ADDONS, event["to_version"])
    view = homes(record, execution_arn.split(":")[4], now)
    facts = GateFacts(
        cluster_name=name,
        to_version=event["to_version"],
        present=present,
        diagnosis=event["diagnosis"],
        insights=eks.insights(),
        refresh=refresh,
        unproved=unproved(view, tuple(view.volumes.values())),
        volumes=len(view.volumes),
        missing_addons=tuple(addon for addon in ADDONS if addon not in offered),
        busy=tuple(busy(record, execution_arn, now)),
        now=now,
        finishes=event["finishes"],
    )
    gate = judge_gate(facts)
    what = f"the gate before Kubernetes {event['to_version']} is"
    return {
        "ready": True,
        "open": gate.is_open,
        "against": list(gate.against),
        "notes": list(gate.notes),
        "changes": [],
        "reason": f"{what} open" if gate.is_open else f"{what} closed: {'; '.join(gate.against)}",
    }


def refreshed(eks: EksUpgrades, began_at: datetime) -> str:
    """How the look is going that EKS was asked for since this gate was come to; asked for here where none was."""
    last = eks.last_refresh()
    if last is None or (last.status != "IN_PROGRESS" and (last.started_at is None or last.started_at < began_at)):
        eks.refresh()
        return "IN_PROGRESS"
    return last.status


def homes(record: ClusterRecord, account_id: str, now: datetime) -> StorageView:
    """Volumes and snapshots of the cluster, with what is remembered of their use."""
    volumes, snapshots = Ebs(looking_client(), None).of_cluster(record.cluster_name)
    seen = Inventory(
        cluster_name=record.cluster_name,
        account_id=account_id,
        volumes=volumes,
        snapshots=snapshots,
        claims=None,
        sightings=StorageBucket(client("s3"), SETTINGS.storage_bucket_name).sightings(record.cluster_name),
        events=read_uses(client("dynamodb"), SETTINGS.ledger_table_name) if volumes else (),
    )
    return view_of(seen, record.storage_policy or StoragePolicy(), now)


def busy(record: ClusterRecord, execution_arn: str, now: datetime) -> list[str]:
    """Who else works on the cluster, its storage or one of its homes, one sentence each."""
    said = []
    for what, lock in (
        ("the cluster", record.lock),
        ("the upgrade of the cluster", record.upgrade_lock),
        ("the storage of the cluster", record.storage_lock),
    ):
        other = lock is not None and lock.execution_arn != execution_arn
        status = execution_status(client("stepfunctions"), lock.execution_arn) if other and lock else None
        decision = decide_lock(lock, status, execution_arn, now)
        if decision.kind == "refuse":
            said.append(f"{what} is busy: {decision.reason}")
    held = HomeHolds(client("dynamodb"), SETTINGS.ledger_table_name).standing(record.cluster_name)
    return said + [f"a home is being changed until {hold.until_at:%H:%M} UTC: {hold.why}" for hold in held]
