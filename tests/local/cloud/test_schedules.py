"""Schedules fire when they should, with what they should, and bad ones are refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

from tests.local.cloud.lambda_functions import ROLE
from tests.local.cloud.running import ACCOUNT_ID, REGION, RunningCloud, running_cloud
from tests.local.cloud.test_control import ask

ECHO = {"QueryLanguage": "JSONata", "StartAt": "Say", "States": {"Say": {"Type": "Succeed"}}}


@pytest.fixture(scope="module")
def machine(cloud: RunningCloud) -> str:
    """A state machine that a schedule can start."""
    return create_machine(cloud)


def create_machine(cloud: RunningCloud) -> str:
    states = cloud.client("stepfunctions")
    arn: str = states.create_state_machine(name="day", definition=json.dumps(ECHO), roleArn=ROLE)["stateMachineArn"]
    return arn


def schedule(cloud: RunningCloud, name: str, expression: str, arn: str, **more: Any) -> None:
    wanted = {"Arn": arn, "RoleArn": ROLE, "Input": json.dumps({"name": name, "at": "<aws.scheduler.scheduled-time>"})}
    cloud.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={**wanted, **more.pop("target", {})},
        **more,
    )


def inputs(cloud: RunningCloud, machine: str, name: str) -> list[Any]:
    """The inputs of the executions that the schedule started."""
    states = cloud.client("stepfunctions")
    arns = [item["executionArn"] for item in states.list_executions(stateMachineArn=machine)["executions"]]
    found = [json.loads(states.describe_execution(executionArn=arn)["input"]) for arn in arns]
    return [item for item in found if item["name"] == name]


def fire(cloud: RunningCloud, at: datetime) -> list[str]:
    status, answer = ask(cloud, "POST", "schedules/run", {"at": at.isoformat()})
    assert status == 200, answer
    fired: list[str] = answer["fired"]
    return fired


def test_an_at_a_few_seconds_ahead_starts_its_target_once_and_goes(cloud: RunningCloud, machine: str) -> None:
    at = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S")
    schedule(cloud, "soon", f"at({at})", machine, ActionAfterCompletion="DELETE")
    cloud.wait("the execution", lambda: inputs(cloud, machine, "soon"))
    scheduler = cloud.client("scheduler")
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name="soon")
    assert len(inputs(cloud, machine, "soon")) == 1
    # the name again, with a time of its own
    at = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")
    schedule(cloud, "soon", f"at({at})", machine)
    cloud.wait("the second execution", lambda: len(inputs(cloud, machine, "soon")) == 2)


@pytest.mark.parametrize(
    ("zone", "hour"),
    [
        pytest.param(None, 10, id="utc"),
        pytest.param("America/Anchorage", 18, id="summer-of-another-zone"),
    ],
)
def test_cron_is_read_on_the_clock_of_its_zone(cloud: RunningCloud, machine: str, zone: str | None, hour: int) -> None:
    name = f"cron-{hour}"
    schedule(cloud, name, "cron(0 10 * * ? *)", machine, **({"ScheduleExpressionTimezone": zone} if zone else {}))
    summer = datetime(2031, 7, 1, hour, tzinfo=UTC)
    fire(cloud, summer - timedelta(minutes=1))
    before = len(inputs(cloud, machine, name))
    assert name not in fire(cloud, summer - timedelta(seconds=1))
    assert name in fire(cloud, summer)
    assert name not in fire(cloud, summer + timedelta(hours=23))
    assert name in fire(cloud, summer + timedelta(hours=25))
    cloud.wait("both executions", lambda: len(inputs(cloud, machine, name)) == before + 2)
    assert "2031-07-01T" in {item["at"][:11] for item in inputs(cloud, machine, name)}
    cloud.client("scheduler").delete_schedule(Name=name)


def test_a_changed_schedule_has_its_new_time_and_a_disabled_one_none(cloud: RunningCloud, machine: str) -> None:
    scheduler, name = cloud.client("scheduler"), "changed"
    schedule(cloud, name, "cron(0 10 * * ? *)", machine)
    found = scheduler.get_schedule(Name=name)
    wanted = {key: found[key] for key in ("Name", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**wanted, ScheduleExpression="cron(30 4 * * ? *)")
    day = datetime(2032, 7, 1, tzinfo=UTC)
    fire(cloud, day)
    assert name in fire(cloud, day + timedelta(hours=4, minutes=30))
    assert name not in fire(cloud, day + timedelta(hours=10))
    scheduler.update_schedule(**wanted, ScheduleExpression="cron(30 4 * * ? *)", State="DISABLED")
    assert name not in fire(cloud, day + timedelta(days=3))
    scheduler.delete_schedule(Name=name)


def test_what_cannot_be_started_lies_in_the_dead_letter_queue(cloud: RunningCloud) -> None:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="days-lost")["QueueUrl"]
    dead_letters = {"DeadLetterConfig": {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:days-lost"}}
    gone = f"arn:aws:states:{REGION}:{ACCOUNT_ID}:stateMachine:gone"
    at = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")
    schedule(cloud, "lost", f"at({at})", gone, target=dead_letters)

    def receive() -> Any:
        return sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")

    (message,) = cloud.wait("the message", receive)
    assert json.loads(message["Body"])["name"] == "lost"
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "StateMachineDoesNotExist"
    assert message["MessageAttributes"]["TARGET_ARN"]["StringValue"] == gone


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"expression": "cron(0 25 * * ? *)"}, id="hour-25"),
        pytest.param({"expression": "cron(0 10 * * * *)"}, id="both-days"),
        pytest.param({"expression": "cron(10)"}, id="one-field"),
        pytest.param({"expression": "rate(0 minutes)"}, id="rate-0"),
        pytest.param({"expression": "at(2026-13-01T10:00:00)"}, id="month-13"),
        pytest.param({"expression": "tomorrow"}, id="words"),
        pytest.param({"expression": "rate(1 day)", "ScheduleExpressionTimezone": "Alaska"}, id="zone"),
    ],
)
def test_schedules_that_are_refused(cloud: RunningCloud, machine: str, more: dict[str, Any]) -> None:
    scheduler = cloud.client("scheduler")
    with pytest.raises(scheduler.exceptions.ValidationException, match="Invalid Schedule Expression"):
        schedule(cloud, "bad", arn=machine, **more)
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name="bad")


def test_a_group_holds_its_schedules(cloud: RunningCloud, machine: str) -> None:
    scheduler = cloud.client("scheduler")
    with pytest.raises(ClientError, match="does not exist"):
        schedule(cloud, "grouped", "rate(1 day)", machine, GroupName="days")
    scheduler.create_schedule_group(Name="days")
    schedule(cloud, "grouped", "rate(1 day)", machine, GroupName="days")
    assert [item["Name"] for item in scheduler.list_schedules(GroupName="days")["Schedules"]] == ["grouped"]
    scheduler.delete_schedule(Name="grouped", GroupName="days")


def test_without_the_mends_the_faults_are_there(tmp_path: Path) -> None:
    with running_cloud(tmp_path, skip_mends="schedules_are_checked,schedules_are_punctual") as unmended:
        machine = create_machine(unmended)
        schedule(unmended, "bad", "cron(0 25 * * ? *)", machine, State="DISABLED")
        # an hour ahead in Alaska, hours ago for one who takes it for UTC
        at = (datetime.now(ZoneInfo("America/Anchorage")) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
        schedule(unmended, "early", f"at({at})", machine, ScheduleExpressionTimezone="America/Anchorage")
        unmended.wait("the execution that comes too early", lambda: inputs(unmended, machine, "early"), 30)
