# ruff: noqa: N803 - parameters are named as the API names them
"""PrepareUpgrade, CheckUpgradeGate, CheckUpgraded, FinishUpgrade: tables and queue in moto, EKS over its own model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.domain.cluster_spec.model import spec_to_json
from hubplane.domain.eks_settings.settings import ADDONS
from hubplane.domain.errors import ClusterBusy, ClusterUnknown, LockLost, ProviderError, UpgradeInputInvalid
from hubplane.domain.mail.messages import message_from_json
from tests.adapters.cloudformation_fake import FakeCloudFormation
from tests.adapters.fake_aws import Refusal, fake_client
from tests.functions.release_clients import load
from tests.unit.cluster_stack.specs import SPEC_2019

NAME = SPEC_2019.cluster_name
MACHINE = "arn:aws:states:us-east-1:123456789012:execution:hubplane-"
ME, OTHER = f"{MACHINE}upgrade-cluster:one", f"{MACHINE}upgrade-cluster:two"
BUILD = f"{MACHINE}build-cluster:one-step-1"
WANTED = {"cluster_name": NAME, "kubernetes_version": "1.36"}


class FakeEks:
    """One cluster with a node group, its add-ons, and insights that are looked at when asked; one item to a page."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.version = self.group_version = "1.35"
        self.addons = dict.fromkeys(ADDONS, "v1.0.0-eksbuild.1")
        self.refresh: dict[str, Any] | None = None
        self.insight = {"status": "PASSING", "reason": "all is well"}
        self.exists = True

    def asked(self, operation: str) -> int:
        return sum(name == operation for name, _ in self.calls)

    def describe_cluster(self, name: str) -> dict[str, Any]:
        if not self.exists:
            raise Refusal("ResourceNotFoundException", f"No cluster found for name: {name}.")
        return {"cluster": {"name": name, "version": self.version, "status": "ACTIVE"}}

    def list_nodegroups(self, clusterName: str, **_: Any) -> dict[str, Any]:
        return {"nodegroups": [f"{clusterName}-main"]}

    def describe_nodegroup(self, clusterName: str, nodegroupName: str) -> dict[str, Any]:
        group = {
            "version": self.group_version,
            "releaseVersion": f"{self.group_version}.1-20261101",
            "amiType": "AL2023_x86_64_STANDARD",
        }
        return {"nodegroup": {**group, "status": "ACTIVE", "scalingConfig": {"desiredSize": 2}}}

    def list_addons(self, clusterName: str, nextToken: str = "0", **_: Any) -> dict[str, Any]:
        names, at = sorted(self.addons), int(nextToken)
        return {"addons": names[at : at + 1], **({"nextToken": str(at + 1)} if at + 1 < len(names) else {})}

    def describe_addon(self, clusterName: str, addonName: str) -> dict[str, Any]:
        return {"addon": {"addonName": addonName, "addonVersion": self.addons[addonName], "status": "ACTIVE"}}

    def describe_addon_versions(self, addonName: str, kubernetesVersion: str, **_: Any) -> dict[str, Any]:
        fits = [{"clusterVersion": kubernetesVersion, "defaultVersion": True}]
        newest = {"addonVersion": f"v{kubernetesVersion}.9-eksbuild.1"}
        return {
            "addons": [
                {
                    "addonName": addonName,
                    "addonVersions": [newest, {"addonVersion": "v1.0.0-eksbuild.1", "compatibilities": fits}],
                }
            ]
        }

    def list_insights(self, clusterName: str, filter: dict[str, Any], **_: Any) -> dict[str, Any]:
        assert filter == {"categories": ["UPGRADE_READINESS"]}
        looked = datetime.now(UTC)
        listed = {"id": "i-1", "name": "Deprecated APIs", "category": "UPGRADE_READINESS", "kubernetesVersion": "1.36"}
        return {"insights": [{**listed, "lastRefreshTime": looked, "insightStatus": self.insight}]}

    def describe_insight(self, clusterName: str, id: str) -> dict[str, Any]:
        gone = {"usage": "/apis/a/v1beta1/b", "stopServingVersion": "1.36", "clientStats": [{"userAgent": "kubectl"}]}
        unused = {"usage": "/apis/a/v1beta1/c", "stopServingVersion": "1.36", "clientStats": []}
        return {"insight": {"id": id, "categorySpecificSummary": {"deprecationDetails": [gone, unused]}}}

    def describe_insights_refresh(self, clusterName: str) -> dict[str, Any]:
        if self.refresh is None:
            raise Refusal("ResourceNotFoundException", "no refresh")
        return self.refresh

    def start_insights_refresh(self, clusterName: str) -> dict[str, Any]:
        self.refresh = {"status": "IN_PROGRESS", "startedAt": datetime.now(UTC)}
        return {"status": "IN_PROGRESS"}


