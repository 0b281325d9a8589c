"""The CSI side: EBS volumes made, grown and removed for claims. EC2 is moto's, in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import aiohttp
import boto3
import pytest
from aiohttp import web
from botocore.exceptions import ClientError
from moto import mock_aws

from local.kubernetes.control import Control
from tests.local.kubernetes.aws import REGION, Sts
from tests.local.kubernetes.running import Cluster, StandIn, until

BASE = "/api/v1/namespaces/jupyter"
CLAIMS = f"{BASE}/persistentvolumeclaims"


class _Thread(threading.Thread):
    """The control API in an event loop of its own."""

    def __init__(self, aws_endpoint: str) -> None:
        super().__init__(daemon=True)
        self.aws_endpoint, self.ready = aws_endpoint, threading.Event()
        self.url = ""
        self.loop = asyncio.new_event_loop()
        self.ended = asyncio.Event()

    def run(self) -> None:
        self.loop.run_until_complete(self._serve())
        self.loop.close()

    async def _serve(self) -> None:
        async with aiohttp.ClientSession() as session:
            control = Control(
                self.aws_endpoint, session, None, lambda region, service="ec2": boto3.client(service, region_name=region)
            )
            runner = web.AppRunner(control.application())
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self.ready.set()
            await self.ended.wait()
            await runner.cleanup()
            await control.stop()

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self.ended.set)
        self.join(10)


@pytest.fixture(scope="module")
def ec2(sts: Sts) -> Iterator[Any]:
    """An EC2 client of the account in which the driver works."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        yield boto3.client("ec2", region_name=REGION)


