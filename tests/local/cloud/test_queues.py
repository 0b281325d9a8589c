"""A queue in front of a function: what it fails comes back, after its time, as often as the queue says, and then goes aside."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.local.cloud.lambda_functions import create
from tests.local.cloud.running import RunningCloud

VISIBILITY_SECONDS = 2
RECEIVES = 2
# Each message is written down with its time and how often it was received; then "bad" ones fail, in one of two ways.
WORKER = """
import json, time, uuid, boto3

def handler(event, context):
    failures = []
    for record in event["Records"]:
        seen = {{"body": record["body"], "at": time.time(), "receives": record["attributes"]["ApproximateReceiveCount"]}}
        boto3.client("s3").put_object(Bucket="{name}", Key=uuid.uuid4().hex, Body=json.dumps(seen))
        if record["body"].startswith("bad"):
            failures.append({{"itemIdentifier": record["messageId"]}})
    if failures and not {partial}:
        raise RuntimeError("one was bad")
    return {{"batchItemFailures": failures}} if {partial} else None
"""


class Line:
    """A queue with its dead-letter queue and a function that reads it."""

    def __init__(self, cloud: RunningCloud, name: str, *, partial: bool) -> None:
        self.name, self.sqs, self.s3 = name, cloud.client("sqs"), cloud.client("s3")
        self.s3.create_bucket(Bucket=name)
        self.dead_url = self.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        redrive = {"deadLetterTargetArn": self._arn(self.dead_url), "maxReceiveCount": RECEIVES}
        settings = {"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": json.dumps(redrive)}
        self.url = self.sqs.create_queue(QueueName=name, Attributes=settings)["QueueUrl"]
        create(cloud, name, WORKER.format(name=name, partial=partial), timeout=2)
        cloud.client("lambda").create_event_source_mapping(
            EventSourceArn=self._arn(self.url),
            FunctionName=name,
            BatchSize=10,
            MaximumBatchingWindowInSeconds=1,
            FunctionResponseTypes=["ReportBatchItemFailures"] if partial else [],
        )

    def _arn(self, url: str) -> str:
        arn: str = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return arn

    def send(self, *bodies: str) -> None:
        """Queue messages together."""
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def seen(self, body: str) -> list[dict[str, Any]]:
        """Each time that the function got a message, in order."""
        keys = [item["Key"] for item in self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])]
        entries = [json.loads(self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()) for key in keys]
        return sorted((entry for entry in entries if entry["body"] == body), key=lambda entry: float(entry["at"]))

    def dead(self) -> list[str]:
        """What lies in the dead-letter queue."""
        wanted = {"QueueUrl": self.dead_url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
        return [message["Body"] for message in self.sqs.receive_message(**wanted).get("Messages", [])]

    def left(self) -> int:
        """How many messages the queue still has, seen or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


def test_only_what_a_function_names_comes_back_and_then_goes_aside(cloud: RunningCloud) -> None:
    line = Line(cloud, "partial", partial=True)
    line.send("good", "bad", "fine")
    assert cloud.wait("the dead letter", line.dead, seconds=30) == ["bad"]
    assert cloud.wait("an empty queue", lambda: line.left() == 0)
    first, second = line.seen("bad")
    assert [first["receives"], second["receives"]] == ["1", "2"]
    assert second["at"] - first["at"] >= VISIBILITY_SECONDS * 0.9
    assert (len(line.seen("good")), len(line.seen("fine"))) == (1, 1)


def test_a_function_that_raises_gets_all_of_its_batch_again(cloud: RunningCloud) -> None:
    line = Line(cloud, "raising", partial=False)
    line.send("bad")
    assert cloud.wait("the dead letter", line.dead, seconds=30) == ["bad"]
    assert [entry["receives"] for entry in line.seen("bad")] == ["1", "2"]


def test_a_message_in_work_is_hidden_for_its_time(cloud: RunningCloud) -> None:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="hidden", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    (first,) = sqs.receive_message(QueueUrl=url)["Messages"]
    began = time.monotonic()
    assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0).get("Messages", []) == []
    (again,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert again["MessageId"] == first["MessageId"]
    assert time.monotonic() - began == pytest.approx(1, abs=0.9)
    assert again["ReceiptHandle"] != first["ReceiptHandle"]
