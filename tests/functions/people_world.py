# ruff: noqa: N803 - parameters are named as the API names them
"""Tables, a user pool, a queue and waiting executions: what the functions about people run against. Calls can be cut off."""

from __future__ import annotations

import importlib
import json
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3

from hubplane.adapters.reviews import Reviews
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.mail.messages import MailMessage, message_from_json
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.registration.review import Review
from tests.adapters.fake_aws import Refusal, fake_client

REGION = "us-east-1"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:hubplane-review-sign-up:first"
FIRST = "token-1"
KEY = b"k" * 64
"""What the links are signed with."""


class Crash(BaseException):
    """The process is gone: no handler of the code sees it."""


class Line:
    """The way to every service: counts calls, cuts off before or after one (``2 * n``, ``2 * n + 1``), and lets others in."""

    def __init__(self) -> None:
        self.calls = 0
        self.cut_at: int | None = None
        self.before: Callable[[str], None] = lambda _operation: None

    def through(self, client: Any) -> Any:
        line = self

        class Wire:
            def __getattr__(self, name: str) -> Any:
                method = getattr(client, name)
                return method if name in ("get_paginator", "exceptions") else line.cutting(name, method)

        return Wire()

    def cutting(self, name: str, method: Any) -> Any:
        def call(**request: Any) -> Any:
            self.before(name)
            number, self.calls = self.calls, self.calls + 1
            if self.cut_at == 2 * number:
                raise Crash(f"before call {number}, {name}")
            answer = method(**request)
            if self.cut_at == 2 * number + 1:
                raise Crash(f"after call {number}, {name}")
            return answer

        return call


class Executions:
    """Step Functions, as far as tasks wait for an answer. A token is answered once, as there."""

    def __init__(self) -> None:
        self.waiting: set[str] = set()
        self.answers: dict[str, Any] = {}

    def send_task_success(self, taskToken: str, output: str) -> None:
        if taskToken not in self.waiting:
            raise Refusal("TaskTimedOut" if taskToken in self.answers else "InvalidToken")
        self.waiting.remove(taskToken)
        self.answers[taskToken] = json.loads(output)


class Pool:
    """The accounts of a user pool; names differ in more than case, as in the pool of the template."""

    def __init__(self) -> None:
        self.accounts: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def add(self, username: str, email: str, verified: bool = True) -> str:
        sub = str(uuid.uuid4())
        attributes = {"sub": sub, "email": email, "email_verified": "true" if verified else "false"}
        listed = [{"Name": name, "Value": value} for name, value in attributes.items()]
        self.accounts[username.lower()] = {"Username": username, "Attributes": listed, "Enabled": True}
        return sub

    def _get(self, username: str) -> dict[str, Any]:
        if username.lower() not in self.accounts:
            raise Refusal("UserNotFoundException")
        return self.accounts[username.lower()]

    def admin_get_user(self, UserPoolId: str, Username: str) -> dict[str, Any]:
        account = self._get(Username)
        return {"Username": account["Username"], "UserAttributes": account["Attributes"], "Enabled": account["Enabled"]}

    def admin_enable_user(self, UserPoolId: str, Username: str) -> None:
        self._get(Username)["Enabled"] = True

    def admin_disable_user(self, UserPoolId: str, Username: str) -> None:
        self._get(Username)["Enabled"] = False

    def admin_user_global_sign_out(self, UserPoolId: str, Username: str) -> None:
        self._get(Username)

    def admin_delete_user(self, UserPoolId: str, Username: str) -> None:
        self._get(Username)
        del self.accounts[Username.lower()]

    def list_users(self, UserPoolId: str, Filter: str) -> dict[str, Any]:
        asked = re.fullmatch(r'sub = "([^"]*)"', Filter)
        if asked is None:
            raise Refusal("InvalidParameterException")
        return {
            "Users": [
                account for account in self.accounts.values() if {"Name": "sub", "Value": asked[1]} in account["Attributes"]
            ]
        }


