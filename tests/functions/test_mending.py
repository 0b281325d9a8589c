"""PrepareMend, FinishMend, DeleteHubPod, CheckHubRestart: tables in moto, a Kubernetes API over TLS."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.mend_ledger import MendLedger
from hubplane.domain.diagnosis.limits import LIMITS
from hubplane.domain.errors import ClusterBusy, ClusterUnknown, MendFailed, MendInputInvalid, MendRefused
from hubplane.domain.hub_facts import Answer, NoAnswer
from hubplane.domain.mail.messages import message_from_json
from tests.adapters.kubernetes_api import Api, running_api
from tests.functions.release_clients import connect, event, load

POOL = "/api/v1/namespaces/jupyter/pods"
SPEC = event("install_jupyterhub")["spec"]
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:hubplane-restart-hub"
PDB_FAILURE = json.dumps({"stage": "InstallAutoscaler", "error": "PodDisruptionBudgetImmutable", "cause": "spec: Forbidden"})


class World:
    """The two tables, the mail queue, and the two handlers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for key, value in {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}.items():
            monkeypatch.setenv(key, value)
        self.dynamodb, sqs = boto3.client("dynamodb"), boto3.client("sqs")
        for name, keys in {"clusters": ("cluster_name",), "ledger": ("cluster", "entry")}.items():
            self.dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
            )
        self.sqs, self.queue = sqs, sqs.create_queue(QueueName="mails")["QueueUrl"]
        variables = {"CLUSTERS_TABLE_NAME": "clusters", "LEDGER_TABLE_NAME": "ledger", "MAIL_QUEUE_URL": self.queue}
        for key, value in {**variables, "LEASE_SECONDS": "3600"}.items():
            monkeypatch.setenv(key, value)
        self.prepare_handler, self.finish_handler = (
            importlib.reload(importlib.import_module(f"functions.{name}.app")).handler for name in ("prepare_mend", "finish_mend")
        )
        release = {"spec": SPEC, "hub_url": "https://opensarlab.asf.alaska.edu", "outputs": {"TargetGroupArn": "arn:tg"}}
        self.put(status="ACTIVE", release=json.dumps(release))

    def put(self, **fields: str) -> None:
        item = {"cluster_name": {"S": "opensarlab"}, **{key: {"S": value} for key, value in fields.items()}}
        self.dynamodb.put_item(TableName="clusters", Item=item)

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = self.dynamodb.get_item(TableName="clusters", Key={"cluster_name": {"S": "opensarlab"}})["Item"]
        return found

    def prepare(self, name: str = "one", machine: str = "restart_hub", **given: Any) -> dict[str, Any]:
        document = {"cluster_name": "opensarlab", **given}
        arn = f"{MACHINE.replace('stateMachine', 'execution')}:{name}"
        asked = {"machine": machine, "input": document, "execution_arn": arn, "cluster_name": "opensarlab"}
        result: dict[str, Any] = self.prepare_handler(asked, None)
        return result

    def finish(self, name: str = "one", machine: str = "restart_hub", error: str = "", changes: tuple[str, ...] = ()) -> None:
        arn = f"{MACHINE.replace('stateMachine', 'execution')}:{name}"
        failure = {"stage": "CheckHubRestart", "error": error, "cause": "it did not come back" if error else ""}
        asked = {"machine": machine, "cluster_name": "opensarlab", "execution_arn": arn, "failure": failure}
        self.finish_handler({**asked, "changes": list(changes), "reason": "it answers"}, None)

    def mails(self) -> list[dict[str, Any]]:
        found = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return [dict(message_from_json(item["Body"]).context) for item in found]

    def entry(self, name: str = "one", machine: str = "restart_hub") -> dict[str, Any]:
        key = {"cluster": {"S": "opensarlab"}, "entry": {"S": f"mend#{machine}#{name}"}}
        found: dict[str, Any] = self.dynamodb.get_item(TableName="ledger", Key=key).get("Item", {})
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with mock_aws():
        yield World(monkeypatch)


def test_a_mending_holds_the_lock_without_touching_the_status_and_gives_it_back(world: World) -> None:
    prepared = world.prepare()
    assert (prepared["cluster_name"], prepared["target_group_arn"], prepared["secrets"]) == ("opensarlab", "arn:tg", [])
    assert prepared["hub_chart"]["version"] == "4.4.0"
    assert world.record()["lock"]["M"]["execution_arn"]["S"].endswith(":one")
    assert world.record()["status"]["S"] == "ACTIVE"
    assert world.prepare() == prepared
    world.finish(changes=("deleted pod hub-1",))
    world.finish(changes=("deleted pod hub-1",))
    assert "lock" not in world.record()
    assert world.entry()["outcome"]["S"] == "done"
    assert {mail["outcome"] for mail in world.mails()} == {"done"}


