"""A pod's volumes are attached to its node's instance before it starts, and detached after its end. EC2 is moto's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.kubernetes.running import Cluster, StandIn, until
from tests.local.kubernetes.test_ebs_volumes import (
    BASE,
    CLAIMS,
    claim,
    ec2,
    furnished,
    here,
    pod,
    running,
    volume_of,
    volumes,
)

__all__ = ["ec2", "here"]  # fixtures
ATTACHMENTS = "/apis/storage.k8s.io/v1/volumeattachments"


def instances(ec2: Any, count: int, zone: str = "us-east-1b") -> list[str]:
    image = ec2.describe_images()["Images"][0]["ImageId"]
    started = ec2.run_instances(ImageId=image, MinCount=count, MaxCount=count, Placement={"AvailabilityZone": zone})
    return [instance["InstanceId"] for instance in started["Instances"]]


def put_group(here: StandIn, cluster: Cluster, ids: list[str]) -> None:
    body = {"desired": len(ids), "instance_type": "m5.large", "zone": "us-east-1b", "instance_ids": ids}
    assert here.ask("PUT", f"/clusters/{cluster.name}/nodegroups/main", body).status == 200


@pytest.fixture(scope="module")
def nodes(ec2: Any) -> list[str]:
    """The instances behind the cluster's nodes."""
    return instances(ec2, 2)


@pytest.fixture(scope="module")
def cluster(here: StandIn, nodes: list[str]) -> Cluster:
    """A cluster whose two nodes are instances of EC2."""
    made = furnished(here, "attaching", nodes=0)
    put_group(here, made, nodes)
    return made


def attached(ec2: Any, claim_name: str) -> list[str]:
    """The instances that hold the claim's volume."""
    (found,) = volumes(ec2, claim_name)
    assert found["State"] == ("in-use" if found["Attachments"] else "available")
    return [one["InstanceId"] for one in found["Attachments"]]


def test_nodes_are_the_instances_of_their_group(here: StandIn, cluster: Cluster, nodes: list[str], ec2: Any) -> None:
    def found() -> set[str]:
        return {node["spec"]["providerID"].rpartition("/")[2] for node in cluster.get("/api/v1/nodes")["items"]}

    assert found() == set(nodes)
    other = instances(ec2, 1)
    put_group(here, cluster, [nodes[1], *other])
    assert found() == {nodes[1], *other}
    put_group(here, cluster, nodes)
    refused = here.ask("PUT", f"/clusters/{cluster.name}/nodegroups/main",
                       {"desired": 2, "instance_type": "m5.large", "zone": "us-east-1b", "instance_ids": ["i-1"]})  # fmt: skip
    assert (refused.status, "instance_ids" in refused.body["reason"]) == (400, True)


def test_a_running_pod_holds_its_volume_and_gives_it_back(cluster: Cluster, nodes: list[str], ec2: Any) -> None:
    claim(cluster, "home")
    pod(cluster, "server", "home")
    until(lambda: running(cluster, "server"), "the pod runs")
    node = cluster.get(f"/api/v1/nodes/{cluster.get(f'{BASE}/pods/server')['spec']['nodeName']}")
    assert attached(ec2, "home") == [node["spec"]["providerID"].rpartition("/")[2]]
    (attachment,) = cluster.get(ATTACHMENTS)["items"]
    assert attachment["spec"]["source"]["persistentVolumeName"] == volume_of(cluster, "home")["metadata"]["name"]
    assert attachment["status"]["attached"] is True
    cluster.ask("DELETE", f"{BASE}/pods/server")
    until(lambda: attached(ec2, "home") == [], "the volume is detached")
    until(lambda: cluster.get(ATTACHMENTS)["items"] == [], "the attachment is gone")


def test_a_pod_waits_while_its_volume_cannot_be_attached(here: StandIn, ec2: Any) -> None:
    cluster = furnished(here, "ghost", nodes=0)
    put_group(here, cluster, ["i-0123456789abcdef0"])  # EC2 knows no such instance
    claim(cluster, "stuck", "now")
    volume_of(cluster, "stuck")
    pod(cluster, "waiting", "stuck")
    path = f"{BASE}/events?fieldSelector=involvedObject.name%3Dwaiting"
    events = until(lambda: [one for one in cluster.get(path)["items"] if one["reason"] == "FailedAttachVolume"], "it is told")
    assert "InvalidInstanceID.NotFound" in events[0]["message"]
    (container,) = cluster.get(f"{BASE}/pods/waiting")["status"]["containerStatuses"]
    assert container["state"]["waiting"]["reason"] == "ContainerCreating"
    put_group(here, cluster, instances(ec2, 1))
    pod(cluster, "next", "stuck")
    until(lambda: running(cluster, "next"), "the pod on a node that is there runs")


def test_a_claim_deleted_under_a_pod_goes_when_the_pod_has_ended(cluster: Cluster, ec2: Any) -> None:
    claim(cluster, "doomed-too")
    pod(cluster, "holder", "doomed-too")
    until(lambda: running(cluster, "holder"), "the pod runs")
    cluster.ask("DELETE", f"{CLAIMS}/doomed-too")
    assert cluster.get(f"{CLAIMS}/doomed-too")["metadata"]["deletionTimestamp"]
    assert len(attached(ec2, "doomed-too")) == 1
    cluster.ask("DELETE", f"{BASE}/pods/holder")
    until(lambda: volumes(ec2, "doomed-too") == [], "the volume is gone")
    failed = [one for one in cluster.get("/api/v1/namespaces/default/events")["items"] if one["reason"] == "VolumeFailedDelete"]
    assert failed == []
