"""CheckRelease: whether the workloads of a release run, in the words of their pods and events. Reads only.

Event: ``release``, ``namespace``. Result: ``ready``; ``hopeless``, when no waiting will mend it; ``reason``. Calls
eks:DescribeCluster on the cluster.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3

from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.releases.rollout import (
    WORKLOAD_KINDS,
    belongs_to_release,
    diagnose,
    pod_selector,
    unready_workloads,
    workload_key,
)
from hubplane.entrypoint import task

SESSION = boto3.Session()
EKS = boto3.client("eks")


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    release, namespace = event["release"], event["namespace"]
    kubernetes = Kubernetes(cluster_connection(EKS, SESSION, event["cluster_name"]))
    workloads = [
        workload
        for kind in WORKLOAD_KINDS
        for workload in kubernetes.list(kind, namespace)
        if belongs_to_release(workload, release)
    ]
    unready = unready_workloads(workloads)
    pods = {
        workload_key(workload): list(kubernetes.list("Pod", namespace, label_selector=pod_selector(workload)))
        for workload in unready
    }
    events = list(kubernetes.list("Event", namespace, field_selector="type=Warning")) if unready else []
    diagnosis = diagnose(workloads, pods, events, datetime.now(UTC))
    return {
        "ready": diagnosis.is_ready,
        "hopeless": diagnosis.is_hopeless,
        "release": release,
        "namespace": namespace,
        "changes": [],
        "reason": diagnosis.reason,
    }