def test_a_failure_is_told_and_frees_the_cluster(world: World) -> None:
    world.prepare()
    world.finish(error="MendFailed")
    assert "lock" not in world.record()
    [mail] = world.mails()
    assert (mail["outcome"], mail["reason"]) == ("failed in CheckHubRestart", "MendFailed: it did not come back")


def test_what_never_began_is_not_told_and_frees_nobodys_lock(world: World) -> None:
    world.prepare("one")
    world.finish("another", error="ClusterBusy")
    assert "lock" in world.record()
    assert world.mails() == []


def test_a_cluster_at_which_something_is_done_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.prepare("one")
    module = importlib.import_module("functions.prepare_mend.app")
    monkeypatch.setattr(module, "execution_status", lambda client, arn: "RUNNING")
    with pytest.raises(ClusterBusy, match="busy"):
        world.prepare("two")
    assert world.entry("two") == {}


@pytest.mark.parametrize("machine", LIMITS)
def test_what_did_not_help_is_not_done_for_ever(world: World, machine: str) -> None:
    most, span = LIMITS[machine]
    now = datetime.now(UTC)
    ledger = MendLedger(world.dynamodb, "ledger", "opensarlab")
    for number in range(most):
        ledger.begin(machine, f"arn:aws:states:us-east-1:1:execution:m:old{number}", now - span + timedelta(minutes=1), "")
    with pytest.raises(MendRefused, match=rf"{machine} was begun {most} times .*may be started again at"):
        world.prepare(machine=machine)
    assert "lock" not in world.record()
    ledger.begin(machine, "arn:aws:states:us-east-1:1:execution:m:older", now - span - timedelta(minutes=1), "")
    assert world.entry(machine=machine) == {}


def test_old_restarts_do_not_count(world: World) -> None:
    ledger = MendLedger(world.dynamodb, "ledger", "opensarlab")
    for number in range(9):
        at = datetime.now(UTC) - timedelta(hours=2)
        ledger.begin("restart_hub", f"arn:aws:states:us-east-1:1:execution:m:old{number}", at, "")
    assert world.prepare()["reason"] == "restart_hub may begin on cluster opensarlab"


@pytest.mark.parametrize(
    ("machine", "given", "words"),
    [
        pytest.param("restart_hub", {"cluster_name": "Lab"}, 'cluster_name = "Lab"', id="no-name"),
        pytest.param("repair_autoscaler", {"force": True}, '"force" is no field', id="unknown-field"),
        pytest.param("rotate_secrets", {"secrets": ["cookie"]}, "oauth-client, proxy-token, hub-token", id="unknown-secret"),
        pytest.param("rotate_secrets", {"secrets": []}, "one or more", id="no-secret"),
    ],
)
def test_every_fault_of_an_input_is_named_before_anything_is_touched(
    world: World, machine: str, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(MendInputInvalid, match="1 fault") as refused:
        world.prepare(machine=machine, **given)
    assert words in str(refused.value)
    assert "lock" not in world.record()


def test_a_cluster_without_a_release_is_for_build_cluster(world: World) -> None:
    world.put(status="FAILED")
    with pytest.raises(ClusterUnknown, match="start build_cluster first"):
        world.prepare()


def test_a_repaired_autoscaler_ends_the_failure_of_the_build_that_stopped_there(world: World) -> None:
    world.put(status="FAILED", release=world.record()["release"]["S"], failure=PDB_FAILURE)
    world.prepare(machine="repair_autoscaler")
    world.finish(machine="repair_autoscaler")
    assert world.record()["status"]["S"] == "ACTIVE"
    assert "failure" not in world.record()


@pytest.mark.parametrize(
    ("machine", "failure", "error"),
    [
        pytest.param("restart_hub", PDB_FAILURE, "", id="by-another-mending"),
        pytest.param("repair_autoscaler", PDB_FAILURE, "ReleaseFailed", id="not-repaired"),
        pytest.param(
            "repair_autoscaler",
            json.dumps({"stage": "ChangeStack", "error": "StackFailed", "cause": "x"}),
            "",
            id="another-stage",
        ),
    ],
)
def test_no_other_failure_is_forgotten(world: World, machine: str, failure: str, error: str) -> None:
    world.put(status="FAILED", release=world.record()["release"]["S"], failure=failure)
    world.prepare(machine=machine)
    world.finish(machine=machine, error=error)
    assert world.record()["failure"]["S"] == failure
    assert world.record()["status"]["S"] == "FAILED"


# ---- the hub's pod ----


def pod(name: str, component: str, made_at: str, ready: bool = True) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "jupyter",
            "uid": f"uid-{name}",
            "labels": {"component": component},
            "creationTimestamp": made_at,
        },
        "spec": {"containers": [{"name": "c", "image": "i"}], "nodeName": "node-1"},
        "status": {"phase": "Running", "conditions": conditions},
    }


