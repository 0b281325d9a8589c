"""What a drain of nodes would end or be held up by, from the cluster's own API. ``api`` is ``adapters.kubernetes.Kubernetes``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from hubplane.domain.upgrading.draining import Budget, Drains, RunningServer

NAMESPACE: Final = "jupyter"
NAMESPACES: Final = (NAMESPACE, "autoscaler")
USERNAME: Final = "hub.jupyter.org/username"
SERVER_NAME: Final = "hub.jupyter.org/servername"
"""Annotations with the names as they are (kubespawner 7.1.0 ``spawner.py``, ``_build_common_annotations``)."""

NODE_GROUP: Final = "eks.amazonaws.com/nodegroup"
"""The label that every node of a managed node group has (EKS User Guide, "Managed node groups")."""


class Api(Protocol):
    """What is asked of a cluster's API server."""

    def list(self, kind: str, namespace: str | None = None) -> Iterator[dict[str, Any]]:
        """All objects of a kind."""


def drains_of(api: Api) -> Drains:
    """People's servers with their node groups, and the PodDisruptionBudgets of hub and autoscaler. Reads only; errors are those
    of ``api``. Those of EKS's own add-ons let one pod go at a time and are not asked for."""
    groups = {node["metadata"]["name"]: (node["metadata"].get("labels") or {}).get(NODE_GROUP) for node in api.list("Node")}
    return Drains(
        servers=tuple(_server(pod, groups) for pod in api.list("Pod", NAMESPACE) if _annotations(pod).get(USERNAME)),
        budgets=tuple(_budget(item) for namespace in NAMESPACES for item in api.list("PodDisruptionBudget", namespace)),
    )


def _annotations(item: Mapping[str, Any]) -> Mapping[str, str]:
    return item["metadata"].get("annotations") or {}


def _server(pod: Mapping[str, Any], groups: Mapping[str, str | None]) -> RunningServer:
    found = _annotations(pod)
    return RunningServer(found[USERNAME], found.get(SERVER_NAME, ""), groups.get((pod.get("spec") or {}).get("nodeName", "")))


def _budget(item: Mapping[str, Any]) -> Budget:
    status = item.get("status") or {}
    return Budget(
        namespace=item["metadata"]["namespace"],
        name=item["metadata"]["name"],
        allowed=int(status.get("disruptionsAllowed", 0)),
        pods=int(status.get("expectedPods", 0)),
    )
