"""The autoscaler that is played: which node groups it makes larger, and which it leaves alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.controllers.autoscaler import Autoscaler, groups_that_help
from local.kubernetes.store import Store

NO_ROOM = "0/1 nodes are available: 1 Insufficient cpu."


def store_with(*pods: dict[str, Any], taints: tuple[dict[str, str], ...] = ()) -> Store:
    """A cluster with a node of group main, and one of group gpu which may repel."""
    store = Store()
    for name in ("main", "gpu"):
        labels = {"eks.amazonaws.com/nodegroup": f"lab-{name}", "topology.kubernetes.io/zone": "us-east-1d"}
        ready = {"type": "Ready", "status": "True"}
        node = {"metadata": {"name": name, "labels": labels}, "spec": {"taints": list(taints) if name == "gpu" else []}}
        store.create(BY_NAME["nodes"], {**node, "status": {"allocatable": {"cpu": "8"}, "conditions": [ready]}})
    for pod in pods:
        made = store.create(BY_NAME["pods"], pod)
        made["metadata"]["creationTimestamp"] = pod["metadata"]["creationTimestamp"]
    return store


def pod(name: str, message: str = NO_ROOM, cpu: str = "7", seconds: int = 9, **spec: Any) -> dict[str, Any]:
    """A pod that has waited for a node for some seconds."""
    at = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
    waits = {"type": "PodScheduled", "status": "False", "message": message}
    containers = [{"name": "notebook", "resources": {"requests": {"cpu": cpu}}}]
    metadata = {"name": name, "namespace": "jupyter", "creationTimestamp": at}
    return {"metadata": metadata, "spec": {"containers": containers, **spec}, "status": {"conditions": [waits]}}


REPELS = ({"key": "gpu", "effect": "NoSchedule"},)


@pytest.mark.parametrize(
    ("waiting", "helped_by"),
    [
        pytest.param(pod("a"), ["lab-main"], id="room"),
        pytest.param(pod("a", cpu="9"), [], id="no-node-is-large-enough"),
        pytest.param(pod("a", 'persistentvolumeclaim "claim-a" not found'), [], id="waits-for-a-claim"),
        pytest.param(pod("a", nodeSelector={"zone": "other"}), [], id="wants-another-node"),
        pytest.param(pod("a", tolerations=[{"key": "gpu", "operator": "Exists"}]), ["lab-gpu", "lab-main"], id="takes-any"),
    ],
)
def test_a_group_helps_whose_next_node_would_take_the_pod(waiting: dict[str, Any], helped_by: list[str]) -> None:
    assert groups_that_help(store_with(waiting, taints=REPELS)) == helped_by


def test_a_pod_that_only_just_came_is_left_to_the_scheduler() -> None:
    assert groups_that_help(store_with(pod("a", seconds=0), taints=REPELS)) == []


class Scaling:
    """Auto Scaling with the groups of two clusters."""

    def __init__(self, **groups: tuple[int, int, int]) -> None:
        self.groups, self.asked = groups, dict[str, int]()

    def get_paginator(self, _: str) -> Scaling:
        return self

    def paginate(self) -> list[dict[str, Any]]:
        tags = {"eks:nodegroup-name": "", "k8s.io/cluster-autoscaler/lab": "owned"}
        groups = [
            {
                "AutoScalingGroupName": f"eks-{name}",
                "DesiredCapacity": desired,
                "MaxSize": most,
                "Instances": [{}] * present,
                "Tags": [{"Key": key, "Value": value or f"lab-{name}"} for key, value in tags.items()],
            }
            for name, (present, desired, most) in self.groups.items()
        ]
        strange = {**groups[0], "AutoScalingGroupName": "another", "Tags": [{"Key": "eks:nodegroup-name", "Value": "lab-main"}]}
        return [{"AutoScalingGroups": [*groups, strange]}]

    def set_desired_capacity(self, AutoScalingGroupName: str, DesiredCapacity: int) -> None:  # noqa: N803
        self.asked[AutoScalingGroupName] = DesiredCapacity


def scan(scaling: Scaling, store: Store) -> dict[str, int]:
    async def once() -> None:
        autoscaler = Autoscaler("lab", store, lambda: scaling)
        autoscaler.run()
        await autoscaler.stop()

    asyncio.run(once())
    return scaling.asked


def running() -> dict[str, Any]:
    """The autoscaler's own pod."""
    found = pod("autoscaler", cpu="0", nodeName="main")
    found["metadata"]["namespace"] = "autoscaler"
    return {**found, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


@pytest.mark.parametrize(
    ("groups", "asked"),
    [
        pytest.param({"main": (2, 2, 8)}, {"eks-main": 3}, id="one-node-more"),
        pytest.param({"main": (3, 3, 3)}, {}, id="at-its-maximum"),
        pytest.param({"main": (2, 3, 8)}, {}, id="its-nodes-do-not-come"),
        pytest.param({"main": (2, 3, 8), "gpu": (1, 1, 4)}, {"eks-gpu": 2}, id="another-group-then"),
    ],
)
def test_a_group_grows_by_one_where_it_may(groups: dict[str, tuple[int, int, int]], asked: dict[str, int]) -> None:
    assert scan(Scaling(**groups), store_with(running(), pod("a"))) == asked


def test_nothing_grows_where_no_autoscaler_runs() -> None:
    assert scan(Scaling(main=(2, 2, 8)), store_with(pod("a"))) == {}
