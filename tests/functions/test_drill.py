"""A restore drill from function to function: tables by moto, a cluster's API over TLS, EC2 by a fake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.ebs import Ebs
from hubplane.adapters.home_volumes import HomeVolumes
from hubplane.domain.errors import HomeHeld, HomeInputInvalid
from tests.adapters.fake_aws import fake_client
from tests.adapters.fake_ebs import ACCOUNT
from tests.adapters.kubernetes_api import bind, running_api
from tests.functions.release_clients import connect, load
from tests.functions.spawning import Spawn

FUNCTIONS = ("prepare_drill", "ensure_canary", "make_drill_volume", "mount_drill_volume", "sweep_drill", "record_drill")
DRILLS = "/api/v1/namespaces/hubplane-drill"
CANARY = f"{DRILLS}/persistentvolumeclaims/drill-canary"
ARN = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:hubplane-drill-restore:november"


class Queue:
    """What was asked to be mailed."""

    def __init__(self) -> None:
        self.mails: list[dict[str, Any]] = []

    def send_message(self, **asked: Any) -> None:
        self.mails.append(json.loads(asked["MessageBody"]))


class Drilling(Spawn):
    """The hub's world with a node, and the functions of a drill."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, api: Any) -> None:
        super().__init__(monkeypatch, api)
        boto3.client("s3", "us-east-1").create_bucket(Bucket="storage")
        self.queue, queue = Queue(), None
        queue = fake_client("sqs", self.queue)
        variables = {
            "CLUSTERS_TABLE_NAME": "clusters",
            "LEDGER_TABLE_NAME": "ledger",
            "ACCOUNT_ID": ACCOUNT,
            "DRILL_SECONDS": "3600",
            "DRILL_IMAGE": "busybox",
            "STORAGE_BUCKET_NAME": "storage",
            "MAIL_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/1/mails",
        }
        for name in FUNCTIONS:
            self.apps[name] = app = load(name, monkeypatch, **variables)
            for attribute, made in (("ebs", lambda: Ebs(self.ec2, self.ec2)), ("volumes", lambda: HomeVolumes(self.ec2))):
                if hasattr(app, attribute):
                    monkeypatch.setattr(app, attribute, made)
            if hasattr(app, "cluster_connection"):
                connect(app, api.connection, monkeypatch)
        client = self.apps["record_drill"].client
        monkeypatch.setattr(self.apps["record_drill"], "client", lambda service: queue if service == "sqs" else client(service))
        self.release()
        api.put("/api/v1/nodes/node-1", {"kind": "Node", "metadata": {"name": "node-1"}, "spec": {}})
        tags = {"kubernetes.io/cluster/opensarlab": "owned", "kubernetes.io/created-for/pvc/name": "claim-ada"}
        self.ebs.snapshot("snap-0000000a", "vol-1", tags)
        self.said = "12\n"

    def step(self, name: str, **event: Any) -> dict[str, Any]:
        self.settle()
        result: dict[str, Any] = self.apps[name].handler({"cluster_name": "opensarlab", **event}, None)
        self.settle()
        return result

    def settle(self) -> None:
        """Volumes come, claims are bound, pods end, and what is deleted takes its volume along."""
        for item in self.ebs.volumes.values():
            item["State"] = {"creating": "available"}.get(item["State"], item["State"])
        for path, item in list(self.api.objects.items()):
            kind = item.get("kind") if isinstance(item, dict) else None
            if kind == "PersistentVolumeClaim" and item["status"]["phase"] == "Pending":
                if not item["spec"].get("volumeName"):
                    self._provision(item)
                bind(self.api, path)
            if kind == "Pod" and item["status"]["phase"] == "Pending":
                item["status"]["phase"] = "Succeeded"
                marker = next((each["value"] for each in item["spec"]["containers"][0]["env"]), None)
                self.api.objects[f"{path}/log"] = (marker or self.said).encode()  # type: ignore[assignment]
            reference = item["spec"].get("claimRef", {}) if kind == "PersistentVolume" else {}
            if reference.get("uid") and f"{DRILLS}/persistentvolumeclaims/{reference['name']}" not in self.api.objects:
                del self.api.objects[path]
                self.ebs.volumes.pop(item["spec"]["csi"]["volumeHandle"], None)

    def _provision(self, claim: dict[str, Any]) -> None:
        name = claim["metadata"]["name"]
        tags = {"kubernetes.io/cluster/opensarlab": "owned", "kubernetes.io/created-for/pvc/name": name}
        self.ebs.volume("vol-canary", {**tags, "kubernetes.io/created-for/pvc/namespace": "hubplane-drill"})
        claim["spec"]["volumeName"] = "pv-canary"
        spec = {
            "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-canary"},
            "claimRef": {"name": name, "namespace": "hubplane-drill"},
        }
        self.api.put(
            "/api/v1/persistentvolumes/pv-canary", {"kind": "PersistentVolume", "metadata": {"name": "pv-canary"}, "spec": spec}
        )

    def prepare(self, **given: Any) -> dict[str, Any]:
        return self.step("prepare_drill", input={"cluster_name": "opensarlab", **given}, execution_arn=ARN)

    def write_canary(self) -> dict[str, Any]:
        answers = [self.step("ensure_canary") for _ in range(3)]
        return answers[-1]

    def try_home(self, prepared: dict[str, Any], number: int = 0) -> dict[str, Any]:
        pick, shared = prepared["picks"][number], {"run": prepared["run"]}
        made: dict[str, Any] = {"volume_id": None, "done": False}
        for _ in range(3):
            made = made if made["done"] else self.step("make_drill_volume", **shared, pick=pick, volume_id=made["volume_id"])
        assert made["done"], made["reason"]
        if made["finding"]:
            return made
        for _ in range(3):
            read = self.step("mount_drill_volume", pick=pick, volume_id=made["volume_id"])
            if read["done"]:
                return read
        raise AssertionError(read["reason"])

    def sweep(self) -> dict[str, Any]:
        for _ in range(10):
            swept = self.step("sweep_drill")
            if swept["done"]:
                return swept
        raise AssertionError(swept["reason"])


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Drilling]:
    with mock_aws(), running_api() as api:
        yield Drilling(monkeypatch, api)


