"""Many mails: ten a call, no call larger than a queue takes, and what was not taken is an error that names it."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.adapters.mail_queue import queue_mail, queue_mails
from hubplane.domain.errors import ProviderError, Throttled
from hubplane.domain.mail.messages import MAX_BYTES, MailMessage, message_from_json
from tests.adapters.fake_aws import fake_client


class Queue:
    """Takes what SQS takes; ``refused`` are the mail ids that it does not."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.batches: list[list[MailMessage]] = []

    def send_message(self, **request: Any) -> dict[str, str]:
        self.batches.append([message_from_json(request["MessageBody"])])
        return {"MessageId": "1", "MD5OfMessageBody": "0"}

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        entries = request["Entries"]
        assert 1 <= len(entries) <= 10
        assert sum(len(entry["MessageBody"].encode()) for entry in entries) <= MAX_BYTES
        assert len({entry["Id"] for entry in entries}) == len(entries)
        messages = {entry["Id"]: message_from_json(entry["MessageBody"]) for entry in entries}
        failed = [number for number, message in messages.items() if message.mail_id in self.refused]
        self.batches.append([message for number, message in messages.items() if number not in failed])
        return {
            "Successful": [],
            "Failed": [
                {"Id": number, "Code": "InternalError", "SenderFault": False, "Message": "try later"} for number in failed
            ],
        }


def wait(number: int, size: int = 0) -> MailMessage:
    return MailMessage(f"please_wait#{number}", "please_wait", None, "a@b.org", {"username": "x" * size})


@pytest.mark.parametrize(
    "sizes, calls",
    [([], []), ([0] * 10, [10]), ([0] * 11, [10, 1]), ([200_000] * 3, [1, 1, 1]), ([100_000, 100_000, 100_000], [2, 1])],
    ids=["none", "ten", "eleven", "each-too-large-for-two", "two-and-one"],
)
def test_batches_are_as_large_as_a_call_may_be(sizes: list[int], calls: list[int]) -> None:
    queue, messages = Queue(), [wait(number, size) for number, size in enumerate(sizes)]
    assert queue_mails(fake_client("sqs", queue), "https://queue", messages) == len(sizes)
    assert [len(call) for call in queue.batches] == calls
    assert [message for call in queue.batches for message in call] == messages


def test_what_was_not_taken_is_named_after_everything_else_was_tried() -> None:
    queue = Queue("please_wait#3", "please_wait#14")
    with pytest.raises(ProviderError, match=r"2 of 20 were not taken: please_wait#3 \(try later\); please_wait#14"):
        queue_mails(fake_client("sqs", queue), "https://queue", [wait(number) for number in range(20)])
    assert sum(len(call) for call in queue.batches) == 18


def test_one_mail_is_one_message() -> None:
    queue = Queue()
    queue_mail(fake_client("sqs", queue), "https://queue", wait(1))
    assert queue.batches == [[wait(1)]]


def test_a_queue_that_asks_for_a_slower_pace_is_told_apart() -> None:
    class Busy:
        def send_message(self, **_: Any) -> None:
            error = Exception("slow down")
            error.response = {"Error": {"Code": "RequestThrottled"}}  # type: ignore[attr-defined]
            raise error

    with pytest.raises(Throttled, match="queue mail please_wait#1: slow down"):
        queue_mail(Busy(), "https://queue", wait(1))
