"""RecordMailFeedback: what SES tells of mails goes into the Ledger; addresses that bounce for good, or complain, get no more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.mail_ledger import MailLedger
from hubplane.domain.mail.feedback import Feedback, News, feedback_of
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    ledger_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    ledger = MailLedger(client("dynamodb"), SETTINGS.ledger_table_name)
    changes: list[str] = []
    for record in event["Records"]:
        feedback = feedback_of(_document(record["Sns"]["Message"]))
        if feedback is not None:
            changes += recorded(ledger, feedback)
    return {"changes": changes, "reason": f"{len(event['Records'])} event(s) of the mail service"}


def recorded(ledger: MailLedger, feedback: Feedback) -> list[str]:
    """Write one piece of news, and say what it changed. Repeatable, in any order with the others of its mail."""
    changes: list[str] = []
    if feedback.news in (News.BOUNCED, News.COMPLAINED):
        for address in feedback.addresses:
            ledger.suppress(address, f"{feedback.news} ({feedback.detail})", feedback.message_id, feedback.at)
        changes.append(f"{len(feedback.addresses)} address(es) get no more mail: {feedback.news}")
    if feedback.cluster is None or feedback.mail_id is None:
        return changes
    if feedback.news is News.ACCEPTED:
        if ledger.mark_accepted(feedback.cluster, feedback.mail_id, feedback.message_id, feedback.at):
            changes.append(f"mail {feedback.mail_id} was accepted")
    elif feedback.news in (News.BOUNCED, News.RETURNED, News.REJECTED):
        reason = f"{feedback.news} ({feedback.detail})"
        if ledger.mark_bounced(feedback.cluster, feedback.mail_id, feedback.message_id, reason, feedback.at):
            changes.append(f"mail {feedback.mail_id} did not arrive: {reason}")
    return changes


def _document(text: str) -> Mapping[str, Any]:
    """The event in an SNS message; empty for what is none, such as the test message of a new event destination."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
