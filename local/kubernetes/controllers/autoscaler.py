"""The cluster autoscaler, where its pod runs: a node group grows for pods that only lack room, up to its maximum.

The image is not run; what it does is played, as kubernetes/autoscaler's FAQ tells it ("How does scale-up work?"): a group whose
next node would take a waiting pod gets one node more, through the Auto Scaling group that it finds by tag, and a group whose
nodes do not come is left alone. It takes no node away: that waits for ten idle minutes (``--scale-down-unneeded-time``).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.controllers.placement import node_fits
from local.kubernetes.controllers.scheduler import claim_names
from local.kubernetes.nodes import NODE_GROUP_LABEL
from local.kubernetes.store import Change, Object, Store

log = logging.getLogger(__name__)
PODS, NODES = BY_NAME["pods"], BY_NAME["nodes"]
NAMESPACE = "autoscaler"
SCAN_SECONDS = 1.0
"""Ten times as often as the real one looks around (``--scan-interval``, 10 s)."""
YOUNG = timedelta(seconds=2)
"""A pod that a drain has just moved finds its place by itself."""


class Autoscaler:
    """The autoscaler of one cluster; ``scaling`` makes a boto3 client of Auto Scaling."""

    ticks = True

    def __init__(self, cluster_name: str, store: Store, scaling: Callable[[], Any]) -> None:
        self.cluster_name, self.store, self._make_client = cluster_name, store, scaling
        self._client: Any = None
        self._scan: asyncio.Task[None] | None = None
        self._next_scan = 0.0

    def wants(self, change: Change) -> bool:
        return False

    async def stop(self) -> None:
        """Wait for the scan under way."""
        if self._scan:
            await asyncio.gather(self._scan, return_exceptions=True)

    def run(self) -> None:
        if time.monotonic() < self._next_scan or (self._scan and not self._scan.done()):
            return
        self._next_scan = time.monotonic() + SCAN_SECONDS
        groups = groups_that_help(self.store) if self._runs() else []
        if groups:
            self._scan = asyncio.create_task(self._grow(groups))

    def _runs(self) -> bool:
        return any(_is(pod, "Ready", "True") for pod in self.store.list(PODS, NAMESPACE))

    async def _grow(self, groups: list[str]) -> None:
        try:
            await asyncio.to_thread(self._grow_one, groups)
        except (ClientError, BotoCoreError) as error:
            log.warning("the autoscaler of %s has to try again: %s", self.cluster_name, error)

    def _grow_one(self, groups: list[str]) -> None:
        """One node more for the first of the groups that may grow and whose nodes have all come."""
        if self._client is None:
            self._client = self._make_client()
        pages = self._client.get_paginator("describe_auto_scaling_groups").paginate()
        found = {_node_group(item, self.cluster_name): item for page in pages for item in page["AutoScalingGroups"]}
        for group in (found[name] for name in groups if name in found):
            desired = group["DesiredCapacity"]
            if desired < group["MaxSize"] and len(group["Instances"]) >= desired:
                self._client.set_desired_capacity(AutoScalingGroupName=group["AutoScalingGroupName"], DesiredCapacity=desired + 1)
                return


def groups_that_help(store: Store) -> list[str]:
    """The node groups whose next node would take a pod that waits, by name. A node that is there stands for the next one."""
    examples = {node["metadata"]["labels"].get(NODE_GROUP_LABEL): node for node in store.list(NODES)}
    waiting = [pod for pod in store.list(PODS) if not pod["spec"].get("nodeName") and _lacks_a_node(pod)]
    return sorted(
        name
        for name, node in examples.items()
        if name is not None and any(node_fits(pod["spec"], node, list(_volumes(store, pod))) is None for pod in waiting)
    )


def _volumes(store: Store, pod: Object) -> Iterable[Object]:
    for name in claim_names(pod):
        claim = store.find("persistentvolumeclaims", pod["metadata"]["namespace"], name)
        volume = store.find("persistentvolumes", "", claim["spec"].get("volumeName") or "") if claim else None
        if volume:
            yield volume


def _lacks_a_node(pod: Object) -> bool:
    """Whether the scheduler has tried the nodes, and not just now: what waits for a claim gets no node by a larger group."""
    age = datetime.now(UTC) - datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    said = [one.get("message", "") for one in pod["status"].get("conditions", ()) if one["type"] == "PodScheduled"]
    return age > YOUNG and _is(pod, "PodScheduled", "False") and said[0].startswith("0/")


def _is(pod: Object, kind: str, status: str) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(one["type"] == kind and one["status"] == status for one in conditions) and not pod["metadata"].get(
        "deletionTimestamp"
    )


def _node_group(group: Any, cluster_name: str) -> str | None:
    """The node group behind an Auto Scaling group of this cluster, as EKS tags it."""
    tags = {tag["Key"]: tag["Value"] for tag in group.get("Tags", ())}
    return tags.get("eks:nodegroup-name") if tags.get(f"k8s.io/cluster-autoscaler/{cluster_name}") == "owned" else None
