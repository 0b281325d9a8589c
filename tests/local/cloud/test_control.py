"""The control calls count who called what, and refuse what makes no sense; with --auth policies are enforced."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.local.cloud.lambda_functions import create, invoke
from tests.local.cloud.running import ACCOUNT_ID, REGION, RunningCloud, running_cloud
from tests.local.cloud.test_states import run, sdk, task

READING = """
import boto3

def handler(event, context):
    return boto3.client("ssm").get_parameter(Name=event)["Parameter"]["Value"]
"""
PARAMETER = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id"


def ask(cloud: RunningCloud, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and JSON of one control call."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{cloud.endpoint_url}/_hubplane/{path}", content, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_calls_are_counted_by_caller(cloud: RunningCloud) -> None:
    create(cloud, "reading", READING)
    cloud.client("dynamodb").create_table(
        TableName="counted",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    ask(cloud, "POST", "calls/reset")
    states = {
        "Read": task("reading", PARAMETER, Next="Look", End=False),
        "Look": sdk("aws-sdk:eks:listClusters", {}, Next="Get", End=False),
        "Get": sdk("dynamodb:getItem", {"TableName": "counted", "Key": {"id": {"S": "1"}}}),
    }
    for state in (states["Read"], states["Look"]):
        del state["End"]
    run(cloud, {"States": states})
    cloud.client("eks").list_clusters()
    status, counted = ask(cloud, "GET", "calls")
    callers = counted["by_caller"]
    assert status == 200
    assert callers["reading"] == {"ssm:GetParameter": 1}
    assert callers["states"] == {"dynamodb:GetItem": 1, "eks:ListClusters": 1, "lambda:Invoke": 1}
    assert callers["other"]["eks:ListClusters"] == 1
    assert counted["calls"]["eks:ListClusters"] == 2
    ask(cloud, "POST", "calls/reset")
    assert ask(cloud, "GET", "calls")[1]["calls"] == {}


def test_calls_of_services_that_the_emulator_lacks_have_their_names(cloud: RunningCloud) -> None:
    ask(cloud, "POST", "calls/reset")
    rbin = cloud.client("rbin")
    rule = {"ResourceType": "EBS_VOLUME", "RetentionPeriod": {"RetentionPeriodValue": 1, "RetentionPeriodUnit": "DAYS"}}
    rbin.get_rule(Identifier=rbin.create_rule(**rule)["Identifier"])
    rbin.list_rules(ResourceType="EBS_VOLUME")
    cloud.client("service-quotas").list_service_quotas(ServiceCode="eks")
    calls = ask(cloud, "GET", "calls")[1]["calls"]
    assert set(calls) == {"rbin:CreateRule", "rbin:GetRule", "rbin:ListRules", "servicequotas:ListServiceQuotas"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        pytest.param("POST", "faults", {}, 400, "resource_type: missing", id="fault-without-type"),
        pytest.param("POST", "faults", "x", 400, "resource_type", id="fault-not-an-object"),
        pytest.param("POST", "front/hosts", ["a"], 400, "load balancer name", id="hosts-not-an-object"),
        pytest.param("POST", "ec2/shortage", {"short": 1}, 400, "instance_type", id="shortage-of-nothing"),
        pytest.param("GET", "nothing", None, 404, "no control call", id="unknown"),
    ],
)
def test_malformed_control_calls_are_refused(
    cloud: RunningCloud, method: str, path: str, body: Any, status: int, words: str
) -> None:
    found, answer = ask(cloud, method, path, body)
    assert found == status
    assert words in answer["message"]


def test_an_unknown_mend_cannot_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no_such_mend: no such mend"), running_cloud(tmp_path, skip_mends="no_such_mend"):
        pass


def grant(cloud: RunningCloud, resource: str) -> str:
    """A role that may read one parameter; answers its ARN."""
    iam = cloud.client("iam")
    name = f"reader-{abs(hash(resource))}"
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": resource}]}
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps(allowed))
    return arn


def test_with_auth_a_function_may_do_what_its_role_allows(tmp_path: Path) -> None:
    with running_cloud(tmp_path, None, 0.3, "--auth") as strict:
        public = grant(strict, f"arn:aws:ssm:{REGION}::parameter/aws/service/eks/optimized-ami/*")
        other = grant(strict, f"arn:aws:ssm:{REGION}:{ACCOUNT_ID}:parameter/mine")
        create(strict, "allowed", READING, role=public)
        create(strict, "denied", READING, role=other)
        value, failed = invoke(strict, "allowed", PARAMETER)
        assert (failed, value[:4]) == (None, "ami-")
        report, failed = invoke(strict, "denied", PARAMETER)
        assert failed == "Unhandled"
        assert "not authorized to perform: ssm:GetParameter" in report["errorMessage"]