OLD, NEW, STARTED = "2026-11-25T10:00:00Z", "2026-11-25T15:00:09Z", "2026-11-25T15:00:00.000Z"


@pytest.fixture
def api() -> Iterator[Api]:
    with running_api() as found:
        for item in (pod("hub-1", "hub", OLD), pod("jupyter-ada", "singleuser-server", OLD), pod("proxy-1", "proxy", OLD)):
            found.put(f"{POOL}/{item['metadata']['name']}", item)
        yield found


def restart(api: Api, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    module = load("delete_hub_pod", monkeypatch)
    connect(module, api.connection, monkeypatch)
    result: dict[str, Any] = module.handler(event("delete_hub_pod", started_at=STARTED), None)
    return result


def test_only_the_hubs_pod_is_deleted_and_only_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    first = restart(api, monkeypatch)
    assert first["changes"] == ["deleted pod hub-1"]
    assert first["restarted"] == ["uid-hub-1"]
    assert first["servers"] == {"jupyter-ada": "uid-jupyter-ada"}
    api.put(f"{POOL}/hub-2", pod("hub-2", "hub", NEW))
    assert restart(api, monkeypatch)["changes"] == []
    assert sorted(api.objects) == [f"{POOL}/{name}" for name in ("hub-2", "jupyter-ada", "proxy-1")]


def look(api: Api, monkeypatch: pytest.MonkeyPatch, answer: Answer | NoAnswer, **changes: Any) -> dict[str, Any]:
    module = load("check_hub_restart", monkeypatch)
    connect(module, api.connection, monkeypatch)
    monkeypatch.setattr(module, "get", lambda url, address, **_: answer)
    given = {"restarted": ["uid-hub-1"], "servers": {"jupyter-ada": "uid-jupyter-ada"}, **changes}
    result: dict[str, Any] = module.handler(event("check_hub_restart", **given), None)
    return result


def test_the_hub_is_back_when_its_new_pod_is_ready_and_its_address_answers(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(api, monkeypatch, Answer(200))["back"] is False
    del api.objects[f"{POOL}/hub-1"]
    assert "not made the hub's new pod yet" in look(api, monkeypatch, Answer(200))["reason"]
    api.put(f"{POOL}/hub-2", pod("hub-2", "hub", NEW, ready=False))
    assert look(api, monkeypatch, Answer(200))["back"] is False
    api.put(f"{POOL}/hub-2", pod("hub-2", "hub", NEW))
    assert "answers with 503" in look(api, monkeypatch, Answer(503))["reason"]
    assert "timed out" in look(api, monkeypatch, NoAnswer("timeout", "timed out"))["reason"]
    back = look(api, monkeypatch, Answer(200))
    assert (back["back"], back["reason"]) == (True, "pod hub-2 is ready; 1 server(s) run")


def test_a_server_that_did_not_survive_is_a_failure(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.put(f"{POOL}/hub-2", pod("hub-2", "hub", NEW))
    with pytest.raises(MendFailed, match=r"1 server\(s\) that ran before .*jupyter-ben"):
        look(api, monkeypatch, Answer(200), servers={"jupyter-ada": "uid-jupyter-ada", "jupyter-ben": "uid-jupyter-ben"})


def test_a_hub_that_lets_nobody_in_is_judged_by_its_pod(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.put(f"{POOL}/hub-2", pod("hub-2", "hub", NEW))
    closed = {**SPEC, "network": {**SPEC["network"], "load_balancer_cidr": "137.229.0.0/16"}}
    assert look(api, monkeypatch, NoAnswer("timeout", "timed out"), spec=closed)["back"] is True
