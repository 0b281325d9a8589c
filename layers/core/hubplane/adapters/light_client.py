"""A few AWS calls without the clients of boto3, for functions that a person waits for.

Cognito gives a trigger five seconds and a person sees each of them; making boto3's clients takes longer than everything a trigger
does (docs/decisions/0031). What stays is botocore's signing and credentials over urllib3; left out are the services' models,
endpoint rules and parsers. A ``LightClient`` is called as the boto3 client of the same name is, so adapters take either; tests
compare what both put on the wire. Only what is listed in ``SERVICES`` works.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from xml.etree import ElementTree

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ContainerProvider, Credentials, EnvProvider

CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 1.2
TRIES: Final = 2
"""Twice connect and read is 4.4 s at worst, which leaves a trigger its say within Cognito's 5 s."""

IDEMPOTENCY_TOKENS: Final[Mapping[str, str]] = {"TransactWriteItems": "ClientRequestToken"}
"""Parameters that boto3 fills in as well, so that a second try of one call is not a second call."""

TRY_AGAIN_STATUS: Final = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Service:
    """How a service is spoken to: its host's first label (and signing name), and its JSON protocol; ``target`` empty: EC2's."""

    host: str
    target: str = ""
    json_version: str = "1.0"
    api_version: str = ""


# Endpoint prefix, signing name, target prefix and JSON version of botocore's service models.
SERVICES: Final[Mapping[str, Service]] = {
    "dynamodb": Service("dynamodb", "DynamoDB_20120810"),
    "sqs": Service("sqs", "AmazonSQS"),
    "stepfunctions": Service("states", "AWSStepFunctions"),
    "cognito-idp": Service("cognito-idp", "AWSCognitoIdentityProviderService", "1.1"),
    "ec2": Service("ec2", api_version="2016-11-15"),
}


class AwsRefused(Exception):
    """What a service answered in place of a result; ``response`` is shaped as that of botocore's ``ClientError``."""

    def __init__(self, operation: str, code: str, message: str, more: Mapping[str, Any]) -> None:
        super().__init__(f"An error occurred ({code}) when calling the {operation} operation: {message}")
        self.response = {**more, "Error": {"Code": code, "Message": message}}


class LightClient:
    """Operations in snake case with the API's parameters as keywords, of one service; results are plain dicts."""

    def __init__(self, service: str, region: str, endpoint_url: str = "") -> None:
        self._service = SERVICES[service]
        self._region = region
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        self._url = endpoint_url or f"https://{self._service.host}.{region}.{suffix}"
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        self._http = urllib3.PoolManager(timeout=timeout, retries=False)
        self._credentials: Credentials | None = None

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        if name.startswith("_"):
            raise AttributeError(name)
        operation = "".join(word.capitalize() for word in name.split("_"))
        return lambda **asked: self._call(operation, asked)

    def get_paginator(self, name: str) -> LightPages:
        """Pages of DynamoDB's ``scan``, the only operation of triggers that has some."""
        return LightPages(getattr(self, name))

    def _call(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        if operation in IDEMPOTENCY_TOKENS:
            asked = {IDEMPOTENCY_TOKENS[operation]: str(uuid.uuid4()), **asked}
        for attempt in range(1, TRIES + 1):
            request = self.signed(operation, asked)
            try:
                answer = self._http.request("POST", request.url, body=request.body, headers=dict(request.headers.items()))
            except urllib3.exceptions.HTTPError:
                if attempt == TRIES:
                    raise
                continue
            if answer.status < 300:
                return self._read(answer.data)
            if answer.status not in TRY_AGAIN_STATUS or attempt == TRIES:
                raise self._refused(operation, answer)
        raise AssertionError("the last try returns or raises")

    def signed(self, operation: str, asked: Mapping[str, Any]) -> Any:
        """The request of a call, signed now: botocore's ``AWSRequest``, ready to be sent."""
        service = self._service
        if service.target:
            body = json.dumps(asked, separators=(",", ":"))
            headers = {
                "X-Amz-Target": f"{service.target}.{operation}",
                "Content-Type": f"application/x-amz-json-{service.json_version}",
            }
        else:
            body = urlencode({"Action": operation, "Version": service.api_version, **dict(_flat("", asked))})
            headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        request = AWSRequest(method="POST", url=self._url + "/", data=body.encode(), headers=headers)
        SigV4Auth(self._own_credentials(), service.host, self._region).add_auth(request)
        return request.prepare()

    def _own_credentials(self) -> Credentials:
        """Those of the function's role: variables as a rule, Lambda's local endpoint in an environment that SnapStart resumed."""
        if self._credentials is None:
            self._credentials = EnvProvider().load() or ContainerProvider().load()
        if self._credentials is None:
            raise RuntimeError("no AWS credentials: neither AWS_ACCESS_KEY_ID nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set")
        return self._credentials

    def _read(self, body: bytes) -> dict[str, Any]:
        if self._service.target:
            read: dict[str, Any] = json.loads(body) if body else {}
            return read
        return {"Tags": [_tag(item) for item in _find_all(ElementTree.fromstring(body), "tagSet/item")]}  # noqa: S314

    def _refused(self, operation: str, answer: Any) -> AwsRefused:
        if not self._service.target:
            code, message = _ec2_error(answer.data)
            return AwsRefused(operation, code or str(answer.status), message, {})
        try:
            more = json.loads(answer.data)
        except ValueError:
            more = {}
        more = more if isinstance(more, dict) else {}
        # "com.amazonaws.dynamodb.v20120810#Code"; a header in its place may carry ":http://…" behind it.
        told = str(more.get("__type") or answer.headers.get("x-amzn-errortype") or answer.status)
        code = told.partition(":")[0].rpartition("#")[2]
        return AwsRefused(operation, code, str(more.get("message") or more.get("Message") or ""), more)


class LightPages:
    """``paginate`` as boto3 has it, for an operation that ends a page with ``LastEvaluatedKey``."""

    def __init__(self, call: Callable[..., dict[str, Any]]) -> None:
        self._call = call

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        """One result per page."""
        while True:
            page = self._call(**asked)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    """Parameters in EC2's query form: ``Filters=[{"Name": …}]`` is ``Filter.1.Name`` (botocore serialize.EC2Serializer)."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else name, item)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value, start=1):
            yield from _flat(f"{prefix.removesuffix('s')}.{number}", item)
    else:
        yield prefix, str(value)


def _tag(item: ElementTree.Element) -> dict[str, str]:
    fields = {"Key": "key", "Value": "value", "ResourceId": "resourceId", "ResourceType": "resourceType"}
    return {name: next((found.text or "" for found in _find_all(item, tag)), "") for name, tag in fields.items()}


def _ec2_error(body: bytes) -> tuple[str, str]:
    try:
        root = ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError:
        return "", ""
    code, message = (
        next((found.text or "" for found in _find_all(root, f"Errors/Error/{tag}")), "") for tag in ("Code", "Message")
    )
    return code, message


def _find_all(root: ElementTree.Element, path: str) -> list[ElementTree.Element]:
    """Elements below ``root`` in whatever namespace: AWS's differs with the API's version, the emulator's is another."""
    return root.findall("/".join(f"{{*}}{name}" for name in path.split("/")))
