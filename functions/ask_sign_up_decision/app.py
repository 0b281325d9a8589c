"""AskSignUpDecision: asks the admins about a sign-up by mail, reminds them, and answers the machine where nobody has to wait.

Event: ``username``, ``sub``, ``email``, ``signed_up_at``, ``execution_arn``, ``task_token``, ``note`` (what was wrong with the
last answer, or empty). The machine calls it once a day while it waits; each call looks at what is due, so missed days
are caught up. The task's answer is a ruling as JSON, or ``{"outcome": "expired"}``.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.mail_queue import queue_mail
from hubplane.adapters.reviews import Reviews
from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.adapters.stepfunctions import answer_task
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.errors import NotYet, ProviderError
from hubplane.domain.registration.asking import expired_mail, please_review_mail, why_nobody_has_to_decide
from hubplane.domain.registration.review import Due, Outcome, Review, Ruling, needs_new_round, ruling_to_json, what_is_due
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
    now = datetime.now(UTC)
    reviews = Reviews(client("dynamodb"), SETTINGS.ledger_table_name)
    review = current_round(reviews, event, now)
    obstacle = why_nobody_has_to_decide(UsersTable(client("dynamodb"), SETTINGS.users_table_name).read(review.username), review)
    if obstacle is not None and review.ruling is None:
        reviews.rule(review, Ruling(Outcome.WITHDRAWN, "hubplane", obstacle), now)
        review = reviews.read(review.sub) or review
    due = what_is_due(review, now)
    if due is Due.ASK:
        mail = please_review_mail(review, now, SETTINGS.reminder_days, key(), SETTINGS.decision_page_url)
        queue_mail(client("sqs"), SETTINGS.mail_queue_url, mail)
        if reviews.wait(review, event["execution_arn"], event["task_token"], event["note"]):
            return {"asked": True, "changes": [], "reason": f"the admins are asked about {review.username}"}
        review = reviews.read(review.sub) or review
        due = what_is_due(review, now)
    return hand_on(review, due, event["task_token"], event["execution_arn"])


def current_round(reviews: Reviews, event: Mapping[str, Any], now: datetime) -> Review:
    """The review that counts: the one that is stored, or a new one where nobody has asked or what was asked has expired."""
    seen = reviews.read(event["sub"])
    if seen is not None and not needs_new_round(seen, event["execution_arn"], now):
        return seen
    wanted = Review(
        sub=event["sub"],
        username=event["username"],
        email=event["email"],
        signed_up_at=event["signed_up_at"],
        nonce=secrets.token_urlsafe(24),
        asked_at=now.replace(microsecond=0),
        expires_at=now.replace(microsecond=0) + timedelta(days=SETTINGS.expiry_days),
        execution_arn=event["execution_arn"],
    )
    return reviews.open(wanted, seen)


def hand_on(review: Review, due: Due, task_token: str, execution_arn: str) -> dict[str, Any]:
    """Answer the task with what is known already, so that nobody waits for it."""
    if due is Due.ANSWER and review.ruling is not None:
        answer, reason = ruling_to_json(review.ruling), f"{review.username} was decided on by {review.ruling.by}"
    elif due is Due.EXPIRE:
        queue_mail(client("sqs"), SETTINGS.mail_queue_url, expired_mail(review, SETTINGS.expiry_days, execution_arn))
        answer, reason = {"outcome": "expired"}, f"nobody has decided on {review.username} by {review.expires_at.isoformat()}"
    else:
        raise NotYet(f"another execution has begun to ask about {review.username} at this moment: look again")
    answer_task(client("stepfunctions"), task_token, answer)
    return {"asked": False, "changes": [], "reason": reason}


@cache
def key() -> bytes:
    """The key of decision links. It stays in this process: no log, event or environment has it."""
    text = SecretsManager(client("secretsmanager")).read(SETTINGS.link_key_secret_arn)
    if text is None:
        raise ProviderError(f"secret {SETTINGS.link_key_secret_arn} has no value: put 64 random characters into it")
    return text.encode()
