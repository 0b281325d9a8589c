"""Kubernetes' objects as facts: what the API server says, no more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hubplane.domain.diagnosis import seen
from hubplane.domain.diagnosis.facts import ASPECTS
from hubplane.domain.diagnosis.looking import Looking
from hubplane.domain.errors import ProviderError, Throttled

MADE = "2026-11-25T10:00:00Z"
AT = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


def test_a_server_that_waits_for_a_node() -> None:
    item = {
        "metadata": {
            "name": "jupyter-ada",
            "namespace": "jupyter",
            "uid": "u",
            "creationTimestamp": MADE,
            "labels": {"component": "singleuser-server"},
            "annotations": {"hub.jupyter.org/username": "ada"},
        },
        "spec": {
            "nodeSelector": {"eks.amazonaws.com/nodegroup": "opensarlab-gpu"},
            "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": "claim-ada"}}, {"name": "x", "emptyDir": {}}],
        },
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "message": "Insufficient cpu"}],
        },
    }
    pod = seen.pod_of(item)
    assert (pod.username, pod.claims, pod.wanted_group, pod.unschedulable) == (
        "ada",
        ("claim-ada",),
        "opensarlab-gpu",
        "Insufficient cpu",
    )
    assert (pod.is_server, pod.ready, pod.node, pod.created_at) == (True, False, None, AT)


@pytest.mark.parametrize(
    ("state", "waiting"),
    [
        ({"running": {}}, None),
        ({"waiting": {"reason": "ContainerCreating"}}, None),
        ({"waiting": {"reason": "ImagePullBackOff", "message": "manifest unknown"}}, ("ImagePullBackOff", "manifest unknown")),
        ({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m"}}, ("CrashLoopBackOff", "no space left")),
    ],
)
def test_why_a_container_waits(state: dict[str, Any], waiting: tuple[str, str] | None) -> None:
    last = {"terminated": {"message": "no space left"}} if "CrashLoopBackOff" in str(state) else {}
    status = {"phase": "Pending", "containerStatuses": [{"name": "c", "state": state, "lastState": last, "restartCount": 2}]}
    metadata = {"name": "p", "namespace": "jupyter", "uid": "u", "creationTimestamp": MADE}
    pod = seen.pod_of({"metadata": metadata, "spec": {}, "status": status})
    assert (pod.waiting, pod.restarts) == (waiting, 2)


@pytest.mark.parametrize(
    "times",
    [{"lastTimestamp": MADE}, {"eventTime": MADE, "lastTimestamp": None}, {"series": {"lastObservedTime": MADE}}, {}],
    ids=["last", "event-time", "series", "only-made"],
)
def test_an_event_has_a_time_whoever_wrote_it(times: dict[str, Any]) -> None:
    item = {"metadata": {"creationTimestamp": MADE}, "involvedObject": {"uid": "u"}, "reason": "r", "message": "m", **times}
    assert seen.event_of(item).last_at == AT


def test_nodes_say_how_many_volumes_they_take() -> None:
    node = {
        "metadata": {
            "name": "n",
            "labels": {
                "topology.kubernetes.io/zone": "us-east-1d",
                "eks.amazonaws.com/nodegroup": "opensarlab-main",
                "node.kubernetes.io/instance-type": "m5.2xlarge",
            },
        },
        "spec": {"providerID": "aws:///us-east-1d/i-1"},
        "status": {"conditions": [{"type": "Ready", "status": "Unknown", "message": "stopped posting"}]},
    }
    driver = {"name": "ebs.csi.aws.com", "allocatable": {"count": 26}}
    [found] = seen.nodes_of([node], [{"metadata": {"name": "n"}, "spec": {"drivers": [driver]}}])
    assert (found.zone, found.instance_id, found.attach_limit, found.ready_message) == (
        "us-east-1d",
        "i-1",
        26,
        "stopped posting",
    )
    [silent] = seen.nodes_of([node], [])
    assert silent.attach_limit is None


@pytest.mark.parametrize(
    ("source", "volume_id"),
    [
        ({"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}}, "vol-1"),
        ({"awsElasticBlockStore": {"volumeID": "aws://us-east-1d/vol-1"}}, "vol-1"),
        ({"csi": {"driver": "efs.csi.aws.com", "volumeHandle": "fs-1"}}, None),
    ],
)
def test_volumes_of_every_driver(source: dict[str, Any], volume_id: str | None) -> None:
    zone = {"key": "topology.ebs.csi.aws.com/zone", "operator": "In", "values": ["us-east-1d"]}
    affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [zone]}]}}
    claim = {"namespace": "jupyter", "name": "claim-ada"}
    item = {"metadata": {"name": "pv"}, "spec": {**source, "nodeAffinity": affinity, "claimRef": claim}}
    found = seen.persistent_volume_of(item)
    assert (found.volume_id, found.zones, found.claim) == (volume_id, ("us-east-1d",), ("jupyter", "claim-ada"))


def test_an_attachment_tells_its_last_error() -> None:
    status = {"attached": False, "attachError": {"message": "VolumeInUse"}}
    spec = {"nodeName": "n", "source": {"persistentVolumeName": "pv"}}
    found = seen.attachment_of({"metadata": {"creationTimestamp": MADE}, "spec": spec, "status": status})
    assert (found.volume_name, found.node, found.attached, found.error) == ("pv", "n", False, "VolumeInUse")


def test_what_cannot_be_read_is_written_down_and_the_rest_is_read() -> None:
    looking = Looking()

    def refused() -> None:
        raise ProviderError("describe certificate: AccessDenied")

    assert looking.at(("certificate",), refused, None) is None
    assert looking.at(("nodes",), lambda: (1,), ()) == (1,)
    assert looking.unknown == {"certificate": "describe certificate: AccessDenied"}


def test_a_slower_pace_is_for_the_state_machine_and_a_wrong_name_is_a_fault() -> None:
    def throttled() -> None:
        raise Throttled("slower")

    with pytest.raises(Throttled):
        Looking().at((ASPECTS[0],), throttled, None)
    with pytest.raises(KeyError):
        Looking().at(("weather",), lambda: None, None)
