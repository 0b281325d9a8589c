"""EnsureCanary: the drill's own home, written once. Called until it is; without a node there is nothing to wait for.

Event: ``cluster_name``. Result: ``done``, ``has_node``. Repeatable: what is in the canary counts, whoever wrote it when.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.drill_ledger import CanaryRecord
from hubplane.adapters.drill_objects import DrillObjects
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.homes.drill_pods import canary_claim, canary_pod
from hubplane.domain.homes.drilling import CANARY
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
    cluster_name = event["cluster_name"]
    objects = DrillObjects(Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name)))
    record = CanaryRecord(client("dynamodb"), SETTINGS.ledger_table_name, cluster_name)
    if not objects.has_node():
        return answer(done=True, has_node=False, reason="the cluster has no node, so nothing is mounted")
    if record.marker() is not None:
        return answer(done=True, reason="the drill's own home is written")
    cluster = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(cluster_name)
    marker = record.intend(f"hubplane canary of {cluster_name} {uuid.uuid4().hex}")
    pod = canary_pod(SETTINGS.drill_image, marker)
    objects.ensure(canary_claim(cluster.home_class))
    objects.ensure(pod)
    ended = objects.end_of(pod["metadata"]["name"])
    if ended is None:
        return answer(done=False, reason="the drill's own home is being written")
    objects.remove_pod(pod["metadata"]["name"])
    phase, log = ended
    volume_id = objects.volume_of(CANARY)
    if phase != "Succeeded" or not log.strip() or volume_id is None:
        return answer(done=False, reason=f"the drill's own home could not be written: {log.strip()[-200:] or phase}")
    ebs().tag_volume(volume_id, {cluster.protection_tag: "the drill's own home"})
    record.wrote(log.strip(), volume_id, datetime.now(UTC))
    return answer(done=True, reason=f"the drill's own home is {volume_id}", changes=[f"wrote the drill's own home, {volume_id}"])


def answer(*, done: bool, reason: str, has_node: bool = True, changes: list[str] | None = None) -> dict[str, Any]:
    """The result."""
    return {"done": done, "has_node": has_node, "changes": changes or [], "reason": reason}
