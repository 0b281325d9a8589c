"""The light client puts on the wire what boto3 does, and reads what comes back as boto3 does."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest

from hubplane.adapters.home_claims import claims_in_storage
from hubplane.adapters.light_client import SERVICES, TRIES, AwsRefused, LightClient
from hubplane.domain.errors import ProviderError, Throttled
from hubplane.domain.provider_errors import error_code, translated
from tests.adapters.fake_aws import fake_client

KEY = {"username": {"S": "ada"}}
CALLS = [
    ("dynamodb", "get_item", {"TableName": "t", "Key": KEY, "ConsistentRead": True}),
    ("dynamodb", "batch_get_item", {"RequestItems": {"t": {"Keys": [KEY], "ConsistentRead": True}}}),
    ("dynamodb", "update_item", {"TableName": "t", "Key": KEY, "UpdateExpression": "SET a = :é"}),
    (
        "dynamodb",
        "transact_write_items",
        {"TransactItems": [{"Put": {"TableName": "t", "Item": KEY}}], "ClientRequestToken": "t"},
    ),
    ("dynamodb", "scan", {"TableName": "t"}),
    ("sqs", "send_message", {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/1/q", "MessageBody": "{}"}),
    ("stepfunctions", "start_execution", {"stateMachineArn": "arn:m", "name": "n", "input": "{}"}),
    ("cognito-idp", "admin_disable_user", {"UserPoolId": "us-east-1_a", "Username": "ada"}),
    (
        "ec2",
        "describe_tags",
        {"Filters": [{"Name": "key", "Values": ["a/b", "c"]}, {"Name": "value", "Values": ["d"]}], "MaxResults": 5},
    ),
]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")


class Caught(Exception):
    pass


def sent_by_boto3(service: str, operation: str, asked: dict[str, Any], region: str = "us-east-1") -> Any:
    client, seen = boto3.client(service, region), []

    def catch(request: Any, **_: Any) -> None:
        seen.append(request)
        raise Caught

    client.meta.events.register("before-send.*.*", catch)
    with pytest.raises(Caught):
        getattr(client, operation)(**asked)
    return seen[0]


def test_every_service_is_compared() -> None:
    assert {service for service, _, _ in CALLS} == set(SERVICES)


@pytest.mark.parametrize(("service", "operation", "asked"), CALLS, ids=[f"{call[0]}-{call[1]}" for call in CALLS])
@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-gov-west-1"])
def test_the_request_is_that_of_boto3(region: str, service: str, operation: str, asked: dict[str, Any]) -> None:
    theirs = sent_by_boto3(service, operation, asked, region)
    ours = LightClient(service, region).signed("".join(word.capitalize() for word in operation.split("_")), asked)
    assert ours.method == theirs.method
    # Newer models give DynamoDB an endpoint per account as well; the Region's goes on to work.
    assert ours.url.split("//")[1].split(".")[-5:] == theirs.url.split("//")[1].split(".")[-5:]
    for name in ("X-Amz-Target", "Content-Type"):
        assert _text(ours.headers.get(name)) == _text(theirs.headers.get(name))
    scope, their_scope = (_text(each.headers["Authorization"]).split("Credential=")[1].split(",")[0] for each in (ours, theirs))
    assert scope.split("/")[2:] == their_scope.split("/")[2:]
    assert _text(ours.headers["X-Amz-Security-Token"]) == "session"
    read = parse_qs if service == "ec2" else json.loads
    assert read(_text(ours.body)) == read(_text(theirs.body))


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers in turn what ``server.answers`` holds: status and body."""

    def do_POST(self) -> None:
        self.server.asked.append(self.rfile.read(int(self.headers["Content-Length"])))  # type: ignore[attr-defined]
        status, body = self.server.answers.pop(0)  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        running.answers, running.asked = [], []  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def client(server: Any, service: str = "dynamodb") -> LightClient:
    return LightClient(service, "us-east-1", f"http://127.0.0.1:{server.server_port}")


