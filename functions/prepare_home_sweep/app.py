"""PrepareHomeSweep: the input of list_homes or adopt_homes checked, and a run for SweepStorage that changes nothing. Reads only.

Event: ``machine``, ``input`` as a person gave it. Result: ``cluster_name``, ``run``, ``mode``, ``plan_id``, ``by``. It takes no
storage lock, since its sweep leaves no sightings behind. Raises ``HomeInputInvalid``, ``ClusterUnknown``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.domain.homes.operator_inputs import AdoptInput, read_adoption, read_listing
from hubplane.domain.storage.inputs import StorageInput, storage_run
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    machine = event["machine"]
    given = read_adoption(event["input"]) if machine == "adopt_homes" else AdoptInput(read_listing(event["input"]))
    record = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(given.cluster_name)
    asked = StorageInput(given.cluster_name, "plan")
    run = storage_run(machine, asked, record.policy(), event["execution_arn"], datetime.now(UTC))
    return {
        "cluster_name": given.cluster_name,
        "run": run,
        "mode": given.mode,
        "plan_id": given.plan_id,
        "by": given.by,
        "changes": [],
        "reason": f"the storage of {given.cluster_name} is swept into {run['prefix']}",
    }
