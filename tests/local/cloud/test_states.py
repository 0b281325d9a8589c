"""State machines run as on AWS in what build_cluster relies on."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.local.cloud.lambda_functions import ROLE, create
from tests.local.cloud.running import ACCOUNT_ID, REGION, RunningCloud, running_cloud

NAMED_ERRORS = """
class SpecInvalid(Exception):
    pass

class NotYet(Exception):
    pass

def handler(event, context):
    if event.get("raise"):
        raise globals()[event["raise"]]("words of the error")
    return event
"""

TOKENS = """
import boto3, json

def handler(event, context):
    if event.get("raise"):
        raise RuntimeError("mail could not be sent")
    if event.get("answer"):
        boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output=json.dumps(event["answer"]))
"""


def task(name: str, payload: Any, **more: Any) -> dict[str, Any]:
    """A task that invokes a function."""
    arguments = {"FunctionName": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}", "Payload": payload}
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": arguments, "End": True, **more}


def sdk(resource: str, arguments: Any, **more: Any) -> dict[str, Any]:
    """A task with a service integration."""
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Arguments": arguments, "End": True, **more}


def start(cloud: RunningCloud, definition: dict[str, Any], given: Any = None) -> str:
    """Start a machine made of ``definition``; answers the execution's ARN."""
    states = cloud.client("stepfunctions")
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(definition["States"])), **definition}
    name = f"machine-{time.monotonic_ns()}"
    arn = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    execution: str = states.start_execution(stateMachineArn=arn, input=json.dumps(given or {}))["executionArn"]
    return execution


def ended(cloud: RunningCloud, execution: str) -> dict[str, Any]:
    """The execution's description once it no longer runs."""
    states = cloud.client("stepfunctions")

    def description() -> Any:
        found = states.describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    found: dict[str, Any] = cloud.wait(execution, description)
    return found


def run(cloud: RunningCloud, definition: dict[str, Any], given: Any = None) -> Any:
    """Run to the end; the output, or ``(error, cause)``."""
    found = ended(cloud, start(cloud, definition, given))
    return json.loads(found["output"]) if found["status"] == "SUCCEEDED" else (found.get("error"), found.get("cause"))


@pytest.fixture(scope="module", autouse=True)
def functions(cloud: RunningCloud) -> None:
    """The functions that the machines below call."""
    create(cloud, "errors", NAMED_ERRORS)
    create(cloud, "tokens", TOKENS)


PASS_ERROR = {"Type": "Pass", "Output": "{% $error %}", "End": True}


@pytest.mark.parametrize(
    ("definition", "output"),
    [
        pytest.param(
            {"States": {
                "Work": task("errors", {"raise": "SpecInvalid"}, Catch=[
                    {"ErrorEquals": ["NotYet"], "Next": "Wrong"},
                    {"ErrorEquals": ["SpecInvalid"], "Next": "Caught", "Output": "{% $states.errorOutput.Error %}",
                     "Assign": {"error": "{% $parse($states.errorOutput.Cause).errorMessage %}"}}]),
                "Caught": {"Type": "Pass", "Output": "{% $states.input & ': ' & $error %}", "End": True},
                "Wrong": {"Type": "Fail"}}},
            "SpecInvalid: words of the error", id="catch-by-class-name-with-output-and-assign"),
        pytest.param(
            {"States": {
                "Work": task("errors", {"raise": "NotYet"}, Retry=[
                    {"ErrorEquals": ["Throttled", "NotYet"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 1}],
                    Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught",
                            "Output": "{% $states.context.State.RetryCount %}"}]),
                "Caught": {"Type": "Pass", "End": True}}},
            1, id="retry-with-several-names"),
        pytest.param(
            {"States": {
                "Each": {"Type": "Map", "Items": "{% [1, 2, 3] %}", "MaxConcurrency": 2, "End": True,
                         "ItemSelector": {"number": "{% $states.context.Map.Item.Value %}"},
                         "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "One", "States": {
                             "One": task("errors", "{% $states.input %}", Output="{% $states.result.Payload.number * 2 %}")}},
                         "Output": "{% $sum($states.result) %}"}}},
            12, id="map-inline"),
        pytest.param(
            {"States": {
                "First": {"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "Second"},
                "Second": {"Type": "Pass", "Assign": {"a": "{% $b %}", "b": "{% $a %}"}, "Next": "Third"},
                "Third": {"Type": "Pass", "Output": "{% [$a, $b] %}", "End": True}}},
            [2, 1], id="assign-sees-the-values-on-entry"),
        pytest.param(
            {"States": {
                "Both": {"Type": "Parallel", "Arguments": {"x": 2}, "Next": "After",
                         "Branches": [{"StartAt": "L", "States": {"L": {
                                          "Type": "Pass", "Output": "{% $states.input.x %}", "End": True}}},
                                      {"StartAt": "R", "States": {"R": {"Type": "Pass", "Output": 3, "End": True}}}],
                         "Output": "{% $sum($states.result) %}", "Assign": {"both": "{% $states.result %}"}},
                "After": {"Type": "Pass", "Output": "{% {'sum': $states.input, 'both': $both} %}", "End": True}}},
            {"sum": 5, "both": [2, 3]}, id="parallel"),
        pytest.param(
            {"States": {"No": {"Type": "Fail", "Error": "{% 'Spec' & 'Invalid' %}", "Cause": "{% $states.input.why %}"}}},
            ("SpecInvalid", "because"), id="fail-with-expressions"),
        pytest.param(
            {"States": {"Ask": sdk("lambda:invoke.waitForTaskToken", {
                "FunctionName": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:tokens",
                "Payload": {"token": "{% $states.context.Task.Token %}", "answer": {"approved": True}}})}},
            {"approved": True}, id="task-token"),
        pytest.param(
            {"States": {"Ask": sdk("lambda:invoke.waitForTaskToken", {
                "FunctionName": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:tokens", "Payload": {}},
                TimeoutSeconds="{% 1 %}", Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "Late"}]),
                "Late": {"Type": "Pass", "Output": "late", "End": True}}},
            "late", id="task-token-timeout-expression"),
        pytest.param(
            {"States": {"Ask": sdk("lambda:invoke.waitForTaskToken", {
                "FunctionName": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:tokens", "Payload": {"raise": True}},
                TimeoutSeconds=15, Catch=[{"ErrorEquals": ["RuntimeError"], "Next": "Caught"}]),
                "Caught": {"Type": "Pass", "Output": "{% $parse($states.input.Cause).errorMessage %}", "End": True}}},
            "mail could not be sent", id="task-token-of-a-failing-function"),
    ],
)  # fmt: skip
def test_jsonata(cloud: RunningCloud, definition: dict[str, Any], output: Any) -> None:
    assert run(cloud, definition, {"why": "because"}) == output


