"""FinishStorage: the storage lock given back by whoever took it; a step leaves the lock of its day alone. Repeatable."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, execution_arn = event["cluster_name"], event["execution_arn"]
    clusters = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    freed = clusters.release_storage_lock(cluster_name, execution_arn)
    return {"changes": [], "reason": "the storage lock is free" if freed else "this execution held no storage lock"}
