"""LockCluster: one build, delete or upgrade per cluster at a time. The builds of an upgrade are let in under its own lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.stepfunctions import execution_status
from hubplane.domain.errors import ClusterBusy
from hubplane.domain.locks import is_step_of, may_take
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    lease_seconds: int


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, execution_arn = event["cluster_name"], event["execution_arn"]
    now, clusters = datetime.now(UTC), ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    record = clusters.read(cluster_name)
    upgrade = record.upgrade_lock
    if upgrade is not None and not is_step_of(execution_arn, upgrade.execution_arn):
        may_take(f"cluster {cluster_name} is being upgraded", upgrade, execution_arn, status_of, now)
    reason = may_take(f"cluster {cluster_name} is busy", record.lock, execution_arn, status_of, now)
    if not clusters.take_lock(cluster_name, execution_arn, record.lock, now, timedelta(seconds=SETTINGS.lease_seconds)):
        raise ClusterBusy(f"cluster {cluster_name} is busy: another execution took the lock in the same moment; try again")
    return {
        "recorded_availability_zone": record.availability_zone,
        "previous_status": record.status,
        "changes": [],
        "reason": reason,
    }


def status_of(execution_arn: str) -> str | None:
    return execution_status(client("stepfunctions"), execution_arn)