class People:
    """The world; ``run`` calls a function as its machine does, with what a crashed one is called again with."""

    def __init__(self, monkeypatch: Any, clusters: tuple[str, ...] = ("sar",)) -> None:
        self.line = Line()
        self.executions = Executions()
        self.dynamodb = boto3.client("dynamodb", REGION)
        self.sqs = boto3.client("sqs", REGION)
        self.pool = Pool()
        for table, *keys in (("users", "username"), ("ledger", "cluster", "entry"), ("clusters", "cluster_name")):
            self.dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
            )
        for name in clusters:
            release = json.dumps({"hub_url": f"https://{name}.example.org"})
            self.dynamodb.put_item(
                TableName="clusters", Item={"cluster_name": {"S": name}, "status": {"S": "ACTIVE"}, "release": {"S": release}}
            )
        self.queue_url = self.sqs.create_queue(QueueName="mails")["QueueUrl"]
        secret = boto3.client("secretsmanager", REGION).create_secret(Name="key", SecretString=KEY.decode())
        for name, value in {
            "AWS_DEFAULT_REGION": REGION,
            "USERS_TABLE_NAME": "users",
            "LEDGER_TABLE_NAME": "ledger",
            "CLUSTERS_TABLE_NAME": "clusters",
            "MAIL_QUEUE_URL": self.queue_url,
            "USER_POOL_ID": "us-east-1_people",
            "USER_POOL_DOMAIN_URL": "https://people.example.org",
            "LINK_KEY_SECRET_ARN": secret["ARN"],
            "DECISION_PAGE_URL": "https://decide.example.org/",
            "REMINDER_DAYS": "3",
            "EXPIRY_DAYS": "30",
        }.items():
            monkeypatch.setenv(name, value)
        self.clients: dict[str, Any] = {
            "dynamodb": self.dynamodb,
            "sqs": self.sqs,
            "cognito-idp": fake_client("cognito-idp", self.pool),
            "secretsmanager": boto3.client("secretsmanager", REGION),
            "stepfunctions": fake_client("stepfunctions", self.executions),
        }
        self.modules: dict[str, Any] = {}
        self.asked_for: dict[str, MailMessage] = {}

    def client(self, service: str, **_options: Any) -> Any:
        return self.line.through(self.clients[service])

    def module(self, folder: str) -> Any:
        """The function's module with this world's clients; loaded once, as by a warm Lambda."""
        if folder not in self.modules:
            module = importlib.reload(importlib.import_module(f"functions.{folder}.app"))
            module.client = self.client
            self.modules[folder] = module
        return self.modules[folder]

    def run(self, folder: str, event: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self.module(folder).handler(event, None)
        return result

    def sign_up(self, username: str = "ada", email: str = "ada@uni.example.org", status: Status = Status.PENDING) -> str:
        """An account and its record, as the triggers leave them; its sub."""
        sub = self.pool.add(username, email)
        self.pool.accounts[username]["Enabled"] = status is Status.APPROVED
        assert UsersTable(self.dynamodb, "users").write(RecordChange(UserRecord(username, sub, email, status)))
        return sub

    def person(self, sub: str, username: str = "ada") -> dict[str, Any]:
        return {"username": username, "sub": sub, "email": f"{username}@uni.example.org", "signed_up_at": "2026-11-23 12:00 UTC"}

    def ask(self, sub: str, username: str = "ada", token: str = FIRST, execution: str = EXECUTION) -> dict[str, Any]:
        """The machine's waiting task begins."""
        self.executions.waiting.add(token)
        event = {**self.person(sub, username), "execution_arn": execution, "task_token": token, "note": ""}
        return self.run("ask_sign_up_decision", event)

    def decide(self, sub: str, decision: Any, username: str = "ada", given: bool = False) -> dict[str, Any]:
        """The machine's state behind the answer."""
        event = {**self.person(sub, username), "decision": decision, "given": given, "execution_arn": EXECUTION}
        return self.run("record_sign_up_decision", event)

    def get(self, token: str, method: str = "GET") -> dict[str, Any]:
        event = {"rawQueryString": urlencode({"token": token}), "requestContext": {"http": {"method": method}}, "headers": {}}
        return self.run("decide_sign_up", event)

    def post(self, token: str, **fields: Any) -> dict[str, Any]:
        body = urlencode({"token": token, "by": "Grace", **fields}, doseq=True)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.run("decide_sign_up", {"body": body, "headers": headers, "requestContext": {"http": {"method": "POST"}}})

    def record(self, username: str = "ada") -> UserRecord:
        found = UsersTable(self.dynamodb, "users").read(username)
        assert found is not None
        return found

    def enabled(self, username: str = "ada") -> bool:
        return bool(self.pool.accounts[username]["Enabled"])

    def mails(self) -> dict[str, MailMessage]:
        """What was asked for, by the key under which it is sent once."""
        found: dict[str, MailMessage] = {}
        while received := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=600).get(
            "Messages"
        ):
            found |= {message.mail_id: message for message in (message_from_json(item["Body"]) for item in received)}
        self.asked_for |= found
        return dict(self.asked_for)

    def links(self) -> dict[str, str]:
        """The tokens of the newest mail to the admins, by decision."""
        mail = [mail for mail in self.mails().values() if mail.name == "please_review"][-1]
        urls = {decision: mail.context[f"{decision}_url"] for decision in ("approve", "refuse")}
        return {decision: parse_qs(urlsplit(url).query)["token"][0] for decision, url in urls.items()}

    def steps(self, username: str = "ada") -> list[str]:
        """What the ledger says was done to a person, in order."""
        answer = self.dynamodb.query(
            TableName="ledger",
            KeyConditionExpression="cluster = :people AND begins_with(entry, :entry)",
            ExpressionAttributeValues={":people": {"S": "people"}, ":entry": {"S": f"person#{username}#"}},
        )
        return [item["sentence"]["S"] for item in answer["Items"]]

    def review(self, sub: str) -> Review:
        found = Reviews(self.dynamodb, "ledger").read(sub)
        assert found is not None
        return found

    def show_clocks(self, monkeypatch: Any, later: timedelta) -> None:
        """The functions' clocks go ahead by ``later``."""

        class Later(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return datetime.now(tz) + later

        for folder in ("ask_sign_up_decision", "decide_sign_up", "record_sign_up_decision"):
            monkeypatch.setattr(self.module(folder), "datetime", Later)

    def everything(self) -> str:
        """All that is stored, to see whether something has changed."""
        tables = {
            table: sorted(json.dumps(item, sort_keys=True) for item in self.dynamodb.scan(TableName=table)["Items"])
            for table in ("users", "ledger", "clusters")
        }
        return json.dumps([tables, self.pool.accounts, self.executions.answers], sort_keys=True)


def crashes_of(world: Callable[[], People], act: Callable[[People], None]) -> Iterator[People]:
    """The world after ``act`` was cut off before and after each of its calls, and was run again; then cut off three times."""
    calm = world()
    act(calm)
    length = 2 * calm.line.calls
    assert length > 0
    once: list[tuple[int, ...]] = [(cut,) for cut in range(length)]
    thrice = [(cut, (7 * cut + 3) % length, (5 * cut + 1) % length) for cut in range(length)]
    for again in once + thrice:
        people = world()
        for cut in again:
            people.line.calls, people.line.cut_at = 0, cut
            try:
                act(people)
            except Crash:
                continue
        people.line.cut_at = None
        act(people)
        yield people
