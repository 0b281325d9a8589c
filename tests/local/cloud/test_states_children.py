"""Distributed Maps, nested executions and task tokens work as the storage day needs them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.local.cloud.lambda_functions import ROLE, create
from tests.local.cloud.running import RunningCloud, running_cloud
from tests.local.cloud.test_states import ended, run, sdk, start, task

WRITER = """
import boto3, json

def handler(event, context):
    body = json.dumps([{"key": f"batch-{n}", "count": n} for n in range(event["batches"])])
    boto3.client("s3").put_object(Bucket="batches", Key="runs/1/batches.json", Body=body)
    return {"batches_key": "runs/1/batches.json"}
"""

WORKER = """
import time

class Throttled(Exception):
    pass

def handler(event, context):
    if event["batch"]["count"] == event.get("fails_at"):
        raise Throttled("no more requests")
    time.sleep(event.get("seconds", 0))
    return {"deleted": event["batch"]["count"], "run": event["run"]}
"""


def batches(worker: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A machine that writes its batches, reads them in a Distributed Map and sums up."""
    apply = worker or task("worker", "{% $states.input %}", Output="{% $states.result.Payload %}")
    return {
        "States": {
            "Write": task("writer", {"batches": 4}, Assign={"plan": "{% $states.result.Payload %}", "run": "r1"}, Next="Apply"),
            "Apply": {
                "Type": "Map",
                "MaxConcurrency": 1,
                "ItemReader": {
                    "Resource": "arn:aws:states:::s3:getObject",
                    "ReaderConfig": {"InputType": "JSON"},
                    "Arguments": {"Bucket": "batches", "Key": "{% $plan.batches_key %}"},
                },
                "ItemSelector": {
                    "batch": "{% $states.context.Map.Item.Value %}",
                    "run": "{% $run %}",
                    "parent": "{% $states.context.Execution.Id %}",
                },
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "One",
                    "States": {"One": apply},
                },
                "Assign": {"total": "{% $sum($states.result.deleted) %}"},
                "Output": {"runs": "{% $distinct($states.result.run) %}"},
                "Next": "Say",
                **more,
            },
            "Say": {"Type": "Pass", "Output": "{% {'total': $total, 'runs': $states.input.runs} %}", "End": True},
            "Caught": {"Type": "Pass", "Output": "{% $states.input %}", "End": True},
        }
    }


def unended(definition: dict[str, Any]) -> dict[str, Any]:
    """``task`` ends its state; here the first goes on."""
    definition["States"]["Write"].pop("End")
    return definition


@pytest.fixture(scope="module", autouse=True)
def functions(cloud: RunningCloud) -> None:
    prepare(cloud)


def prepare(cloud: RunningCloud) -> None:
    """What the machines below need."""
    cloud.client("s3").create_bucket(Bucket="batches")
    create(cloud, "writer", WRITER)
    create(cloud, "worker", WORKER)


def test_a_distributed_map_reads_its_items_from_s3(cloud: RunningCloud) -> None:
    execution = start(cloud, unended(batches()))
    found = ended(cloud, execution)
    assert json.loads(found["output"]) == {"total": 6, "runs": "r1"}
    (map_run,) = cloud.client("stepfunctions").list_map_runs(executionArn=execution)["mapRuns"]
    counts = cloud.client("stepfunctions").describe_map_run(mapRunArn=map_run["mapRunArn"])["itemCounts"]
    assert (counts["total"], counts["succeeded"]) == (4, 4)


