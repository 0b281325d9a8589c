"""RecreateAutoscalerNamespace: delete the autoscaler's namespace, for objects that helm may not change in place.

The next InstallAutoscaler makes it anew. Call again until ``gone``: Kubernetes takes a namespace apart in its own time.
Result: ``gone``. Calls eks:DescribeCluster on the cluster.
"""

from __future__ import annotations

from typing import Any

import boto3

from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.errors import ReleaseFailed
from hubplane.domain.releases.charts import AUTOSCALER
from hubplane.entrypoint import task

SESSION = boto3.Session()
EKS = boto3.client("eks")


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    name = AUTOSCALER.namespace
    kubernetes = Kubernetes(cluster_connection(EKS, SESSION, event["cluster_name"]))
    namespace = kubernetes.get("Namespace", name)
    if namespace is None:
        return {"gone": True, "changes": [], "reason": f"there is no namespace {name}"}
    if namespace["metadata"].get("deletionTimestamp"):
        return {"gone": False, "changes": [], "reason": f"Kubernetes is still removing namespace {name}"}
    claims = [claim["metadata"]["name"] for claim in kubernetes.list("PersistentVolumeClaim", name)]
    if claims:
        raise ReleaseFailed(
            f"namespace {name} holds the volume claims {', '.join(sorted(claims))}, which the autoscaler does not make: deleting "
            "the namespace would delete their volumes. Move them elsewhere and start the build again"
        )
    kubernetes.delete("Namespace", name)
    return {"gone": False, "changes": [f"deleted namespace {name}"], "reason": "its objects may not be changed in place"}
