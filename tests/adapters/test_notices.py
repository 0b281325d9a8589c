"""A notice is sent once; one that was claimed but never marked is sent again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.notices import LONGEST_SUBJECT, Notices

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class Topic:
    """Records what was published; refuses what SNS refuses of a subject."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.is_down = False

    def publish(self, *, TopicArn: str, Subject: str, Message: str) -> dict[str, str]:  # noqa: N803
        if self.is_down:
            raise ConnectionError("no answer")
        if not Subject or len(Subject) >= 100 or "\n" in Subject or not Subject.isascii():
            raise ValueError(f"InvalidParameter: Subject {Subject!r}")
        self.messages.append((Subject, Message))
        return {"MessageId": "1"}


@pytest.fixture
def ledger() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "cluster", "AttributeType": "S"},
                {"AttributeName": "entry", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "cluster", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
        )
        yield client


def test_a_notice_goes_out_once(ledger: Any) -> None:
    topic = Topic()
    notices = Notices(topic, ledger, "arn:topic", "ledger")
    assert notices.send_once("opensarlab", "n1", "ready", "text", NOW)
    assert not notices.send_once("opensarlab", "n1", "ready", "text", NOW)
    assert notices.send_once("other", "n1", "ready", "text", NOW)
    assert len(topic.messages) == 2


def test_a_notice_that_never_left_is_sent_on_the_next_try(ledger: Any) -> None:
    topic = Topic()
    notices = Notices(topic, ledger, "arn:topic", "ledger")
    topic.is_down = True
    with pytest.raises(ConnectionError):
        notices.send_once("opensarlab", "n1", "ready", "text", NOW)
    topic.is_down = False
    assert notices.send_once("opensarlab", "n1", "ready", "text", NOW)
    assert topic.messages == [("ready", "text")]


@pytest.mark.parametrize("subject", ["x" * 300, "two\nlines", "Größe"], ids=["long", "line-break", "not-ascii"])
def test_any_subject_is_made_one_that_sns_takes(ledger: Any, subject: str) -> None:
    topic = Topic()
    Notices(topic, ledger, "arn:topic", "ledger").send_once("opensarlab", "n1", subject, "text", NOW)
    assert len(topic.messages[0][0]) <= LONGEST_SUBJECT