CATCH = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}", "Next": "Caught"}]
FAILING = {
    "worker": task(
        "worker", "{% $merge([$states.input, {'fails_at': 2}]) %}", Output="{% $states.result.Payload %}",
    )
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({"Catch": CATCH}, "States.ExceedToleratedFailureThreshold", id="one-failure-is-too-many"),
        pytest.param({"Catch": CATCH, "ToleratedFailurePercentage": "{% 10 + 10 %}"}, "States.ExceedToleratedFailureThreshold",
                     id="one-of-four-is-over-20-percent"),
        pytest.param({"ToleratedFailurePercentage": 100, "Output": {"runs": []}}, {"total": 4, "runs": []}, id="tolerated"),
        pytest.param({"Catch": CATCH, "ItemReader": {"Resource": "arn:aws:states:::s3:getObject",
                      "Arguments": {"Bucket": "batches", "Key": "none"}}}, "States.ItemReaderFailed", id="no-file"),
    ],
)  # fmt: skip
def test_failures_of_a_map(cloud: RunningCloud, more: dict[str, Any], expected: Any) -> None:
    assert run(cloud, unended(batches(**FAILING, **more))) == expected


def test_children_are_executions_of_their_own_without_outer_variables(cloud: RunningCloud) -> None:
    child = {
        "Type": "Pass",
        "End": True,
        "Output": {
            "deleted": 1,
            "run": "{% {'own': $states.context.Execution.Id, 'parent': $states.input.parent, 'sees': $exists($plan)} %}",
        },
    }
    execution = start(cloud, unended(batches(child)))
    runs = json.loads(ended(cloud, execution)["output"])["runs"]
    assert {item["parent"] for item in runs} == {execution}
    assert len({item["own"] for item in runs} - {execution}) == 4
    assert {item["sees"] for item in runs} == {False}


def test_a_stopped_map_starts_no_further_child(cloud: RunningCloud) -> None:
    slow = task("worker", "{% $merge([$states.input, {'seconds': 1}]) %}")
    execution, states = start(cloud, unended(batches(slow))), cloud.client("stepfunctions")

    def children() -> Any:
        runs = states.list_map_runs(executionArn=execution)["mapRuns"]
        return states.list_executions(mapRunArn=runs[0]["mapRunArn"])["executions"] if runs else []

    cloud.wait("the first child", children)
    states.stop_execution(executionArn=execution)
    cloud.wait("no child to run", lambda: all(child["status"] != "RUNNING" for child in children()))
    assert states.describe_execution(executionArn=execution)["status"] == "ABORTED"
    cloud.wait("the map run to end", lambda: states.list_map_runs(executionArn=execution)["mapRuns"][0].get("stopDate"))
    assert not [child for child in children() if child["status"] == "SUCCEEDED"]


def machine(cloud: RunningCloud, name: str, states: dict[str, Any]) -> str:
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    created = cloud.client("stepfunctions").create_state_machine(
        name=f"{name}-{time.monotonic_ns()}", definition=json.dumps(definition), roleArn=ROLE
    )
    arn: str = created["stateMachineArn"]
    return arn


def nested(child: str, **more: Any) -> dict[str, Any]:
    arguments = {"StateMachineArn": child, "Name": "{% $states.input.name %}", "Input": {"batch": {"count": 1}}}
    caught = [{"ErrorEquals": ["States.TaskFailed"], "Next": "Failed"}]
    return {
        "States": {
            "Run": sdk("states:startExecution.sync:2", arguments, **{"Catch": caught, **more}),
            "Failed": {
                "Type": "Pass",
                "Output": "{% ($told := $parse($states.input.Cause); [$told.Status, $told.Error, $told.Cause]) %}",
                "End": True,
            },
        }
    }


def test_a_nested_output_is_json_and_a_nested_failure_its_description(cloud: RunningCloud) -> None:
    good = machine(cloud, "good", {"Say": {"Type": "Pass", "Output": {"counts": {"started": 3}}, "End": True}})
    assert run(cloud, nested(good, Output="{% $states.result.Output.counts.started %}"), {"name": "a"}) == 3
    bad = machine(cloud, "bad", {"No": {"Type": "Fail", "Error": "ClusterBusy", "Cause": "a build holds it"}})
    assert run(cloud, nested(bad), {"name": "b"}) == ["FAILED", "ClusterBusy", "a build holds it"]


