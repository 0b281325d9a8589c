"""Mail on the embedded cloud: a real queue, a real sender, and what the mail service tells afterwards."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from hubplane.adapters.mail_queue import queue_mail
from hubplane.domain.mail.messages import MailMessage
from tests.e2e.conftest import Hubplane

pytestmark = pytest.mark.e2e

LONGEST_WAIT_SECONDS = 180  # a state machine's own retries may take a minute of it
# https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html: what SES bounces on purpose, with a label.
ADDRESS = "Bounce+Grace@simulator.amazonses.com"


def wait_for(look: Callable[[], Any], what: str) -> Any:
    """What ``look`` finds, as soon as it finds something."""
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"waited {LONGEST_WAIT_SECONDS} s for {what}")


def sent_to(hubplane: Hubplane, address: str) -> list[dict[str, Any]]:
    """The mails that SES took for an address."""
    with urllib.request.urlopen(f"{hubplane.cloud.endpoint_url}/_ministack/ses/messages", timeout=10) as answer:
        by_account = json.load(answer)["messages"]
    return [message for messages in by_account.values() for message in messages if address in message["To"]]


def entry(hubplane: Hubplane, cluster: str, name: str) -> dict[str, Any]:
    table = hubplane.control_plane.outputs["LedgerTableName"]
    key = {"cluster": {"S": cluster}, "entry": {"S": name}}
    found: dict[str, Any] = hubplane.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
    return found


def wait_mail(number: int) -> MailMessage:
    return MailMessage(f"please_wait#e2e-{number}", "please_wait", None, ADDRESS, {"username": "grace"})


def test_a_mail_goes_out_once_and_a_bounce_ends_mail_to_its_address(hubplane: Hubplane) -> None:
    sqs, queue_url = hubplane.client("sqs"), hubplane.control_plane.outputs["MailQueueUrl"]
    first, second = wait_mail(1), wait_mail(2)
    for _ in range(3):
        queue_mail(sqs, queue_url, first)
    wait_for(lambda: entry(hubplane, "people", f"suppressed#{ADDRESS.lower()}"), "the suppressed address")
    wait_for(lambda: entry(hubplane, "people", f"mail#{first.mail_id}").get("bounced"), "the bounced mail")
    assert "accepted_at" not in entry(hubplane, "people", f"mail#{first.mail_id}")

    queue_mail(sqs, queue_url, second)
    refused = wait_for(lambda: entry(hubplane, "people", f"mail#{second.mail_id}").get("reason"), "the refused mail")
    assert refused["S"].startswith("suppressed: bounced")
    assert len(sent_to(hubplane, ADDRESS)) == 1


def test_operators_get_the_mail_of_a_build_that_failed(hubplane: Hubplane) -> None:
    outcome = hubplane.fail({"spec": {"cluster_name": "nothing-else", "hub": {}}})
    (sent,) = wait_for(
        lambda: [mail for mail in sent_to(hubplane, "operators@example.org") if outcome.execution_arn in mail["BodyText"]],
        "the mail",
    )
    assert sent["Subject"].endswith("failed in ValidateSpec")
    assert sent["Source"] == "OpenSARLab <hub@example.org>"
