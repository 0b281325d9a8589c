"""AskSignUpDecision: asks the admins about a sign-up by mail, reminds them, and answers the machine where nobody has to wait.

Event: ``username``, ``sub``, ``email``, ``signed_up_at``, ``execution_arn``, ``task_token``, ``note`` (what was wrong with the
last answer, or empty). The machine calls it once a day while it waits; each call looks at what is due, so missed days
are caught up. The task's answer is a ruling as JSON, or ``{"outcome": "expired"}``.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.mail_queue import queue_mail
from hubplane.adapters.reviews import Reviews
from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.adapters.stepfunctions import answer_task
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.registration.reviewing import Asking, Hands, ask_admins
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    users_table_name: str
    ledger_table_name: str
    mail_queue_url: str
    link_key_secret_arn: str
    decision_page_url: str
    reminder_days: int
    expiry_days: int


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    asking = Asking(**{item.name: event[item.name] for item in fields(Asking)})
    asked, reason = ask_admins(asking, hands(), datetime.now(UTC))
    return {"asked": asked, "changes": [], "reason": reason}


def hands() -> Hands:
    return Hands(
        reviews=Reviews(client("dynamodb"), SETTINGS.ledger_table_name),
        record=UsersTable(client("dynamodb"), SETTINGS.users_table_name).read,
        queue=lambda mail: queue_mail(client("sqs"), SETTINGS.mail_queue_url, mail),
        answer=lambda token, document: answer_task(client("stepfunctions"), token, document),
        key=key,
        new_nonce=lambda: secrets.token_urlsafe(24),
        page_url=SETTINGS.decision_page_url,
        reminder_days=SETTINGS.reminder_days,
        expiry_days=SETTINGS.expiry_days,
    )


@cache
def key() -> bytes:
    """The key of decision links. It stays in this process: no log, event or environment has it."""
    return SecretsManager(client("secretsmanager")).read_key(SETTINGS.link_key_secret_arn)