def test_the_context_names_the_execution(cloud: RunningCloud) -> None:
    execution = start(cloud, {"States": {"Say": {"Type": "Pass", "Output": "{% $states.context.Execution.Id %}", "End": True}}})
    assert json.loads(ended(cloud, execution)["output"]) == execution
    assert execution.startswith(f"arn:aws:states:{REGION}:{ACCOUNT_ID}:execution:")


@pytest.mark.parametrize(
    ("resource", "arguments", "error"),
    [
        pytest.param("aws-sdk:eks:describeCluster", {"Name": "none"}, "Eks.ResourceNotFoundException", id="eks"),
        pytest.param("aws-sdk:ec2:describeVolumes", {"VolumeIds": ["vol-0123456789abcdef0"]}, "Ec2.Ec2Exception", id="ec2"),
        pytest.param(
            "aws-sdk:cloudformation:describeStacks",
            {"StackName": "none"},
            "CloudFormation.CloudFormationException",
            id="cloudformation",
        ),
        pytest.param(
            "aws-sdk:secretsmanager:describeSecret",
            {"SecretId": "none"},
            "SecretsManager.ResourceNotFoundException",
            id="secretsmanager",
        ),
        pytest.param(
            "aws-sdk:cognitoidentityprovider:describeUserPool",
            {"UserPoolId": "us-east-1_none"},
            "CognitoIdentityProvider.ResourceNotFoundException",
            id="cognito",
        ),
        pytest.param(
            "aws-sdk:dynamodb:updateItem",
            {
                "TableName": "locks",
                "Key": {"id": {"S": "x"}},
                "UpdateExpression": "SET a = :a",
                "ConditionExpression": "attribute_exists(id)",
                "ExpressionAttributeValues": {":a": {"S": "1"}},
            },
            "DynamoDb.ConditionalCheckFailedException",
            id="dynamodb-sdk",
        ),
        pytest.param(
            "dynamodb:updateItem",
            {
                "TableName": "locks",
                "Key": {"id": {"S": "x"}},
                "UpdateExpression": "SET a = :a",
                "ConditionExpression": "attribute_exists(id)",
                "ExpressionAttributeValues": {":a": {"S": "1"}},
            },
            "DynamoDB.ConditionalCheckFailedException",
            id="dynamodb-optimised",
        ),
    ],
)
def test_integrations_fail_with_the_names_of_aws(cloud: RunningCloud, resource: str, arguments: Any, error: str) -> None:
    table = cloud.client("dynamodb")
    if "locks" not in table.list_tables()["TableNames"]:
        key = {"AttributeName": "id"}
        table.create_table(
            TableName="locks",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{**key, "KeyType": "HASH"}],
            AttributeDefinitions=[{**key, "AttributeType": "S"}],
        )
    assert run(cloud, {"States": {"Call": sdk(resource, arguments)}})[0] == error


