"""PrepareStorage: the input checked, the cluster's policy read, the storage lock taken.

Event: ``step``, ``input`` as a person or the schedule gave it. Result: ``run``, which every later function gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.stepfunctions import execution_status
from hubplane.domain.errors import ClusterBusy
from hubplane.domain.locks import may_take
from hubplane.domain.storage.inputs import read_storage_input, storage_run
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    lease_seconds: int


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
clusters = cache(lambda: ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name))


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    given, execution_arn, now = read_storage_input(event["input"]), event["execution_arn"], datetime.now(UTC)
    cluster_name, holder_arn = given.cluster_name, given.holder_arn or execution_arn
    record = clusters().read(cluster_name)
    policy, lock = record.policy(), record.storage_lock
    if given.holder_arn is not None and (lock is None or lock.execution_arn != holder_arn):
        raise ClusterBusy(f"{holder_arn} does not hold the storage lock of cluster {cluster_name}: start the storage day again")
    reason = may_take(f"the storage of cluster {cluster_name} is busy", lock, holder_arn, status_of, now)
    lease = timedelta(seconds=SETTINGS.lease_seconds)
    if not clusters().take_storage_lock(cluster_name, holder_arn, lock, now, lease):
        raise ClusterBusy(
            f"the storage of cluster {cluster_name} is busy: another execution took it in the same moment; try again"
        )
    run = storage_run(event["step"], given, policy, execution_arn, now)
    return {"run": run, "changes": [], "reason": f"mode {run['mode']} for the night of {run['night_at']}; {reason}"}


def status_of(execution_arn: str) -> str | None:
    return execution_status(client("stepfunctions"), execution_arn)