class FakeApi:
    """The cluster's own API: one node, no pod, no budget, until a test says so."""

    def __init__(self) -> None:
        labels = {"eks.amazonaws.com/nodegroup": f"{NAME}-main"}
        self.objects: dict[str, list[dict[str, Any]]] = {"Node": [{"metadata": {"name": "ip-1", "labels": labels}}]}
        self.refuses = False

    def list(self, kind: str, namespace: str | None = None) -> Iterator[dict[str, Any]]:
        if self.refuses:
            raise ProviderError(f"list {kind}: Forbidden")
        yield from (item for item in self.objects.get(kind, []) if item["metadata"].get("namespace") in (None, namespace))


class World:
    """The tables, the queue, the bucket and the functions, with what Step Functions says of executions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(key, "x")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        self.dynamodb, self.sqs, self.eks = boto3.client("dynamodb"), boto3.client("sqs"), FakeEks()
        for name, keys in {"clusters": ("cluster_name",), "ledger": ("cluster", "entry")}.items():
            self.dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
            )
        boto3.client("s3").create_bucket(Bucket="storage")
        self.queue = self.sqs.create_queue(QueueName="mails")["QueueUrl"]
        self.running: set[str] = set()
        self.api, self.cloudformation = FakeApi(), FakeCloudFormation()
        self.record_release("1.35")

    def record_release(self, version: str) -> None:
        spec = {**spec_to_json(SPEC_2019), "kubernetes_version": version}
        release = {"spec": spec, "hub_url": "https://sar", "jupyterhub_revision": 7}
        self.dynamodb.update_item(
            TableName="clusters",
            Key={"cluster_name": {"S": NAME}},
            UpdateExpression="SET #release = :release, #status = :status",
            ExpressionAttributeNames={"#release": "release", "#status": "status"},
            ExpressionAttributeValues={":release": {"S": json.dumps(release)}, ":status": {"S": "ACTIVE"}},
        )

    def function(self, name: str) -> ModuleType:
        module = load(
            name,
            self._monkeypatch,
            CLUSTERS_TABLE_NAME="clusters",
            LEDGER_TABLE_NAME="ledger",
            STORAGE_BUCKET_NAME="storage",
            MAIL_QUEUE_URL=self.queue,
            LEASE_SECONDS="3600",
        )
        made, fakes = module.client, {"eks": fake_client("eks", self.eks), "cloudformation": self.cloudformation}
        self._monkeypatch.setattr(module, "client", lambda service: fakes.get(service) or made(service))
        if hasattr(module, "drains_of"):
            self._monkeypatch.setattr(module, "cluster_connection", lambda *_: None)
            self._monkeypatch.setattr(module, "Kubernetes", lambda _: self.api)
        if hasattr(module, "execution_status"):
            self._monkeypatch.setattr(module, "execution_status", lambda _, arn: "RUNNING" if arn in self.running else "ABORTED")
        return module

    def prepare(self, arn: str = ME, **given: Any) -> dict[str, Any]:
        asked = {"input": {**WANTED, "mode": "enforce", **given}, "execution_arn": arn, "cluster_name": NAME}
        result: dict[str, Any] = self.function("prepare_upgrade").handler(asked, None)
        return result

    def gate(
        self, arn: str = ME, mode: str = "enforce", *, last_look: bool = False, began_at: datetime | None = None
    ) -> dict[str, Any]:
        began = (began_at or datetime.now(UTC) - timedelta(minutes=1)).isoformat()
        asked = {"cluster_name": NAME, "execution_arn": arn, "mode": mode, "to_version": "1.36", "diagnosis": {"healthy": True}}
        asked |= {"finishes": False, "began_at": began, "last_look": last_look, "rolls": [f"{NAME}-main"]}
        result: dict[str, Any] = self.function("check_upgrade_gate").handler(asked, None)
        return result

    def finish(self, arn: str = ME, error: str = "") -> dict[str, Any]:
        failure = {"stage": "BuildStep", "error": error, "cause": "the hub answers 503" if error else ""}
        asked = {"cluster_name": NAME, "execution_arn": arn, "failure": failure, "before": {"control plane": "1.35"}, "done": []}
        result: dict[str, Any] = self.function("finish_upgrade").handler({**asked, "changes": [], "reason": "all is there"}, None)
        return result

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = self.dynamodb.get_item(TableName="clusters", Key={"cluster_name": {"S": NAME}})["Item"]
        return found

    def holder(self) -> str | None:
        lock = self.record().get("upgrade_lock")
        return lock["M"]["execution_arn"]["S"] if lock else None

    def mails(self) -> list[dict[str, Any]]:
        found = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return [dict(message_from_json(item["Body"]).context) for item in found]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with mock_aws():
        yield World(monkeypatch)


def test_a_plan_holds_nothing_and_an_upgrade_holds_the_cluster_over_all_its_steps(world: World) -> None:
    planned = world.prepare(mode="plan")
    assert world.holder() is None
    prepared = world.prepare()
    assert (prepared["steps"], prepared["before"]["control plane"]) == (planned["steps"], "1.35")
    assert world.holder() == ME
    assert world.prepare()["steps"] == prepared["steps"]
    build = prepared["steps"][0]["build"]
    assert build["spec"] == {**spec_to_json(SPEC_2019), "kubernetes_version": "1.36"}


def test_nothing_to_do_takes_no_lock_and_says_so(world: World) -> None:
    prepared = world.prepare(kubernetes_version="1.35")
    assert (prepared["steps"], world.holder()) == ([], None)
    assert "nothing to do" in prepared["reason"]


def test_all_faults_come_at_once_and_change_nothing(world: World) -> None:
    with pytest.raises(UpgradeInputInvalid, match="2 faults"):
        world.prepare(kubernetes_version="1.34", mode="perhaps")
    with pytest.raises(UpgradeInputInvalid, match="cluster_name"):
        world.prepare(cluster_name="No name")
    with pytest.raises(ClusterUnknown):
        world.prepare(cluster_name="another")
    world.eks.exists = False
    with pytest.raises(ClusterUnknown, match="EKS has no cluster"):
        world.prepare()
    assert world.holder() is None


def test_a_second_upgrade_waits_for_the_first_and_takes_over_from_a_dead_one(world: World) -> None:
    world.prepare(ME)
    world.running = {ME}
    with pytest.raises(ClusterBusy):
        world.prepare(OTHER)
    world.running = set()
    world.prepare(OTHER)
    assert world.holder() == OTHER


def test_no_upgrade_begins_while_a_build_runs_or_the_cluster_ends(world: World) -> None:
    clusters, hour = ClustersTable(world.dynamodb, "clusters"), timedelta(hours=1)
    clusters.take_lock(NAME, f"{MACHINE}build-cluster:by-hand", None, datetime.now(UTC), hour)
    world.running = {f"{MACHINE}build-cluster:by-hand"}
    with pytest.raises(ClusterBusy):
        world.prepare()
    world.running = set()
    clusters.take_for_deletion(clusters.read(NAME), f"{MACHINE}delete-cluster:end", datetime.now(UTC), hour)
    with pytest.raises(ClusterBusy, match="DELETING"):
        world.prepare()
    assert world.holder() is None


def test_under_an_upgrade_only_its_own_builds_are_let_in(world: World) -> None:
    world.prepare()
    world.running = {ME}
    lock = world.function("lock_cluster").handler
    with pytest.raises(ClusterBusy, match="is being upgraded"):
        lock({"cluster_name": NAME, "execution_arn": f"{MACHINE}build-cluster:by-hand"}, None)
    assert "lock" not in world.record()
    lock({"cluster_name": NAME, "execution_arn": BUILD}, None)
    assert world.record()["lock"]["M"]["execution_arn"]["S"] == BUILD


def test_an_upgrade_that_died_keeps_no_build_out(world: World) -> None:
    world.prepare()
    by_hand = f"{MACHINE}build-cluster:by-hand"
    world.function("lock_cluster").handler({"cluster_name": NAME, "execution_arn": by_hand}, None)
    assert world.record()["lock"]["M"]["execution_arn"]["S"] == by_hand


def test_under_an_upgrade_nothing_is_mended_and_nothing_deleted(world: World) -> None:
    world.prepare()
    world.running = {ME}
    mend = {
        "machine": "restart_hub",
        "input": {"cluster_name": NAME},
        "execution_arn": f"{MACHINE}restart-hub:a",
        "cluster_name": NAME,
    }
    with pytest.raises(ClusterBusy):
        world.function("prepare_mend").handler(mend, None)
    clusters = ClustersTable(world.dynamodb, "clusters")
    seen = clusters.read(NAME)
    deletion = world.function("prepare_deletion")
    with pytest.raises(ClusterBusy, match="the upgrade of cluster"):
        deletion.refuse_busy(seen, f"{MACHINE}delete-cluster:end", datetime.now(UTC))
    world.running = set()
    world.prepare(OTHER)
    assert not clusters.take_for_deletion(seen, f"{MACHINE}delete-cluster:end", datetime.now(UTC), timedelta(hours=1))


def test_eks_is_asked_to_look_again_once_and_the_gate_waits_for_it(world: World) -> None:
    world.prepare()
    began = datetime.now(UTC)
    assert world.gate(began_at=began)["ready"] is False
    assert world.gate(began_at=began)["ready"] is False
    assert world.eks.asked("start_insights_refresh") == 1
    assert world.eks.refresh is not None
    world.eks.refresh["status"] = "COMPLETED"
    judged = world.gate(began_at=began)
    assert (judged["ready"], judged["open"], judged["against"]) == (True, True, [])
    # A look from before this gate does not count for it.
    assert world.gate(began_at=datetime.now(UTC) + timedelta(seconds=1))["ready"] is False
    assert world.eks.asked("start_insights_refresh") == 2


def test_a_look_that_does_not_end_closes_the_gate(world: World) -> None:
    world.prepare()
    world.gate()
    judged = world.gate(last_look=True)
    assert (judged["ready"], judged["open"]) == (True, False)
    assert "has not finished" in judged["reason"]


def test_a_plan_asks_eks_for_nothing_and_tells_what_is_called_and_goes(world: World) -> None:
    world.eks.insight = {"status": "ERROR", "reason": "used"}
    judged = world.gate(mode="plan")
    assert world.eks.asked("start_insights_refresh") == 0
    assert judged["open"] is False
    assert "/apis/a/v1beta1/b goes in 1.36" in judged["reason"]
    assert "v1beta1/c" not in judged["reason"], "nobody calls it"


def test_whose_servers_end_is_told_and_what_cannot_be_drained_closes_the_gate(world: World) -> None:
    names = {"hub.jupyter.org/username": "ann", "hub.jupyter.org/servername": ""}
    server = {"metadata": {"name": "jupyter-ann", "annotations": names}, "spec": {"nodeName": "ip-1"}}
    world.api.objects["Pod"] = [server, {"metadata": {"name": "hub-1"}, "spec": {"nodeName": "ip-1"}}]
    judged = world.gate(mode="plan")
    assert judged["open"] is True
    assert any("1 server runs on nodes that will be replaced: ann;" in note for note in judged["notes"])
    budget = {"metadata": {"name": "hold", "namespace": "jupyter"}, "status": {"disruptionsAllowed": 0, "expectedPods": 1}}
    world.api.objects["PodDisruptionBudget"] = [budget]
    assert "PodDisruptionBudget hold in jupyter" in world.gate(mode="plan")["reason"]
    world.api.refuses = True
    assert "Forbidden): build_cluster" in world.gate(mode="plan")["reason"]


def test_a_storage_day_that_runs_closes_the_gate(world: World) -> None:
    clusters, night = ClustersTable(world.dynamodb, "clusters"), f"{MACHINE}run-storage-day:night"
    clusters.take_storage_lock(NAME, night, None, datetime.now(UTC), timedelta(hours=1))
    world.running = {night}
    assert "the storage of the cluster is busy" in world.gate(mode="plan")["reason"]


def test_whoever_lost_the_cluster_goes_no_further(world: World) -> None:
    world.prepare(ME)
    world.prepare(OTHER)
    with pytest.raises(LockLost):
        world.gate(ME)


def test_a_step_is_done_when_everything_is_there(world: World) -> None:
    build = world.prepare()["steps"][0]["build"]
    check = world.function("check_upgraded").handler
    asked = {"cluster_name": NAME, "execution_arn": ME, "build": build}
    wrong = check(asked, None)["wrong"]
    assert len(wrong) == 3  # control plane, node group, recorded release
    world.eks.version = world.eks.group_version = "1.36"
    assert check(asked, None)["done"] is False
    world.record_release("1.36")
    assert check(asked, None)["done"] is True


def test_an_end_is_told_once_and_frees_the_cluster(world: World) -> None:
    world.prepare()
    world.eks.version = "1.36"
    finished = world.finish()
    world.finish()
    assert (finished["after"]["control plane"], finished["way_back"], world.holder()) == ("1.36", [], None)
    [mail] = world.mails()
    assert (mail["outcome"], mail["way_back"]) == ("done", [])
    assert "control plane: 1.36 (was 1.35)" in mail["versions"]


def test_a_failure_is_told_with_the_way_back(world: World) -> None:
    world.prepare()
    world.eks.version = "1.36"
    world.cloudformation.scene(f"hubplane-cluster-{NAME}", "UPDATE_ROLLBACK_FAILED")
    finished = world.finish(error="HubUnhealthy")
    assert any("is in UPDATE_ROLLBACK_FAILED: the next build goes on" in sentence for sentence in finished["way_back"])
    assert any("update-cluster-version" in sentence for sentence in finished["way_back"])
    [mail] = world.mails()
    assert (mail["outcome"], mail["reason"]) == ("stopped in BuildStep", "HubUnhealthy: the hub answers 503")
    assert mail["way_back"] == finished["way_back"]
    assert world.holder() is None


def test_what_held_nothing_is_not_told_of_and_frees_nobody_s_lock(world: World) -> None:
    world.prepare(ME)
    assert world.finish(OTHER, error="ClusterBusy")["way_back"] == []
    assert world.holder() == ME
    assert world.mails() == []
