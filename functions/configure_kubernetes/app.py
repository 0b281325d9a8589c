"""ConfigureKubernetes: what the releases stand on, the hub's namespace, the StorageClass of homes, and GPUs where there are any.

RBAC only for the storage day's functions, which need less than any EKS access policy gives: people's rights come from the
policies of their access entries (view, edit, admin), and the charts bring the roles of their own service accounts. Event:
``spec``. Result: ``namespace``, ``storage_class``. Calls eks:DescribeCluster on the cluster.
"""

from __future__ import annotations

from typing import Any

import boto3

from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.cluster_spec.model import spec_from_json
from hubplane.domain.eks_settings.storage_access import drill_access_manifests, storage_access_manifests
from hubplane.domain.errors import ProviderError
from hubplane.domain.releases.charts import JUPYTERHUB
from hubplane.domain.releases.gpu_plugin import gpu_plugin_manifest
from hubplane.domain.releases.storage_class import immutable_differences, other_defaults, refusal, storage_class_manifest
from hubplane.entrypoint import task

SESSION = boto3.Session()
EKS = boto3.client("eks")


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    spec = spec_from_json(event["spec"])
    kubernetes = Kubernetes(cluster_connection(EKS, SESSION, spec.cluster_name))
    storage_class = storage_class_manifest(spec.storage.class_name)
    existing = kubernetes.get("StorageClass", spec.storage.class_name)
    differences = list(immutable_differences(existing, storage_class)) if existing else []
    if differences:
        raise ProviderError(refusal(spec.storage.class_name, differences))
    namespace: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": JUPYTERHUB.namespace}}
    gpu_plugin = gpu_plugin_manifest(spec.cluster_name, spec.node_groups)
    changes = []
    access = (*storage_access_manifests(), *drill_access_manifests())
    for manifest in (namespace, storage_class, *access, *([gpu_plugin] if gpu_plugin else [])):
        applied = kubernetes.apply(manifest)
        if applied.outcome != "unchanged":
            changes.append(f"{applied.outcome} {manifest['kind']} {manifest['metadata']['name']}")
    return {
        "namespace": JUPYTERHUB.namespace,
        "storage_class": spec.storage.class_name,
        "changes": changes,
        "notes": other_defaults(spec.storage.class_name, kubernetes.list("StorageClass")),
        "reason": "homes are made from encrypted gp3 volumes that can grow, in the zone of the pod",
    }
