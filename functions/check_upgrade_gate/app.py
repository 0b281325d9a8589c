"""CheckUpgradeGate: everything that speaks against the next step of an upgrade, gathered and judged. Changes nothing.

Event: ``cluster_name``, ``execution_arn``, ``mode``, ``to_version``, ``finishes`` (the step makes whole what an interrupted
upgrade left), ``rolls`` (node groups whose nodes it replaces), ``diagnosis`` (of diagnose_cluster), ``began_at`` (when this gate
was first looked at), ``last_look`` (no more waiting). Result: ``ready`` (false: EKS still refreshes its insights, ask again),
``open``, ``against``, ``notes``. In ``plan`` no refresh is asked for. Raises ``LockLost``. Repeatable.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClusterRecord, ClustersTable
from hubplane.adapters.ebs import Ebs, looking_client
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.eks_upgrades import EksUpgrades
from hubplane.adapters.home_holds import HomeHolds
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.node_drains import drains_of
from hubplane.adapters.stepfunctions import execution_status
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.adapters.volume_use import read_uses
from hubplane.domain.eks_settings.settings import ADDONS
from hubplane.domain.errors import ClusterUnknown, LockLost, ProviderError
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Inventory
from hubplane.domain.storage.view import StorageView, view_of
from hubplane.domain.upgrading.busy import who_is_busy
from hubplane.domain.upgrading.draining import Drains
from hubplane.domain.upgrading.gate import GateFacts, gate_to_json, judge_gate, unproved
from hubplane.domain.upgrading.refreshing import refreshed
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
        return gate_to_json(None, event["to_version"])
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
        busy=busy(record, execution_arn, now),
        now=now,
        finishes=event["finishes"],
        rolls=tuple(event["rolls"]),
        drains=drains(name),
    )
    return gate_to_json(judge_gate(facts), event["to_version"])


def homes(record: ClusterRecord, account_id: str, now: datetime) -> StorageView:
    """Volumes and snapshots of the cluster, with what is remembered of their use."""
    volumes, snapshots = Ebs(looking_client(), None).of_cluster(record.cluster_name)
    sightings = StorageBucket(client("s3"), SETTINGS.storage_bucket_name).sightings(record.cluster_name)
    events = read_uses(client("dynamodb"), SETTINGS.ledger_table_name) if volumes else ()
    seen = Inventory(record.cluster_name, account_id, volumes, snapshots, None, sightings=sightings, events=events)
    return view_of(seen, record.storage_policy or StoragePolicy(), now)


def drains(cluster_name: str) -> Drains:
    """What a drain would end or be held up by; where the cluster does not say, why."""
    try:
        return drains_of(Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name)))
    except ProviderError as error:
        return Drains(unseen=str(error))


def busy(record: ClusterRecord, execution_arn: str, now: datetime) -> tuple[str, ...]:
    """Who else works on the cluster, its storage or one of its homes."""
    cluster, upgrade, storage = "the cluster", "the upgrade of the cluster", "the storage of the cluster"
    locks = {cluster: record.lock, upgrade: record.upgrade_lock, storage: record.storage_lock}
    holds = HomeHolds(client("dynamodb"), SETTINGS.ledger_table_name).standing(record.cluster_name)
    return tuple(who_is_busy(locks, holds, lambda arn: execution_status(client("stepfunctions"), arn), execution_arn, now))
