"""ProveClusterHomes: every volume of a cluster proved to lie in a completed snapshot. Called until all are. Deletes nothing.

Event: ``cluster_name``, ``execution_arn``. Result: ``done``, ``volumes``, ``proved``. What it sees is remembered in the cluster's
sightings, as the storage day does, so that an execution which is started again goes on. Raises ``HomeNotProved``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.adapters.volume_use import read_uses
from hubplane.domain.deletion.proving import prove_volumes, sighted
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.entrypoint import task
from hubplane.settings import read_settings

SHOWN = 5
"""Open ends that a reason names; the rest is counted."""


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    storage_bucket_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
disks = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, execution_arn, now = event["cluster_name"], event["execution_arn"], datetime.now(UTC)
    clusters = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    clusters.hold_for_deletion(cluster_name, execution_arn, now)
    bucket = StorageBucket(client("s3"), SETTINGS.storage_bucket_name)
    policy = clusters.read(cluster_name).storage_policy or StoragePolicy()
    volumes, _ = disks().of_cluster(cluster_name)
    uses = tuple(read_uses(client("dynamodb"), SETTINGS.ledger_table_name)) if volumes else ()
    sightings = sighted(volumes, bucket.sightings(cluster_name), uses, policy, now)
    bucket.put_sightings(cluster_name, sightings)
    proving = prove_volumes(
        cluster_name,
        volumes,
        disks(),
        sightings,
        policy,
        uses,
        account_id=execution_arn.split(":")[4],
        run_id=f"delete/{execution_arn.rpartition(':')[2]}",
        now=now,
    )
    open_ends, count = proving.open_ends, len(proving.homes)
    more = f", and {len(open_ends) - SHOWN} more" if len(open_ends) > SHOWN else ""
    said = (
        f"{'; '.join(open_ends[:SHOWN])}{more}" if open_ends else f"a completed snapshot holds all of each of {count} volume(s)"
    )
    return {
        "done": not open_ends,
        "volumes": count,
        "proved": count - len(open_ends),
        "changes": [f"started {snapshot_id}" for snapshot_id in proving.started],
        "reason": said,
    }
