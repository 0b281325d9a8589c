"""RemoveReleases: what must go before a cluster's stack. Volumes are told to stay, load balancers go, releases are uninstalled.

Event: ``cluster_name``, ``execution_arn``. Result: ``done``. Called until no Service with a load balancer is left: a stack hangs
for two hours on one. Repeatable. A cluster that EKS does not have, is making or deletes has nothing that could be removed.
Raises ``HomeNotProved``, before anything is removed, where a volume is mounted that does not say whose it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.claims import RETAIN, Claims, volume_id_of
from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.eks import answers, cluster_connection
from hubplane.adapters.helm import Helm, find_helm
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.deletion.mounted import refuse_strangers
from hubplane.domain.releases.charts import AUTOSCALER, JUPYTERHUB
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    helm_path: str = ""


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
disks = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name = event["cluster_name"]
    clusters = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    clusters.hold_for_deletion(cluster_name, event["execution_arn"], datetime.now(UTC))
    if not answers(client("eks"), cluster_name):
        return {"done": True, "changes": [], "reason": "the cluster is not there: nothing is to be removed from it"}
    connection = cluster_connection(client("eks"), boto3.Session(), cluster_name)
    kubernetes = Kubernetes(connection)
    refuse_strangers(*strangers_in(kubernetes, cluster_name), cluster_name)
    changes = retain_volumes(kubernetes)
    services = [item for item in kubernetes.list("Service") if item["spec"].get("type") == "LoadBalancer"]
    for service in services:
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        if "deletionTimestamp" not in service["metadata"] and kubernetes.delete("Service", name, namespace):
            changes.append(f"removed the load balancer's Service {namespace}/{name}")
    helm = Helm(find_helm(SETTINGS.helm_path), connection)
    for chart in (JUPYTERHUB, AUTOSCALER):
        if helm.history(chart.release, chart.namespace):
            helm.uninstall(chart.release, chart.namespace)
            changes.append(f"uninstalled the release {chart.release}")
    waits = f"{len(services)} Service(s) with a load balancer are still being removed"
    return {"done": not services, "changes": changes, "reason": waits if services else "nothing keeps the stack from going"}


def strangers_in(kubernetes: Kubernetes, cluster_name: str) -> tuple[dict[str, str], set[str]]:
    """What stands for volumes that do not carry the cluster's name in any form, and those of the volumes that EC2 has."""
    volumes = {volume_id_of(item): item["metadata"]["name"] for item in kubernetes.list("PersistentVolume")}
    own = {item.volume_id for item in (*disks().of_cluster(cluster_name)[0], *disks().copies_of(cluster_name)[0])}
    mounted = {volume_id: name for volume_id, name in volumes.items() if volume_id is not None and volume_id not in own}
    return mounted, {item.volume_id for item in (disks().volumes(list(mounted)) if mounted else ())}


def retain_volumes(kubernetes: Kubernetes) -> list[str]:
    """From here on no delete of a claim, a namespace or a cluster takes a volume with it; the sweep does, each on its proof."""
    claims, changes = Claims(kubernetes), []
    for volume in list(kubernetes.list("PersistentVolume")):
        if volume["spec"].get("persistentVolumeReclaimPolicy") != RETAIN:
            name = volume["metadata"]["name"]
            claims.retain(name)
            changes.append(f"{name} stays when its claim goes")
    return changes