def test_an_answer_is_read(server: Any) -> None:
    server.answers = [(200, b'{"Item":{"username":{"S":"ada"}}}'), (200, b"")]
    assert client(server).get_item(TableName="t", Key=KEY) == {"Item": KEY}
    assert client(server, "cognito-idp").admin_disable_user(UserPoolId="p", Username="ada") == {}


def test_a_refusal_is_read_as_botocores_with_its_reasons(server: Any) -> None:
    body = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": [{"Code": "None"}],
        "Message": "no",
    }
    server.answers = [(400, json.dumps(body).encode())]
    with pytest.raises(AwsRefused) as caught:
        client(server).transact_write_items(TransactItems=[])
    assert error_code(caught.value) == "TransactionCanceledException"
    assert caught.value.response["CancellationReasons"] == [{"Code": "None"}]
    assert "TransactWriteItems" in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"null"])
def test_a_refusal_without_words_is_one_all_the_same(server: Any, body: bytes) -> None:
    for service in ("sqs", "ec2"):
        server.answers = [(403, body)]
        with pytest.raises(ProviderError), translated("ask"):
            client(server, service).anything()


def test_what_may_pass_is_asked_again_and_no_further(server: Any) -> None:
    server.answers = [(503, b""), (200, b"{}")]
    assert client(server).get_item(TableName="t", Key=KEY) == {}
    throttled = b'{"__type":"ThrottlingException"}'
    server.answers, server.asked = [(500, throttled)] * 9, []
    with pytest.raises(Throttled), translated("read"):
        client(server).get_item(TableName="t", Key=KEY)
    assert len(server.asked) == TRIES


def test_a_second_try_of_a_transaction_is_the_same_transaction(server: Any) -> None:
    server.answers = [(500, b""), (200, b"{}")]
    client(server).transact_write_items(TransactItems=[])
    first, second = (json.loads(body)["ClientRequestToken"] for body in server.asked)
    assert first == second
    server.answers = [(200, b"{}")]
    client(server).transact_write_items(TransactItems=[])
    assert json.loads(server.asked[2])["ClientRequestToken"] != first


def test_pages_go_on_where_the_last_one_ended(server: Any) -> None:
    first = {"Items": [1], "LastEvaluatedKey": KEY}
    server.answers = [(200, json.dumps(first).encode()), (200, b'{"Items":[2]}')]
    pages = client(server).get_paginator("scan").paginate(TableName="t")
    assert [page["Items"] for page in pages] == [[1], [2]]


TAGS = b"""<?xml version="1.0"?><DescribeTagsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><tagSet>
<item><resourceId>vol-1</resourceId><resourceType>volume</resourceType><key>k</key><value>claim-ada</value></item>
<item><resourceId>snap-1</resourceId><resourceType>snapshot</resourceType><key>k</key><value/></item></tagSet></DescribeTagsResponse>"""


def test_claims_of_storage_are_read_from_tags(server: Any) -> None:
    server.answers = [(200, TAGS)]
    assert claims_in_storage(client(server, "ec2"), {"claim-ada", "claim-bob"}) == {"claim-ada"}
    error = b"<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slow</Message></Error></Errors></Response>"
    server.answers = [(503, error)] * TRIES
    with pytest.raises(Throttled, match="look for storage"):
        claims_in_storage(client(server, "ec2"), {"claim-ada"})


class TwoTags:
    """EC2 as boto3 asks it."""

    def describe_tags(self, **asked: Any) -> dict[str, Any]:
        wanted = {item["Name"]: item["Values"] for item in asked["Filters"]}
        assert wanted["resource-type"] == ["volume", "snapshot"]
        return {"Tags": [{"Key": wanted["key"][0], "Value": value} for value in wanted["value"]]}


def test_claims_of_storage_are_read_through_boto3_too() -> None:
    assert claims_in_storage(fake_client("ec2", TwoTags()), ["claim-b", "claim-a"]) == {"claim-a", "claim-b"}


def test_without_credentials_the_words_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    with pytest.raises(RuntimeError, match="no AWS credentials"):
        LightClient("sqs", "us-east-1").send_message()
