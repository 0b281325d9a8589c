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

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs, looking_client
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.eks_upgrades import EksUpgrades
from hubplane.adapters.home_holds import HomeHolds
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.node_drains import drains_of
from hubplane.adapters.stepfunctions import execution_status
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.adapters.volume_use import read_uses
from hubplane.domain.upgrading.gathering import Looks, look_at_gate
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
    name, now = event["cluster_name"], datetime.now(UTC)
    clusters, ledger = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name), SETTINGS.ledger_table_name
    looks = Looks(
        eks=EksUpgrades(client("eks"), name),
        holds_lock=lambda: clusters.hold_upgrade_lock(name, event["execution_arn"], now),
        record=lambda: clusters.read(name),
        disks=lambda: Ebs(looking_client(), None).of_cluster(name),
        sightings=lambda: StorageBucket(client("s3"), SETTINGS.storage_bucket_name).sightings(name),
        uses=lambda: read_uses(client("dynamodb"), ledger),
        holds=lambda: HomeHolds(client("dynamodb"), ledger).standing(name),
        status_of=lambda holder: execution_status(client("stepfunctions"), holder),
        drains=lambda: drains_of(Kubernetes(cluster_connection(client("eks"), boto3.Session(), name))),
    )
    return look_at_gate(event, looks, now)