@pytest.fixture(scope="module")
def here(sts: Sts, ec2: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """The stand-in in this process, where moto answers it."""
    thread = _Thread(sts.url)
    thread.start()
    assert thread.ready.wait(10)
    yield StandIn(thread.url, None, sts, tmp_path_factory.mktemp("ebs"))  # type: ignore[arg-type]
    thread.end()


@pytest.fixture(scope="module")
def cluster(here: StandIn) -> Cluster:
    """A cluster with two StorageClasses and a node in us-east-1b."""
    return furnished(here, "osl", nodes=1)


def furnished(here: StandIn, name: str, nodes: int) -> Cluster:
    """A cluster with a namespace and two StorageClasses."""
    made = here.cluster(name, nodes=nodes, zone="us-east-1b")
    made.namespace("jupyter")
    for class_name, mode, encrypted in (("gp3", "WaitForFirstConsumer", "true"), ("now", "Immediate", "false")):
        body = {
            "metadata": {"name": class_name},
            "provisioner": "ebs.csi.aws.com",
            "parameters": {"type": "gp3", "encrypted": encrypted},
            "volumeBindingMode": mode,
            "allowVolumeExpansion": True,
        }
        made.create("/apis/storage.k8s.io/v1/storageclasses", body)
    return made


def claim(cluster: Cluster, name: str, class_name: str = "gp3", size: str = "10Gi") -> None:
    """A claim."""
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": class_name, "resources": {"requests": {"storage": size}}}
    cluster.create(CLAIMS, {"metadata": {"name": name}, "spec": spec})


def pod(cluster: Cluster, name: str, claim_name: str) -> None:
    """A pod that mounts a claim."""
    container = {"name": "c", "image": "c:1", "volumeMounts": [{"name": "home", "mountPath": "/home"}]}
    volumes = [{"name": "home", "persistentVolumeClaim": {"claimName": claim_name}}]
    cluster.create(f"{BASE}/pods", {"metadata": {"name": name}, "spec": {"containers": [container], "volumes": volumes}})


def phase(cluster: Cluster, name: str) -> str:
    """The claim's phase."""
    return str(cluster.get(f"{CLAIMS}/{name}")["status"]["phase"])


def volume_of(cluster: Cluster, name: str) -> Any:
    """The PersistentVolume of a claim, once it is bound."""
    until(lambda: phase(cluster, name) == "Bound", f"{name} is bound")
    return cluster.get(f"/api/v1/persistentvolumes/{cluster.get(f'{CLAIMS}/{name}')['spec']['volumeName']}")


def running(cluster: Cluster, name: str) -> bool:
    """Whether the pod runs."""
    return bool(cluster.get(f"{BASE}/pods/{name}")["status"]["phase"] == "Running")


def volumes(ec2: Any, claim_name: str) -> list[Any]:
    """The EBS volumes tagged for a claim."""
    filters = [{"Name": "tag:kubernetes.io/created-for/pvc/name", "Values": [claim_name]}]
    return list(ec2.describe_volumes(Filters=filters)["Volumes"])


def test_without_nodes_nothing_is_made(here: StandIn, ec2: Any) -> None:
    cluster = furnished(here, "bare", nodes=0)
    claim(cluster, "early", "now")
    until(lambda: "annotations" in cluster.get(f"{CLAIMS}/early")["metadata"], "the provisioner was asked")
    assert (phase(cluster, "early"), volumes(ec2, "early")) == ("Pending", [])
    cluster.node_group("main", 1, zone="us-east-1b")
    volume_of(cluster, "early")
    (made,) = volumes(ec2, "early")
    assert (made["AvailabilityZone"], made["Encrypted"]) == ("us-east-1b", False)


def test_a_claim_waits_for_its_first_pod_and_gets_a_tagged_volume_in_its_zone(cluster: Cluster, ec2: Any) -> None:
    claim(cluster, "claim-bob", size="10Gi")
    assert phase(cluster, "claim-bob") == "Pending"
    assert volumes(ec2, "claim-bob") == []
    pod(cluster, "bob", "claim-bob")
    volume = volume_of(cluster, "claim-bob")
    until(lambda: running(cluster, "bob"), "the pod runs")
    (made,) = volumes(ec2, "claim-bob")
    assert volume["spec"]["csi"] == {"driver": "ebs.csi.aws.com", "volumeHandle": made["VolumeId"], "fsType": "ext4"}
    assert volume["metadata"]["annotations"]["pv.kubernetes.io/provisioned-by"] == "ebs.csi.aws.com"
    assert (made["Size"], made["VolumeType"], made["Encrypted"]) == (10, "gp3", True)
    assert made["AvailabilityZone"] == "us-east-1b"
    tags = {tag["Key"]: tag["Value"] for tag in made["Tags"]}
    assert tags["kubernetes.io/cluster/osl"] == "owned"
    assert tags["KubernetesCluster"] == "osl"
    assert tags["kubernetes.io/created-for/pvc/namespace"] == "jupyter"
    assert tags["kubernetes.io/created-for/pv/name"] == volume["metadata"]["name"]


def grow(cluster: Cluster, name: str, size: str) -> None:
    """Ask for a bigger volume."""
    patch = {"spec": {"resources": {"requests": {"storage": size}}}}
    assert cluster.ask("PATCH", f"{CLAIMS}/{name}", patch, content_type="application/merge-patch+json").status == 200


def test_a_mounted_claim_that_grows_grows_its_volume(cluster: Cluster, ec2: Any) -> None:
    claim(cluster, "grows")
    pod(cluster, "grower", "grows")
    volume_of(cluster, "grows")
    until(lambda: running(cluster, "grower"), "the pod runs")
    grow(cluster, "grows", "20Gi")
    until(lambda: cluster.get(f"{CLAIMS}/grows")["status"]["capacity"]["storage"] == "20Gi", "the claim has grown")
    assert volumes(ec2, "grows")[0]["Size"] == 20
    assert volume_of(cluster, "grows")["spec"]["capacity"]["storage"] == "20Gi"


def test_an_unmounted_claim_grows_its_file_system_when_a_pod_starts(cluster: Cluster, ec2: Any) -> None:
    claim(cluster, "idle", "now")
    volume_of(cluster, "idle")
    grow(cluster, "idle", "11Gi")
    condition = until(lambda: cluster.get(f"{CLAIMS}/idle")["status"].get("conditions"), "the claim waits for a pod")
    assert [one["type"] for one in condition] == ["FileSystemResizePending"]
    assert volumes(ec2, "idle")[0]["Size"] == 11
    assert cluster.get(f"{CLAIMS}/idle")["status"]["capacity"]["storage"] == "10Gi"
    pod(cluster, "idler", "idle")
    until(lambda: cluster.get(f"{CLAIMS}/idle")["status"]["capacity"]["storage"] == "11Gi", "the file system has grown")
    assert "conditions" not in cluster.get(f"{CLAIMS}/idle")["status"]


def test_deleting_a_claim_deletes_its_volume_but_never_under_a_pod(cluster: Cluster, ec2: Any) -> None:
    claim(cluster, "doomed")
    pod(cluster, "holder", "doomed")
    volume = volume_of(cluster, "doomed")
    until(lambda: running(cluster, "holder"), "the pod runs")
    answer = cluster.ask("DELETE", f"{CLAIMS}/doomed")
    assert answer.body["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert len(volumes(ec2, "doomed")) == 1
    cluster.ask("DELETE", f"{BASE}/pods/holder")
    until(
        lambda: cluster.ask("GET", f"/api/v1/persistentvolumes/{volume['metadata']['name']}").status == 404, "the volume is gone"
    )
    assert volumes(ec2, "doomed") == []


def test_a_retained_volume_stays(cluster: Cluster, ec2: Any) -> None:
    claim(cluster, "kept", "now")
    volume = volume_of(cluster, "kept")
    path = f"/api/v1/persistentvolumes/{volume['metadata']['name']}"
    patch = {"spec": {"persistentVolumeReclaimPolicy": "Retain"}}
    cluster.ask("PATCH", path, patch, content_type="application/merge-patch+json")
    cluster.ask("DELETE", f"{CLAIMS}/kept")
    until(lambda: cluster.get(path)["status"]["phase"] == "Released", "the volume is released")
    assert len(volumes(ec2, "kept")) == 1


def test_a_restored_volume_is_reclaimed_like_any_other(cluster: Cluster, ec2: Any) -> None:
    """The pre-spawn hook makes the volume and the PersistentVolume itself; the annotation makes the driver clean up."""
    made = ec2.create_volume(AvailabilityZone="us-east-1b", Size=10, VolumeType="gp3")
    spec = {
        "capacity": {"storage": "10Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Delete",
        "storageClassName": "gp3",
        "claimRef": {"namespace": "jupyter", "name": "restored"},
        "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": made["VolumeId"], "fsType": "ext4"},
    }
    annotations = {"pv.kubernetes.io/provisioned-by": "ebs.csi.aws.com"}
    cluster.create(
        "/api/v1/persistentvolumes", {"metadata": {"name": made["VolumeId"], "annotations": annotations}, "spec": spec}
    )
    wanted = {"accessModes": ["ReadWriteOnce"], "storageClassName": "gp3", "resources": {"requests": {"storage": "10Gi"}}}
    cluster.create(CLAIMS, {"metadata": {"name": "restored"}, "spec": {**wanted, "volumeName": made["VolumeId"]}})
    volume_of(cluster, "restored")
    cluster.ask("DELETE", f"{CLAIMS}/restored")
    until(lambda: cluster.ask("GET", f"/api/v1/persistentvolumes/{made['VolumeId']}").status == 404, "the volume is gone")
    assert made["VolumeId"] not in [one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]]


def test_a_volume_that_ec2_does_not_know_any_more_counts_as_deleted(cluster: Cluster, ec2: Any) -> None:
    claim(cluster, "vanished", "now")
    volume = volume_of(cluster, "vanished")
    ec2.delete_volume(VolumeId=volume["spec"]["csi"]["volumeHandle"])
    cluster.ask("DELETE", f"{CLAIMS}/vanished")
    until(
        lambda: cluster.ask("GET", f"/api/v1/persistentvolumes/{volume['metadata']['name']}").status == 404, "the volume is gone"
    )


def test_a_volume_that_cannot_be_deleted_yet_is_tried_again(cluster: Cluster, ec2: Any) -> None:
    claim(cluster, "attached", "now")
    volume = volume_of(cluster, "attached")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    placement = {"AvailabilityZone": "us-east-1b"}
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, Placement=placement)["Instances"][0]["InstanceId"]
    handle = volume["spec"]["csi"]["volumeHandle"]
    ec2.attach_volume(VolumeId=handle, InstanceId=instance, Device="/dev/sdf")
    cluster.ask("DELETE", f"{CLAIMS}/attached")
    path = f"/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D{volume['metadata']['name']}"
    events = until(
        lambda: [one for one in cluster.get(path)["items"] if one["reason"] == "VolumeFailedDelete"], "the driver says why"
    )
    assert "VolumeInUse" in events[0]["message"]
    ec2.detach_volume(VolumeId=handle, InstanceId=instance)
    until(lambda: volumes(ec2, "attached") == [], "the driver tried again")


