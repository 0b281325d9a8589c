"""LockCluster, AskApproval, RecordRelease, RecordFailure: the handlers on moto, fed with their events."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.domain.errors import ClusterBusy, LockLost
from hubplane.domain.mail.messages import message_from_json
from hubplane.domain.mail.rendering import Rendered, render

EVENTS = Path(__file__).resolve().parents[2] / "events"
REGION = "us-east-1"
MACHINE_ROLE = "arn:aws:iam::123456789012:role/machine"
WAITING = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}


def event(name: str, **changes: Any) -> dict[str, Any]:
    return {**json.loads((EVENTS / f"{name}.json").read_text()), **changes}


class World:
    """The clusters' table, the mail queue, and the handlers wired to them."""

    def __init__(self) -> None:
        self.dynamodb = boto3.client("dynamodb", region_name=REGION)
        self.dynamodb.create_table(
            TableName="clusters",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "cluster_name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "cluster_name", "KeyType": "HASH"}],
        )
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.queue_url = self.sqs.create_queue(QueueName="mails")["QueueUrl"]

    def handler(self, folder: str) -> Any:
        module = importlib.import_module(f"functions.{folder}.app")
        return importlib.reload(module).handler

    def mails(self) -> list[Rendered]:
        """The mails that were asked for, each once, however often: by mail id the last, as it will be read."""
        received = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", [])
        messages = {message.mail_id: message for message in (message_from_json(item["Body"]) for item in received)}
        letterhead = {"institution": "OpenSARLab", "contact": "help@example.org"}
        return [render(message.name, {**letterhead, **message.context}) for message in messages.values()]

    def record(self) -> dict[str, Any]:
        item = self.dynamodb.get_item(TableName="clusters", Key={"cluster_name": {"S": "opensarlab"}}).get("Item", {})
        return dict(item)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with mock_aws():
        found = World()
        for name, value in {
            "AWS_DEFAULT_REGION": REGION,
            "CLUSTERS_TABLE_NAME": "clusters",
            "MAIL_QUEUE_URL": found.queue_url,
            "LEASE_SECONDS": "3600",
        }.items():
            monkeypatch.setenv(name, value)
        yield found


def running_execution() -> str:
    states = boto3.client("stepfunctions", region_name=REGION)
    machine = states.create_state_machine(name="machine", definition=json.dumps(WAITING), roleArn=MACHINE_ROLE)
    arn: str = states.start_execution(stateMachineArn=machine["stateMachineArn"], name="other")["executionArn"]
    return arn


def test_a_second_execution_is_told_who_holds_the_cluster(world: World) -> None:
    holder = running_execution()
    lock = world.handler("lock_cluster")
    lock(event("lock_cluster", execution_arn=holder), None)
    with pytest.raises(ClusterBusy, match="stop-execution") as refused:
        lock(event("lock_cluster"), None)
    assert holder in str(refused.value)
    assert world.record()["lock"]["M"]["execution_arn"]["S"] == holder


def test_a_dead_executions_lock_is_taken_over(world: World) -> None:
    holder = running_execution()
    lock = world.handler("lock_cluster")
    lock(event("lock_cluster", execution_arn=holder), None)
    boto3.client("stepfunctions", region_name=REGION).stop_execution(executionArn=holder)
    answer = lock(event("lock_cluster"), None)
    assert "ABORTED" in answer["reason"]
    assert answer["changes"] == []


def test_the_same_execution_may_lock_twice(world: World) -> None:
    lock = world.handler("lock_cluster")
    assert lock(event("lock_cluster"), None)["recorded_availability_zone"] is None
    assert "already" in lock(event("lock_cluster"), None)["reason"]


def test_a_question_is_kept_with_its_token_and_mailed_once_with_both_commands(world: World) -> None:
    world.handler("lock_cluster")(event("lock_cluster"), None)
    ask = world.handler("ask_approval")
    ask(event("ask_approval"), None)
    ask(event("ask_approval"), None)
    token = event("ask_approval")["task_token"]
    assert json.loads(world.record()["approval"]["S"])["task_token"] == token
    mails = world.mails()
    assert len(mails) == 1
    assert mails[0].text.count(f"send-task-success --task-token '{token}'") == 2
    assert "running servers are stopped" in mails[0].text


def test_a_question_with_another_token_is_another_mail(world: World) -> None:
    world.handler("lock_cluster")(event("lock_cluster"), None)
    for token in ("first", "second"):
        world.handler("ask_approval")(event("ask_approval", task_token=token), None)
    assert [token in mail.text for mail, token in zip(world.mails(), ("first", "second"), strict=True)] == [True, True]


def test_nobody_is_asked_by_an_execution_without_the_lock(world: World) -> None:
    with pytest.raises(LockLost):
        world.handler("ask_approval")(event("ask_approval"), None)
    assert world.mails() == []


def test_a_release_with_changes_is_mailed_once_and_frees_the_lock(world: World) -> None:
    world.handler("lock_cluster")(event("lock_cluster"), None)
    record = world.handler("record_release")
    for _ in range(2):
        answer = record(event("record_release"), None)
    assert answer["status"] == "ACTIVE"
    assert world.record()["status"]["S"] == "ACTIVE"
    assert "lock" not in world.record()
    assert json.loads(world.record()["release"]["S"])["spec"] == event("record_release")["spec"]
    assert [mail.subject for mail in world.mails()] == ["Cluster opensarlab is ready"]


def test_a_release_without_changes_bothers_nobody(world: World) -> None:
    world.handler("lock_cluster")(event("lock_cluster"), None)
    answer = world.handler("record_release")(event("record_release", all_changes=[]), None)
    assert "nothing to change" in answer["reason"]
    assert world.mails() == []


def test_a_failure_is_recorded_mailed_once_and_frees_the_lock(world: World) -> None:
    world.handler("lock_cluster")(event("lock_cluster"), None)
    record = world.handler("record_failure")
    for _ in range(2):
        answer = record(event("record_failure"), None)
    assert answer["reason"].startswith("CheckAccount failed (AccountNotReady): subnet subnet-39a09073 is in us-east-1a")
    assert world.record()["status"]["S"] == "FAILED"
    assert "lock" not in world.record()
    mails = world.mails()
    assert len(mails) == 1
    assert "The lock is free. Mend the cause and start the same input again" in mails[0].text


def test_the_failure_of_a_build_that_never_had_the_lock_leaves_the_holder_alone(world: World) -> None:
    holder = running_execution()
    world.handler("lock_cluster")(event("lock_cluster", execution_arn=holder), None)
    answer = world.handler("record_failure")(event("record_failure", error="ClusterBusy"), None)
    assert answer["lock_released"] is False
    assert world.record()["lock"]["M"]["execution_arn"]["S"] == holder
    assert world.record()["status"]["S"] == "BUILDING"
    (mail,) = world.mails()
    assert "does not hold the cluster's lock; another one may" in mail.text
    assert "lock is free" not in mail.text


@pytest.mark.parametrize("name", ["", "Not A Name", "x" * 4000, "planted-secret/VALUE+0123"])
def test_a_failure_without_a_cluster_of_that_name_is_mailed_and_what_stood_there_is_not(world: World, name: str) -> None:
    answer = world.handler("record_failure")(event("record_failure", cluster_name=name, stage="ValidateSpec"), None)
    assert answer["lock_released"] is False
    (mail,) = world.mails()
    assert not name or name not in mail.subject + mail.text + mail.html
