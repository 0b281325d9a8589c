"""PlanMends, TellDiagnosis, EnsureDiagnosisSchedule from event to result, in moto."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.domain.mail.messages import message_from_json
from hubplane.domain.mail.rendering import render
from tests.functions.release_clients import event

SPEC = event("install_jupyterhub")["spec"]


class World:
    """Both tables, the mail queue, the schedules."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for key, value in {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}.items():
            monkeypatch.setenv(key, value)
        self.dynamodb, self.sqs, self.scheduler = (boto3.client(name) for name in ("dynamodb", "sqs", "scheduler"))
        for name, keys in {"clusters": ("cluster_name",), "ledger": ("cluster", "entry")}.items():
            self.dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
            )
        self.queue = self.sqs.create_queue(QueueName="mails")["QueueUrl"]
        self.scheduler.create_schedule_group(Name="storage")
        variables = {
            "CLUSTERS_TABLE_NAME": "clusters",
            "LEDGER_TABLE_NAME": "ledger",
            "MAIL_QUEUE_URL": self.queue,
            "SCHEDULE_GROUP_NAME": "storage",
            "SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/schedule",
            "SCHEDULE_DEAD_LETTER_QUEUE_ARN": "arn:aws:sqs:us-east-1:123456789012:dead",
            "DIAGNOSE_CLUSTER_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:diagnose",
        }
        for key, value in variables.items():
            monkeypatch.setenv(key, value)
        self.handlers = {
            name: importlib.reload(importlib.import_module(f"functions.{name}.app")).handler
            for name in ("plan_mends", "tell_diagnosis", "ensure_diagnosis_schedule")
        }

    def allow(self, **policy: Any) -> None:
        release = json.dumps({"spec": {**SPEC, "diagnosis": policy}, "hub_url": "https://x"})
        self.dynamodb.put_item(TableName="clusters", Item={"cluster_name": {"S": "opensarlab"}, "release": {"S": release}})

    def run(self, name: str, execution: str = "one", **changes: Any) -> dict[str, Any]:
        arn = f"arn:aws:states:us-east-1:123456789012:execution:hubplane-diagnose-cluster:{execution}"
        result: dict[str, Any] = self.handlers[name](event(name, execution_arn=arn, **changes), None)
        return result

    def mails(self) -> list[Any]:
        found = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return [message_from_json(item["Body"]) for item in found]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with mock_aws():
        yield World(monkeypatch)


def test_at_most_so_often_a_day_and_a_repeated_step_counts_once(world: World) -> None:
    world.allow(mend=["restart_hub"], mends_per_day=2)
    for execution in ("one", "one", "two"):
        planned = world.run("plan_mends", execution)
        assert [mend["machine"] for mend in planned["mends"]] == ["restart_hub"]
    third = world.run("plan_mends", "three")
    assert third["mends"] == []
    assert third["held_back"] == ["restart_hub waits for a person: 2 were started today already"]
    assert world.run("plan_mends", "one")["mends"] != []


@pytest.mark.parametrize("policy", [{}, {"mend": ["repair_autoscaler"]}, {"mend": ["restart_hub"], "mends_per_day": 0}])
def test_what_is_not_allowed_is_not_started(world: World, policy: dict[str, Any]) -> None:
    world.allow(**policy)
    planned = world.run("plan_mends")
    assert planned["mends"] == []
    assert len(planned["held_back"]) == 1


def test_the_operators_hear_of_it_once_as_long_as_it_stays_the_same(world: World) -> None:
    for execution in ("one", "two"):
        world.run("tell_diagnosis", execution)
    messages = world.mails()
    assert len({message.mail_id for message in messages}) == 1
    mail = render("cluster_unwell", {"institution": "Lab", "contact": "help@example.org", **messages[0].context})
    assert mail.subject == "Cluster opensarlab is not well"
    assert "critical: The hub's database is locked" in mail.text
    world.run("tell_diagnosis", "three", mended=[])
    assert len({message.mail_id for message in world.mails()} - {messages[0].mail_id}) == 1


def test_of_a_healthy_cluster_nobody_hears(world: World) -> None:
    assert world.run("tell_diagnosis", findings=[])["reason"] == "there is nothing to tell"
    assert world.mails() == []


def test_the_schedule_follows_the_specification(world: World) -> None:
    def ensure(**policy: Any) -> list[str]:
        changes: list[str] = world.run("ensure_diagnosis_schedule", spec={**SPEC, "diagnosis": policy})["changes"]
        return changes

    assert ensure() == []
    assert ensure(schedule_hours=6, mend=["restart_hub"]) == [
        "made the schedule of a diagnosis every 6 hours, which may start restart_hub, 1 a day"
    ]
    assert ensure(schedule_hours=6, mend=["restart_hub"]) == []
    assert ensure(schedule_hours=24) == ["changed the schedule of a diagnosis every 24 hours, which mends nothing"]
    assert ensure() == ["removed the schedule of the diagnoses"]
    assert ensure() == []
