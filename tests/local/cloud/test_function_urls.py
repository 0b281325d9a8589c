"""A function URL is an address that answers, in payload format 2.0."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.local.cloud.lambda_functions import create
from tests.local.cloud.running import RunningCloud, running_cloud

ECHO = """
import json

def handler(event, context):
    if event["rawPath"] == "/away":
        return {"statusCode": 303, "headers": {"location": "/there"}}
    if event["rawPath"] == "/page":
        return {"statusCode": 410, "headers": {"content-type": "text/html; charset=utf-8"}, "body": "<p>gone</p>"}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
"""


def make_url(cloud: RunningCloud, name: str) -> str:
    """A function with a URL for everybody; answers the URL."""
    create(cloud, name, ECHO)
    url: str = cloud.client("lambda").create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    return url


@pytest.fixture(scope="module")
def url(cloud: RunningCloud) -> str:
    """The URL of a function that shows what it is told."""
    return make_url(cloud, "echo")


class KeepRedirect(urllib.request.HTTPRedirectHandler):
    """Answers a redirect instead of following it."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def ask(url: str, body: bytes | None = None) -> tuple[int, Any, str]:
    """Status, headers and body."""
    try:
        with urllib.request.build_opener(KeepRedirect).open(url, body) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_a_get_is_told_with_path_query_and_caller(cloud: RunningCloud, url: str) -> None:
    assert url.startswith(f"{cloud.endpoint_url}/")
    assert url.endswith("/")
    status, headers, body = ask(f"{url}sub/page?token=a%2Bb&way=yes")
    event = json.loads(body)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert (event["version"], event["rawPath"], event["rawQueryString"]) == ("2.0", "/sub/page", "token=a%2Bb&way=yes")
    assert event["queryStringParameters"] == {"token": "a+b", "way": "yes"}
    http = event["requestContext"]["http"]
    assert (http["method"], http["path"], http["sourceIp"]) == ("GET", "/sub/page", "127.0.0.1")
    assert event["isBase64Encoded"] is False
    assert "body" not in event


def test_a_posted_form_is_told_with_its_body(url: str) -> None:
    event = json.loads(ask(url, b"token=abc&decision=approve")[2])
    assert (event["requestContext"]["http"]["method"], event["rawPath"]) == ("POST", "/")
    assert event["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"token=abc&decision=approve"


def test_status_headers_and_body_are_the_functions(url: str) -> None:
    status, headers, body = ask(f"{url}page")
    assert (status, headers["content-type"], body) == (410, "text/html; charset=utf-8", "<p>gone</p>")
    status, headers, _ = ask(f"{url}away")
    assert (status, headers["location"]) == (303, "/there")


def test_the_output_of_a_stack_is_the_address_that_answers(cloud: RunningCloud, url: str) -> None:
    create(cloud, "stacked", ECHO)
    stacks = cloud.client("cloudformation")
    address = {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": "stacked", "AuthType": "NONE"}}
    outputs = {"Url": {"Value": {"Fn::GetAtt": ["Address", "FunctionUrl"]}}}
    stacks.create_stack(StackName="urls", TemplateBody=json.dumps({"Resources": {"Address": address}, "Outputs": outputs}))
    stacks.get_waiter("stack_create_complete").wait(StackName="urls", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    output = stacks.describe_stacks(StackName="urls")["Stacks"][0]["Outputs"][0]["OutputValue"]
    assert output != url
    assert ask(output)[0] == 200
    assert cloud.client("lambda").get_function_url_config(FunctionName="stacked")["FunctionUrl"] == output


def test_without_the_mend_the_fault_is_there(tmp_path: Any) -> None:
    with running_cloud(tmp_path, skip_mends="function_urls_are_reachable") as unmended:
        assert make_url(unmended, "echo").endswith(".on.aws/")
