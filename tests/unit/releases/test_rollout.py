"""Whether a release runs, and what is said about one that does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubplane.domain.releases.rollout import belongs_to_release, diagnose, pod_selector, unready_workloads

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def deployment(name: str = "hub", *, ready: int = 0, replicas: int = 1, generation: int = 1, **status: Any) -> dict[str, Any]:
    counts = {"observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "availableReplicas": ready}
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "generation": generation, "annotations": {"meta.helm.sh/release-name": "jupyterhub"}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"component": name, "app": "jupyterhub"}}},
        "status": {**counts, **status},
    }


def pod(*containers: dict[str, Any], age_seconds: int = 30, name: str = "hub-1", **more: Any) -> dict[str, Any]:
    created = (NOW - timedelta(seconds=age_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    status: dict[str, Any] = {"phase": "Pending", "containerStatuses": list(containers), "conditions": []}
    return {"metadata": {"name": name, "creationTimestamp": created, **more.pop("metadata", {})}, "status": {**status, **more}}


def waiting(reason: str, message: str = "", *, restarts: int = 0, exit_code: int | None = None) -> dict[str, Any]:
    state: dict[str, Any] = {"waiting": {"reason": reason, "message": message}}
    last = {"terminated": {"exitCode": exit_code, "message": message}} if exit_code is not None else {}
    return {"name": "hub", "restartCount": restarts, "state": state, "lastState": last}


TROUBLES: dict[str, tuple[dict[str, Any], str, bool]] = {
    "image that is not in the registry": (
        pod(waiting("ImagePullBackOff", 'Back-off pulling image "hub:x": ErrImagePull: manifest unknown')),
        "ImagePullBackOff in pod hub-1, container hub: Back-off pulling",
        True,
    ),
    "image that a slow registry may still give": (
        pod(waiting("ImagePullBackOff", 'Back-off pulling image "hub:x"')),
        "ImagePullBackOff in pod hub-1",
        False,
    ),
    "image that did not come in ten minutes": (
        pod(waiting("ImagePullBackOff", 'Back-off pulling image "hub:x"'), age_seconds=600),
        "ImagePullBackOff in pod hub-1",
        True,
    ),
    "image name that is none": (
        pod(waiting("InvalidImageName", 'couldn\'t parse image name "HUB:x"')),
        "InvalidImageName in pod",
        True,
    ),
    "crash that may be the proxy's being late": (
        pod(waiting("CrashLoopBackOff", restarts=3, exit_code=1)),
        "CrashLoopBackOff in pod hub-1, container hub, 3 restarts, last exit code 1",
        False,
    ),
    "crash again and again": (pod(waiting("CrashLoopBackOff", restarts=4, exit_code=1)), "4 restarts", True),
    "container of an init step": (
        pod(initContainerStatuses=[{**waiting("CrashLoopBackOff", restarts=9, exit_code=3), "name": "block-cloud-metadata"}]),
        "container block-cloud-metadata, 9 restarts, last exit code 3",
        True,
    ),
    "no node has room yet": (
        pod(
            conditions=[
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes are available"}
            ]
        ),
        "pod hub-1 has no node: 0/2 nodes are available",
        False,
    ),
    "a volume that does not attach is told by its event": (
        pod(waiting("ContainerCreating")),
        "pod hub-1 is Pending: FailedAttachVolume: volume is in us-east-1a",
        False,
    ),
}
EVENTS = [
    {
        "type": "Warning",
        "reason": "FailedAttachVolume",
        "message": "volume is in us-east-1a",
        "lastTimestamp": "2026-11-23T11:59:00Z",
        "involvedObject": {"kind": "Pod", "name": "hub-1"},
    },
    {
        "type": "Warning",
        "reason": "Old",
        "message": "older",
        "lastTimestamp": "2026-11-23T11:50:00Z",
        "involvedObject": {"name": "hub-1"},
    },
    {
        "type": "Normal",
        "reason": "Pulling",
        "message": "x",
        "lastTimestamp": "2026-11-23T11:59:59Z",
        "involvedObject": {"name": "hub-1"},
    },
    {
        "type": "Warning",
        "reason": "Else",
        "message": "another pod's",
        "lastTimestamp": "2026-11-23T11:59:59Z",
        "involvedObject": {"name": "x"},
    },
]


@pytest.mark.parametrize(("trouble", "words", "hopeless"), TROUBLES.values(), ids=TROUBLES.keys())
def test_a_workload_that_is_not_ready_says_why(trouble: dict[str, Any], words: str, hopeless: bool) -> None:
    diagnosis = diagnose([deployment(), deployment("proxy", ready=1)], {"Deployment/hub": [trouble]}, EVENTS, NOW)
    assert not diagnosis.is_ready
    assert diagnosis.reason.startswith("deployment hub: 0 of 1 ready: ")
    assert words in diagnosis.reason
    assert diagnosis.is_hopeless is hopeless
    assert "proxy" not in diagnosis.reason


def test_everything_ready() -> None:
    diagnosis = diagnose([deployment(ready=1), deployment("proxy", ready=1)], {}, [], NOW)
    assert (diagnosis.is_ready, diagnosis.is_hopeless) == (True, False)
    assert diagnosis.reason == "ready: deployment hub, deployment proxy"


def test_a_release_without_workloads_is_not_ready() -> None:
    assert not diagnose([], {}, [], NOW).is_ready


def test_pods_that_are_going_or_ready_are_no_trouble() -> None:
    old = pod(waiting("CrashLoopBackOff", restarts=9, exit_code=1), metadata={"deletionTimestamp": "2026-11-23T11:59:00Z"})
    fine = pod(conditions=[{"type": "Ready", "status": "True"}])
    diagnosis = diagnose([deployment()], {"Deployment/hub": [old, fine]}, [], NOW)
    assert (diagnosis.reason, diagnosis.is_hopeless) == ("deployment hub: 0 of 1 ready", False)


STATES: dict[str, tuple[dict[str, Any], bool]] = {
    "available": (deployment(ready=1), True),
    "nothing yet": (deployment(status=None), False),
    "the controller has not seen the change": (deployment(ready=1, generation=2), False),
    "old pods are still there": ({**deployment(ready=1), "status": {**deployment(ready=1)["status"], "replicas": 2}}, False),
    "not all updated": (deployment(ready=2, replicas=2, updatedReplicas=1), False),
    "scaled to nothing": (deployment(replicas=0), True),
    "daemon set on every node": (
        {
            **deployment(),
            "kind": "DaemonSet",
            "status": {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2},
        },
        True,
    ),
    "daemon set on one of two": (
        {
            **deployment(),
            "kind": "DaemonSet",
            "status": {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1},
        },
        False,
    ),
    "stateful set, settled": (
        {
            **deployment(),
            "kind": "StatefulSet",
            "status": {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "a"},
        },
        True,
    ),
    "stateful set, rolling": (
        {
            **deployment(),
            "kind": "StatefulSet",
            "status": {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "b"},
        },
        False,
    ),
}


@pytest.mark.parametrize(("workload", "ready"), STATES.values(), ids=STATES.keys())
def test_rolled_out(workload: dict[str, Any], ready: bool) -> None:
    assert (unready_workloads([workload]) == []) is ready


@pytest.mark.parametrize(
    ("metadata", "belongs"),
    [
        ({"annotations": {"meta.helm.sh/release-name": "jupyterhub"}}, True),
        ({"annotations": {"meta.helm.sh/release-name": "other"}, "labels": {"app.kubernetes.io/instance": "jupyterhub"}}, False),
        ({"labels": {"app.kubernetes.io/instance": "jupyterhub"}}, True),
        ({}, False),
    ],
    ids=["annotated-by-helm", "another-release's-annotation-wins", "labelled-by-its-chart", "somebody's-own"],
)
def test_whose_workload(metadata: dict[str, Any], belongs: bool) -> None:
    assert belongs_to_release({"metadata": {"name": "x", **metadata}}, "jupyterhub") is belongs


def test_the_selector_of_a_workloads_pods() -> None:
    assert pod_selector(deployment()) == "app=jupyterhub,component=hub"