def test_sdk_results_have_the_members_of_the_sdk(cloud: RunningCloud) -> None:
    answer = run(cloud, {"States": {"Call": sdk("aws-sdk:ec2:describeAvailabilityZones", {})}})
    assert {zone["RegionName"] for zone in answer["AvailabilityZones"]} == {REGION}
    answer = run(cloud, {"States": {"Call": sdk("aws-sdk:eks:listClusters", {"MaxResults": 5})}})
    assert answer == {"Clusters": []}


def test_a_machine_times_out_and_its_children_stop(cloud: RunningCloud) -> None:
    states = cloud.client("stepfunctions")
    child = {"QueryLanguage": "JSONata", "StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 4, "End": True}}}
    child_arn = states.create_state_machine(name="child", definition=json.dumps(child), roleArn=ROLE)["stateMachineArn"]
    parent = {
        "TimeoutSeconds": 1,
        "States": {"Run": sdk("states:startExecution.sync:2", {"StateMachineArn": child_arn, "Name": "c"})},
    }
    found = ended(cloud, start(cloud, parent))
    assert found["status"] == "TIMED_OUT"
    assert ended(cloud, f"arn:aws:states:{REGION}:{ACCOUNT_ID}:execution:child:c")["status"] == "ABORTED"


def test_a_stopped_execution_stays_stopped_and_records_what_it_asked(cloud: RunningCloud) -> None:
    create(cloud, "slow", "import time\n\ndef handler(event, context):\n    time.sleep(1)\n    raise ValueError('too late')")
    branch = {
        "StartAt": "Slow",
        "States": {"Slow": task("slow", {"plan": "sekret"}, Next="Never", End=False), "Never": PASS_ERROR},
    }
    states = cloud.client("stepfunctions")
    definition = {"States": {"Each": {"Type": "Map", "Items": [1], "ItemProcessor": branch, "End": True}}}
    execution = start(cloud, definition)

    def history() -> str:
        return json.dumps(states.get_execution_history(executionArn=execution)["events"], default=str)

    cloud.wait("the parameters of the task in the history", lambda: "sekret" in history(), 10)
    states.stop_execution(executionArn=execution, cause="enough")
    time.sleep(1.5)
    assert states.describe_execution(executionArn=execution)["status"] == "ABORTED"
    assert "too late" not in history()


def test_a_succeed_state_says_its_output(cloud: RunningCloud) -> None:
    assert run(cloud, {"States": {"Done": {"Type": "Succeed", "Output": "{% $states.input.a %}"}}}, {"a": 1}) == 1


def test_without_the_mends_the_faults_are_there(tmp_path: Any) -> None:
    skipped = "sdk_integrations,assign_at_once,jsonata_parallel,timeout_expressions,machine_timeout"
    skipped += ",ended_executions_stay_ended,recorded_parameters,failing_token_tasks,stopping_reaches_children,succeed_output"
    with running_cloud(tmp_path, skip_mends=skipped) as unmended:
        assert run(unmended, {"States": {"C": sdk("aws-sdk:eks:describeCluster", {"Name": "none"})}})[0] == "States.Runtime"
        assert (
            run(unmended, {"States": {"C": sdk("aws-sdk:ec2:describeVolumes", {"VolumeIds": ["vol-0"]})}})[0]
            != "Ec2.Ec2Exception"
        )
        swap = {
            "First": {"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "Second"},
            "Second": {"Type": "Pass", "Assign": {"a": "{% $b %}", "b": "{% $a %}"}, "Next": "Third"},
            "Third": {"Type": "Pass", "Output": "{% [$a, $b] %}", "End": True},
        }
        assert run(unmended, {"States": swap}) == [2, 2]
        branch = {"StartAt": "L", "States": {"L": {"Type": "Pass", "Output": "{% $states.input %}", "End": True}}}
        parallel = {"Type": "Parallel", "Arguments": {"x": 2}, "Branches": [branch], "Output": "mended", "End": True}
        assert run(unmended, {"States": {"Both": parallel}}) != "mended"
        assert run(unmended, {"States": {"Done": {"Type": "Succeed", "Output": "{% $states.input.a %}"}}}, {"a": 1}) == {"a": 1}
        late = start(unmended, {"TimeoutSeconds": 1, "States": {"Wait": {"Type": "Wait", "Seconds": 2, "End": True}}})
        assert ended(unmended, late)["status"] == "SUCCEEDED"