def test_a_nested_execution_is_named_in_the_history_before_it_ends(cloud: RunningCloud) -> None:
    waiting = machine(cloud, "waits", {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
    parent = start(cloud, nested(waiting), {"name": "named"})
    states, submitted = cloud.client("stepfunctions"), []
    for _ in range(100):
        events = states.get_execution_history(executionArn=parent)["events"]
        submitted = [event["taskSubmittedEventDetails"] for event in events if event["type"] == "TaskSubmitted"]
        if submitted:
            break
        time.sleep(0.1)
    child = json.loads(submitted[0]["output"])["ExecutionArn"]
    assert (len(submitted), submitted[0]["resource"]) == (1, "startExecution.sync:2")
    assert states.describe_execution(executionArn=child)["status"] == "RUNNING"
    states.stop_execution(executionArn=parent)


def test_a_question_is_in_the_history_with_the_token_that_answers_it(cloud: RunningCloud) -> None:
    create(cloud, "asks", "def handler(event, context):\n    return {}")
    asking = task("asks", {"task_token": "{% $states.context.Task.Token %}", "reason": "why"})
    execution = start(cloud, {"States": {"Ask": {**asking, "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken"}}})
    states = cloud.client("stepfunctions")

    def question() -> dict[str, Any]:
        events = states.get_execution_history(executionArn=execution)["events"]
        scheduled = [event["taskScheduledEventDetails"] for event in events if event["type"] == "TaskScheduled"]
        found: dict[str, Any] = json.loads(scheduled[0].get("parameters", "{}")) if scheduled else {}
        return found

    cloud.wait("the question in the history", question, 10)
    assert question()["Payload"]["reason"] == "why"
    states.send_task_success(taskToken=question()["Payload"]["task_token"], output='"yes"')
    assert ended(cloud, execution)["output"] == '"yes"'


def test_a_nested_name_is_used_once(cloud: RunningCloud) -> None:
    child = machine(cloud, "once", {"Say": {"Type": "Succeed"}})
    assert run(cloud, nested(child, Output="{% $states.result.Status %}"), {"name": "same"}) == "SUCCEEDED"
    assert run(cloud, nested(child, Catch=[]), {"name": "same"})[0] == "StepFunctions.ExecutionAlreadyExistsException"


def test_a_start_can_be_repeated_while_it_runs(cloud: RunningCloud) -> None:
    states = cloud.client("stepfunctions")
    waiting = machine(cloud, "repeated", {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
    given = {"stateMachineArn": waiting, "name": "once"}
    first = states.start_execution(**given, input='{"a": 1}')
    assert states.start_execution(**given, input='{"a": 1}')["executionArn"] == first["executionArn"]
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(**given, input='{"a": 2}')
    states.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(**given, input='{"a": 1}')


def test_without_the_mends_the_faults_are_there(tmp_path: Path) -> None:
    skipped = "jsonata_distributed_map,map_children_are_executions,nested_executions,starts_can_be_repeated"
    with running_cloud(tmp_path, skip_mends=skipped) as unmended:
        prepare(unmended)
        assert run(unmended, unended(batches()))[0] == "States.ItemReaderFailed"
        bad = machine(unmended, "bad", {"No": {"Type": "Fail", "Error": "ClusterBusy", "Cause": "a build holds it"}})
        for _ in range(2):
            assert run(unmended, nested(bad, Catch=[]), {"name": "b"}) == ("ClusterBusy", "a build holds it")
        own = {"Type": "Pass", "Output": {"own": "{% $states.context.Execution.Id %}"}, "End": True}
        each = {
            "Type": "Map",
            "End": True,
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, "StartAt": "One", "States": {"One": own}},
        }
        execution = start(unmended, {"States": {"Each": each}}, [1])
        assert json.loads(ended(unmended, execution)["output"]) == [{"own": execution}]
        states = unmended.client("stepfunctions")
        waiting = machine(unmended, "repeated", {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
        states.start_execution(stateMachineArn=waiting, name="once", input="{}")
        with pytest.raises(states.exceptions.ExecutionAlreadyExists):
            states.start_execution(stateMachineArn=waiting, name="once", input="{}")