def left(world: Drilling) -> list[str]:
    return [
        *(key for key, item in world.api.objects.items() if "drill" in key and "canary" not in key and isinstance(item, dict)),
        *(key for key, item in world.ebs.volumes.items() if any(tag["Key"] == "hubplane:drill" for tag in item["Tags"])),
    ]


def test_a_home_is_restored_mounted_and_taken_away_again(world: Drilling) -> None:
    prepared = world.prepare()
    assert [pick["claim_name"] for pick in prepared["picks"]] == ["claim-ada"]
    read = world.try_home(prepared)
    assert (read["done"], read["finding"]) == (True, None)
    assert left(world)
    world.sweep()
    assert left(world) == []
    recorded = world.step(
        "record_drill",
        run=prepared["run"],
        results=[{"pick": prepared["picks"][0], "finding": None, "mounted": True}],
        notes=[],
        execution_arn=ARN,
    )
    assert (recorded["status"], world.queue.mails) == ("passed", [])
    document = json.loads(
        boto3.client("s3", "us-east-1").get_object(Bucket="storage", Key="drills/opensarlab.json")["Body"].read()
    )
    assert document["lines"][0].endswith("mounted and read")


def test_what_cannot_be_read_is_told_to_the_operators(world: Drilling) -> None:
    prepared = world.prepare()
    world.said = "ls: /home/drill: Structure needs cleaning"
    read = world.try_home(prepared)
    assert "could not be counted" in read["finding"]
    result = {"pick": prepared["picks"][0], "finding": read["finding"], "mounted": True}
    recorded = world.step("record_drill", run=prepared["run"], results=[result], notes=[], execution_arn=ARN)
    assert recorded["status"] == "failed"
    assert [mail["name"] for mail in world.queue.mails] == ["drill_failed"]


def test_the_canary_is_written_once_protected_and_compared(world: Drilling) -> None:
    assert world.write_canary()["reason"] == "the drill's own home is written"
    tags = {tag["Key"]: tag["Value"] for tag in world.ebs.volumes["vol-canary"]["Tags"]}
    assert "do-not-delete" in tags
    assert [key for key in world.api.objects if key.startswith(f"{DRILLS}/pods/") and not key.endswith("/log")] == []
    written = world.ledger("drill#canary")[0]["marker"]["S"]
    kept = {key: value for key, value in tags.items() if key != "do-not-delete"}
    world.ebs.snapshot("snap-0000000c", "vol-canary", kept)
    prepared = world.prepare(count=0)
    assert [pick["is_canary"] for pick in prepared["picks"]] == [True]
    world.said = written
    assert world.try_home(prepared)["finding"] is None
    world.sweep()
    world.said = "something else"
    december = {**prepared, "run": {**prepared["run"], "run_id": "december"}}
    assert "something else" in world.try_home(december)["finding"]
    world.sweep()
    assert CANARY in world.api.objects
    assert "vol-canary" in world.ebs.volumes, "the drill's own home stays"


def test_without_a_node_nothing_is_mounted(world: Drilling) -> None:
    world.api.objects["/api/v1/nodes/node-1"]["spec"]["unschedulable"] = True
    answer = world.step("ensure_canary")
    assert (answer["done"], answer["has_node"]) == (True, False)
    assert CANARY not in world.api.objects


def test_one_drill_at_a_time_and_the_same_one_again_picks_the_same(world: Drilling) -> None:
    assert world.prepare()["picks"] == world.prepare()["picks"]
    with pytest.raises(HomeHeld):
        world.step("prepare_drill", input={"cluster_name": "opensarlab"}, execution_arn=ARN + "-other")
    with pytest.raises(HomeInputInvalid):
        world.prepare(count=21)


def test_a_copy_that_went_meanwhile_is_a_finding_and_not_a_failure(world: Drilling) -> None:
    prepared = world.prepare()
    del world.ebs.snapshots["snap-0000000a"]
    assert "is gone" in world.try_home(prepared)["finding"]


def test_what_a_crashed_drill_left_without_a_claim_goes_as_well(world: Drilling) -> None:
    prepared = world.prepare()
    world.step("make_drill_volume", run=prepared["run"], pick=prepared["picks"][0], volume_id=None)
    assert left(world)
    home_s = {
        "hubplane:cluster": "opensarlab",
        "hubplane:drill": "x",
        "hubplane:copy-of": "snap-1",
        "kubernetes.io/cluster/opensarlab": "owned",
    }
    world.ebs.volume("vol-became-a-home", home_s)
    world.sweep()
    assert left(world) == ["vol-became-a-home"], "what has become a home is nobody's to sweep"
