"""MountDrillVolume: a restored copy mounted read-only in a pod of the drill's namespace. Called until the pod has ended.

Event: ``cluster_name``, ``pick``, ``volume_id``. Result: ``done``, ``finding`` (null: it can be read, and the canary holds what
was written). Repeatable.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.drill_ledger import CanaryRecord
from hubplane.adapters.drill_objects import DrillObjects
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.home_binding import HomeBinding
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.homes.binding import HomeBond
from hubplane.domain.homes.drill_pods import reading_pod
from hubplane.domain.homes.drilling import DRILL_NAMESPACE, judge_read, judge_volume, pick_from_json
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    drill_image: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
ebs = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, pick = event["cluster_name"], pick_from_json(event["pick"])
    volume = next(iter(ebs().volumes([event["volume_id"]])), None)
    missing = judge_volume(pick, volume)
    if volume is None or missing is not None:
        return {"done": True, "finding": missing, "changes": [], "reason": str(missing)}
    kubernetes = Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name))
    objects = DrillObjects(kubernetes)
    ended = objects.end_of(pick.name)
    if ended is None:
        cluster = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(cluster_name)
        bond = HomeBond(
            claim_name=pick.name,
            username="",
            volume_id=volume.volume_id,
            persistent_volume_name=pick.name,
            size_gib=volume.size_gib,
            zone=volume.zone,
            storage_class_name=cluster.home_class,
            namespace=DRILL_NAMESPACE,
        )
        HomeBinding(kubernetes).bind(bond)
        objects.ensure(reading_pod(pick.name, SETTINGS.drill_image, is_canary=pick.is_canary))
        return {"done": False, "finding": None, "changes": [], "reason": f"{volume.volume_id} is being mounted and read"}
    marker = CanaryRecord(client("dynamodb"), SETTINGS.ledger_table_name, cluster_name).marker() if pick.is_canary else None
    finding = judge_read(pick, *ended, marker)
    return {"done": True, "finding": finding, "changes": [], "reason": finding or f"{volume.volume_id} can be read"}