def test_a_pod_does_not_leave_the_zone_of_its_volume(here: StandIn) -> None:
    cluster = furnished(here, "zones", nodes=1)
    claim(cluster, "zoned", "now")
    volume_of(cluster, "zoned")
    cluster.node_group("main", 0, zone="us-east-1b")
    cluster.node_group("elsewhere", 1, zone="us-east-1c")
    pod(cluster, "stuck", "zoned")
    status = until(lambda: cluster.get(f"{BASE}/pods/stuck")["status"].get("conditions"), "the scheduler has looked")
    assert status[0]["message"] == "0/1 nodes are available: 1 node(s) had volume node affinity conflict."
    cluster.node_group("main", 1, zone="us-east-1b")
    until(lambda: running(cluster, "stuck"), "the pod runs in its volume's zone")


def test_a_volume_that_ec2_does_not_let_grow_keeps_its_size_and_the_driver_says_why(
    cluster: Cluster, ec2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(cluster, "cooling", "now")
    volume_of(cluster, "cooling")
    refusal = ClientError({"Error": {"Code": "VolumeModificationRateExceeded", "Message": "wait"}}, "ModifyVolume")

    def refuse(*_: Any) -> Any:
        raise refusal

    with monkeypatch.context() as patch:
        patch.setattr("moto.ec2.models.elastic_block_store.EBSBackend.modify_volume", refuse)
        grow(cluster, "cooling", "12Gi")
        events = f"{BASE}/events"
        until(
            lambda: any(item["reason"] == "VolumeResizeFailed" for item in cluster.get(events)["items"]), "the driver complains"
        )
        assert volume_of(cluster, "cooling")["spec"]["capacity"]["storage"] == "10Gi"
    until(lambda: volumes(ec2, "cooling")[0]["Size"] == 12, "it tries again by itself")
    until(lambda: volume_of(cluster, "cooling")["spec"]["capacity"]["storage"] == "12Gi", "the PersistentVolume follows")
