"""BindCopy: a copy of a home gets a claim of its own beside it. Called until Kubernetes has joined both.

Event: ``change`` of kind ``beside``, ``volume_id``. Result: ``done``, ``claim_name``. Repeatable. Raises ``HomeTaken`` where a
claim of that name is something else. The home is not touched; the copy goes with its claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.home_binding import HomeBinding
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.errors import HomeChangeRefused
from hubplane.domain.homes.binding import Bond, HomeBond
from hubplane.domain.homes.changes import change_from_json
from hubplane.domain.homes.marks import is_copy
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
ebs = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    change = change_from_json(event["change"])
    volume = next(iter(ebs().volumes([event["volume_id"]])), None)
    if volume is None or not is_copy(volume, change.cluster_name):
        raise HomeChangeRefused(f"{event['volume_id']} is gone, or no copy any more: look at it, then start again")
    cluster = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(change.cluster_name)
    bond = HomeBond(
        claim_name=change.kept_as,
        username=change.username,
        volume_id=volume.volume_id,
        persistent_volume_name=volume.volume_id,
        size_gib=volume.size_gib,
        zone=volume.zone,
        storage_class_name=cluster.home_class,
    )
    binding = HomeBinding(Kubernetes(cluster_connection(client("eks"), boto3.Session(), change.cluster_name)))
    joined = binding.bind(bond)
    reason = f"claim {change.kept_as} is {joined} to {volume.volume_id}"
    done = joined is Bond.BOUND
    return {"done": done, "claim_name": change.kept_as, "changes": [reason] if done else [], "reason": reason}
