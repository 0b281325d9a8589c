"""A mail service, a ledger and a queue to run the mail functions against, with a clock and crashes that tests command."""

from __future__ import annotations

import importlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError, ReadTimeoutError

REGION = "us-east-1"
START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
VISIBILITY = timedelta(minutes=10)
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": REGION,
    "LEDGER_TABLE_NAME": "ledger",
    "CONFIGURATION_SET_NAME": "hubplane",
    "SENDER_ADDRESS": "hub@example.org",
    "INSTITUTION_NAME": "Institut für Radar",
    "REPLY_TO_ADDRESS": "help@example.org",
    "ADMIN_EMAIL": "admins@example.org",
    "OPERATOR_EMAIL": "operators@example.org",
    "MAX_MAILS_PER_SECOND": "10",
    "MAX_CONCURRENCY": "2",
}


class Crash(BaseException):
    """The process is gone: no handler of the code sees it."""


class Clock:
    """Stands for ``datetime`` in a module: ``now`` is what the test says."""

    def __init__(self) -> None:
        self.at = START

    def now(self, zone: Any) -> datetime:
        assert zone is UTC
        self.at += timedelta(milliseconds=1)
        return self.at


class Stopwatch:
    """Stands for ``time`` in a module: nobody waits, and how long somebody would have is in ``pauses``."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.at += seconds


class Line:
    """The way to every service: counts calls and cuts off before or after one of them (``2 * n`` before, ``2 * n + 1`` after)."""

    def __init__(self) -> None:
        self.calls = 0
        self.cut_at: int | None = None

    def through(self, client: Any) -> Any:
        line = self

        class Wire:
            def __getattr__(self, name: str) -> Any:
                method = getattr(client, name)
                return line.cutting(method) if name in ("update_item", "get_item", "send_email") else method

        return Wire()

    def cutting(self, method: Any) -> Any:
        def call(**request: Any) -> Any:
            number, self.calls = self.calls, self.calls + 1
            if self.cut_at == 2 * number:
                raise Crash(f"before call {number}")
            answer = method(**request)
            if self.cut_at == 2 * number + 1:
                raise Crash(f"after call {number}")
            return answer

        return call


TAKEN_ALL_THE_SAME = ("lost answer", "error after the fact")


class FakeSes:
    """Records what it took; refuses what SES refuses. ``trouble``: an error code, ``timeout``, or as below."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.taken: list[dict[str, Any]] = []
        self.trouble: str | None = None
        self.words = "no"
        self.status = 400

    def send_email(self, **request: Any) -> dict[str, str]:
        if self.trouble == "timeout":
            raise ReadTimeoutError(endpoint_url="https://email.us-east-1.amazonaws.com")
        if self.trouble not in (None, *TAKEN_ALL_THE_SAME):
            answer = {"Error": {"Code": self.trouble, "Message": self.words}, "ResponseMetadata": {"HTTPStatusCode": self.status}}
            raise ClientError(answer, "SendEmail")  # type: ignore[arg-type]
        for tag in request["EmailTags"]:
            assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", tag["Name"])
            assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", tag["Value"])
        self.taken.append(request)
        if self.trouble == "lost answer":
            raise ReadTimeoutError(endpoint_url="https://email.us-east-1.amazonaws.com")
        if self.trouble == "error after the fact":
            answer = {"Error": {"Code": "InternalFailure", "Message": "sorry"}, "ResponseMetadata": {"HTTPStatusCode": 500}}
            raise ClientError(answer, "SendEmail")  # type: ignore[arg-type]
        return {"MessageId": f"message-{len(self.taken)}"}

    def event(self, number: int, kind: str, **detail: Any) -> dict[str, Any]:
        """What SES publishes about mail ``number`` (from 0), as the feedback function gets it from SNS."""
        mail = self.taken[number]
        message = {
            "eventType": kind,
            "mail": {
                "timestamp": self.clock.at.isoformat(),
                "messageId": f"message-{number + 1}",
                "tags": {"ses:configuration-set": ["hubplane"], **{tag["Name"]: [tag["Value"]] for tag in mail["EmailTags"]}},
            },
            **detail,
        }
        return {"Records": [{"Sns": {"Message": json.dumps(message)}}]}

    def bounce(self, number: int, kind: str = "Permanent") -> dict[str, Any]:
        address = self.taken[number]["Destination"]["ToAddresses"][0]
        recipients = [{"emailAddress": address}]
        return self.event(
            number, "Bounce", bounce={"bounceType": kind, "bounceSubType": "General", "bouncedRecipients": recipients}
        )


class MailWorld:
    """Queue, ledger (moto), mail service and the two functions. ``bodies`` is the queue: what is handled leaves it."""

    def __init__(self, monkeypatch: Any, **environment: str) -> None:
        for name, value in {**ENVIRONMENT, **environment}.items():
            monkeypatch.setenv(name, value)
        self.dynamodb = boto3.client("dynamodb", region_name=REGION)
        self.dynamodb.create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("cluster", "entry")],
            KeySchema=[{"AttributeName": "cluster", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
        )
        self.clock, self.line = Clock(), Line()
        self.ses = FakeSes(self.clock)
        self.bodies: dict[str, str] = {}
        self.stopwatch = Stopwatch()
        self.send_mail = importlib.reload(importlib.import_module("functions.send_mail.app"))
        self.feedback = importlib.reload(importlib.import_module("functions.record_mail_feedback.app"))
        clients = {"dynamodb": self.dynamodb, "sesv2": self.ses}
        for module in (self.send_mail, self.feedback):
            monkeypatch.setattr(module, "client", lambda service, **_: self.line.through(clients[service]))
        monkeypatch.setattr(self.send_mail, "datetime", self.clock)
        monkeypatch.setattr(self.send_mail, "time", self.stopwatch)

    def ask(self, *messages: Any) -> None:
        """Put messages on the queue, as ``MailMessage`` or as the text of a body."""
        for message in messages:
            self.bodies[f"m{len(self.bodies)}-{self.clock.at.timestamp()}"] = (
                message if isinstance(message, str) else message.to_json()
            )

    def deliver(self, cut_at: int | None = None) -> int:
        """One receive: up to ten messages go to the function, the failed ones come again after the visibility timeout.

        Returns how many are left. ``cut_at``: where the function is killed, so that all of them come again.
        """
        self.line.calls, self.line.cut_at = 0, cut_at
        batch = list(self.bodies.items())[:10]
        records = [{"messageId": number, "body": body} for number, body in batch]
        try:
            answer = self.send_mail.handler({"Records": records}, None)
        except Crash:
            answer = {"batchItemFailures": [{"itemIdentifier": number} for number, _ in batch]}
        self.line.cut_at = None
        left = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        self.bodies = {number: body for number, body in self.bodies.items() if number in left or number not in dict(batch)}
        self.clock.at += VISIBILITY
        return len(self.bodies)

    def hear(self, event: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.feedback.handler(event, None)
        return answer

    def entry(self, mail_id: str, cluster: str = "people") -> dict[str, Any]:
        key = {"cluster": {"S": cluster}, "entry": {"S": f"mail#{mail_id}"}}
        item: dict[str, Any] = self.dynamodb.get_item(TableName="ledger", Key=key).get("Item", {})
        return {name: next(iter(value.values())) for name, value in item.items()}

    def entries(self) -> list[str]:
        return [item["entry"]["S"] for item in self.dynamodb.scan(TableName="ledger")["Items"]]
