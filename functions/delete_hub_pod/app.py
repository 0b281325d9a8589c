"""DeleteHubPod: the hub's pod is deleted, so that its Deployment makes another. People's servers are other pods and stay.

Event: ``cluster_name``, ``started_at`` of the execution. Result: ``restarted``, uids of the deleted pods; ``servers``, people's
servers before, pod name to uid. Repeatable: a pod that is newer than the execution is left alone. Calls eks:DescribeCluster.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import boto3

from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.diagnosis.restarting import old_hubs, servers_of
from hubplane.domain.diagnosis.seen import pod_of
from hubplane.domain.releases.charts import JUPYTERHUB
from hubplane.entrypoint import task

SESSION = boto3.Session()
EKS = boto3.client("eks")


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    kubernetes = Kubernetes(cluster_connection(EKS, SESSION, event["cluster_name"]))
    items = list(kubernetes.list("Pod", JUPYTERHUB.namespace))
    versions = {item["metadata"]["uid"]: item["metadata"]["resourceVersion"] for item in items}
    pods = [pod_of(item) for item in items]
    hubs, changes = old_hubs(pods, datetime.fromisoformat(event["started_at"])), []
    for pod in hubs:
        # None: it changed in this moment, perhaps because it became ready. Its uid alone decides whether it is the one meant.
        if kubernetes.delete_exactly("Pod", pod.name, pod.namespace, pod.uid, versions[pod.uid]) is None:
            now = kubernetes.get("Pod", pod.name, pod.namespace)
            if now is not None and now["metadata"]["uid"] == pod.uid:
                kubernetes.delete("Pod", pod.name, pod.namespace)
        changes.append(f"deleted pod {pod.name}")
    servers = servers_of(pods)
    said = f"{len(servers)} server(s) run and stay"
    return {
        "restarted": [pod.uid for pod in hubs],
        "servers": servers,
        "changes": changes,
        "reason": said if hubs else f"the hub's pod is newer than this execution; {said}",
    }
