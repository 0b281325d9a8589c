"""What the triggers act on: tables and queue on moto, and a pool, a machine and tags that remember what they were asked.

Every AWS call of a handler goes through ``World.calls``, and can be the one at which the process dies.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.users_table import UsersTable
from hubplane.domain.registration.records import UserRecord
from tests.adapters.fake_aws import Refusal, fake_client

EVENTS = Path(__file__).resolve().parents[2] / "events"
TRIGGERS = [
    "pre_sign_up",
    "post_confirmation",
    "custom_message",
    "pre_authentication",
    "post_authentication",
    "pre_token_generation",
]
DOCUMENTED = [(folder, path.stem) for folder in TRIGGERS for path in sorted((EVENTS / folder).iterdir())]
REGION = "us-east-1"
VARIABLES = {
    "USERS_TABLE_NAME": "users",
    "CLUSTERS_TABLE_NAME": "clusters",
    "REVIEW_SIGN_UP_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:hubplane-review-sign-up",
    "USER_POOL_DOMAIN_URL": "https://hubplane.auth.us-east-1.amazoncognito.com",
    "AUTO_APPROVED_EMAILS": "*.welcome.example.org",
    "BLOCKED_EMAIL_DOMAINS": "mail.example.com",
    "RESERVED_USER_NAMES": "opensarlab",
    "INSTITUTION_NAME": "Example Institute",
    "SENDER_ADDRESS": "hub@example.org",
    "TEMPORARY_PASSWORD_DAYS": "7",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}
READS = {"batch_get_item", "get_item", "scan", "describe_tags"}


class Died(BaseException):
    """The process ended here: nothing that catches errors sees it."""


class Pool:
    """Cognito: who is switched off."""

    def __init__(self) -> None:
        self.disabled: set[str] = set()

    def admin_disable_user(self, **asked: Any) -> None:
        self.disabled.add(asked["Username"].lower())


class Machine:
    """Step Functions: executions by name; a name counts once, unless it runs with the very same input."""

    def __init__(self) -> None:
        self.executions: dict[str, str] = {}

    def start_execution(self, **asked: Any) -> dict[str, Any]:
        if self.executions.setdefault(asked["name"], asked["input"]) != asked["input"]:
            raise Refusal("ExecutionAlreadyExists")
        return {"executionArn": f"arn:{asked['name']}", "startDate": 0}


class Tags:
    """EC2: which claims storage carries."""

    def __init__(self) -> None:
        self.claims: set[str] = set()

    def describe_tags(self, **asked: Any) -> dict[str, Any]:
        wanted = {item["Name"]: item["Values"] for item in asked["Filters"]}
        return {"Tags": [{"Key": wanted["key"][0], "Value": claim} for claim in sorted(self.claims & set(wanted["value"]))]}


@dataclass
class World:
    """Fakes and tables; ``die_at`` is the number of the call at which the process dies, before it or ``after`` it."""

    dynamodb: Any
    sqs: Any
    queue_url: str
    pool: Pool = field(default_factory=Pool)
    machine: Machine = field(default_factory=Machine)
    tags: Tags = field(default_factory=Tags)
    calls: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    die_at: int | None = None
    after: bool = False
    between: Any = None

    def __post_init__(self) -> None:
        fakes = {"cognito-idp": self.pool, "stepfunctions": self.machine, "ec2": self.tags}
        self._clients = {name: fake_client(name, fake) for name, fake in fakes.items()}
        self._clients |= {"dynamodb": self.dynamodb, "sqs": self.sqs}

    def client(self, service: str, **_: Any) -> Any:
        return _Watched(self, self._clients[service])

    def handler(self, folder: str) -> Any:
        module = importlib.reload(importlib.import_module(f"functions.{folder}.app"))
        module.client = self.client  # type: ignore[attr-defined]
        return module.handler

    def users(self) -> UsersTable:
        return UsersTable(self.dynamodb, "users")

    def put(self, *records: UserRecord) -> None:
        from hubplane.adapters.users_table import RecordChange

        for record in records:
            assert self.users().write(RecordChange(record))

    def items(self) -> dict[str, dict[str, Any]]:
        """Every item of the Users table by its key."""
        return {item["username"]["S"]: item for item in self.dynamodb.scan(TableName="users")["Items"]}

    def mails(self) -> list[dict[str, Any]]:
        """What lies on the queue; the queue is empty afterwards."""
        found = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def writes(self) -> list[str]:
        return [call for call in self.calls if call not in READS]

    def clear(self) -> None:
        for key in self.items():
            self.dynamodb.delete_item(TableName="users", Key={"username": {"S": key}})
        self.mails()
        self.pool.disabled.clear()
        self.machine.executions.clear()
        self.tags.claims.clear()
        self.calls.clear()
        self.broken.clear()
        self.die_at = self.between = None


class _Watched:
    """A client whose calls are counted, refused where they are broken, and died at."""

    def __init__(self, world: World, inner: Any) -> None:
        self._world, self._inner = world, inner

    def get_paginator(self, name: str) -> Any:
        self._world.calls.append(name)
        return self._inner.get_paginator(name)

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> Any:
            world = self._world
            world.calls.append(name)
            if name in world.broken:
                raise ConnectionError(f"{name} cannot be reached")
            number = len(world.calls)
            if number == world.die_at and not world.after:
                raise Died
            if world.between is not None and name not in READS:
                act, world.between = world.between, None
                act()
            answer = getattr(self._inner, name)(**asked)
            if number == world.die_at:
                raise Died
            return answer

        return call


@contextmanager
def sign_up_world() -> Iterator[World]:
    """A world with one built cluster. To make its clients takes seconds: share it and ``clear`` it."""
    with pytest.MonkeyPatch.context() as monkeypatch, mock_aws():
        for name, value in VARIABLES.items():
            monkeypatch.setenv(name, value)
        dynamodb, sqs = boto3.client("dynamodb", region_name=REGION), boto3.client("sqs", region_name=REGION)
        for table, key in (("users", "username"), ("clusters", "cluster_name")):
            dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            )
        release = {"S": json.dumps({"hub_url": "https://lab.example.org"})}
        dynamodb.put_item(TableName="clusters", Item={"cluster_name": {"S": "opensarlab"}, "release": release})
        queue_url = sqs.create_queue(QueueName="mails")["QueueUrl"]
        monkeypatch.setenv("MAIL_QUEUE_URL", queue_url)
        yield World(dynamodb, sqs, queue_url)


def event_of(folder: str, source: str, **attributes: Any) -> dict[str, Any]:
    """The documented event, with another ``username`` or other user attributes."""
    event: dict[str, Any] = json.loads((EVENTS / folder / f"{source}.json").read_text())
    event["userName"] = attributes.pop("username", event["userName"])
    event["request"]["userAttributes"] |= attributes
    return event
