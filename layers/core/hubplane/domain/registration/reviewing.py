"""Asking the admins about a sign-up, and which ruling counts: each look does what is due, so missed days are caught up.

The round that is stored counts, whoever stored it, and so does the ruling that is stored first. Two executions that ask at one
moment ask about one round; a ruling that comes between a look and the wait is handed on in the same call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from hubplane.domain.errors import NotYet
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.registration.asking import expired_mail, please_review_mail, why_nobody_has_to_decide
from hubplane.domain.registration.records import UserRecord
from hubplane.domain.registration.review import Due, Outcome, Review, Ruling, needs_new_round, ruling_to_json, what_is_due

__all__ = ["Asking", "Hands", "Reviews", "ask_admins", "end_waiting_review", "first_ruling"]


class Reviews(Protocol):
    """``adapters.reviews.Reviews``. Every write is conditional."""

    def read(self, sub: str) -> Review | None:
        """The review of an account."""

    def open(self, review: Review, seen: Review | None) -> Review:
        """Store a new round in place of ``seen``, and return the one that counts."""

    def wait(self, review: Review, execution_arn: str, task_token: str, note: str) -> bool:
        """Have an execution wait for the ruling; False where there is nothing to wait for any more."""

    def rule(self, review: Review, ruling: Ruling, now: datetime) -> bool:
        """Store a ruling; False where one is stored."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What it takes to ask. Every call may be repeated.

    ``record`` by username. ``answer`` hands a document to whoever waits with a token. ``key`` signs links, ``new_nonce`` makes
    those of one round. ``days`` are those to a reminder and to the end of a round.
    """

    reviews: Reviews
    record: Callable[[str], UserRecord | None]
    queue: Callable[[MailMessage], object]
    answer: Callable[[str, Mapping[str, Any]], object]
    key: Callable[[], bytes]
    new_nonce: Callable[[], str]
    page_url: str
    reminder_days: int
    expiry_days: int


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks about whom, and waits with ``task_token``. ``note``: what was wrong with the last answer, or empty."""

    username: str
    sub: str
    email: str
    signed_up_at: str
    execution_arn: str
    task_token: str
    note: str


def ask_admins(asking: Asking, hands: Hands, now: datetime) -> tuple[bool, str]:
    """(whether somebody is asked and waited for, why). Where nobody has to wait the answer is handed on at once.

    Raises ``NotYet`` where another execution has begun to ask at this moment, and what ``hands`` raise.
    """
    reviews = hands.reviews
    review = _current_round(asking, hands, now)
    obstacle = why_nobody_has_to_decide(hands.record(review.username), review)
    if obstacle is not None and review.ruling is None:
        reviews.rule(review, Ruling(Outcome.WITHDRAWN, "hubplane", obstacle), now)
        review = reviews.read(review.sub) or review
    due = what_is_due(review, now)
    if due is Due.ASK:
        hands.queue(please_review_mail(review, now, hands.reminder_days, hands.key(), hands.page_url))
        if reviews.wait(review, asking.execution_arn, asking.task_token, asking.note):
            return True, f"the admins are asked about {review.username}"
        review = reviews.read(review.sub) or review
        due = what_is_due(review, now)
    return False, _hand_on(review, due, asking, hands)


def _current_round(asking: Asking, hands: Hands, now: datetime) -> Review:
    """The review that counts: the one that is stored, or a new one where nobody has asked or what was asked has expired."""
    seen = hands.reviews.read(asking.sub)
    if seen is not None and not needs_new_round(seen, asking.execution_arn, now):
        return seen
    wanted = Review(
        sub=asking.sub,
        username=asking.username,
        email=asking.email,
        signed_up_at=asking.signed_up_at,
        nonce=hands.new_nonce(),
        asked_at=now.replace(microsecond=0),
        expires_at=now.replace(microsecond=0) + timedelta(days=hands.expiry_days),
        execution_arn=asking.execution_arn,
    )
    return hands.reviews.open(wanted, seen)


def _hand_on(review: Review, due: Due, asking: Asking, hands: Hands) -> str:
    """Answer the task with what is known already, so that nobody waits for it."""
    answer: Mapping[str, Any]
    if due is Due.ANSWER and review.ruling is not None:
        answer, reason = ruling_to_json(review.ruling), f"{review.username} was decided on by {review.ruling.by}"
    elif due is Due.EXPIRE:
        hands.queue(expired_mail(review, hands.expiry_days, asking.execution_arn))
        answer, reason = {"outcome": "expired"}, f"nobody has decided on {review.username} by {review.expires_at.isoformat()}"
    else:
        raise NotYet(f"another execution has begun to ask about {review.username} at this moment: look again")
    hands.answer(asking.task_token, answer)
    return reason


def first_ruling(sub: str, ruling: Ruling, reviews: Reviews, now: datetime) -> Ruling:
    """The ruling that counts: this one, unless another was stored first."""
    review = reviews.read(sub)
    if review is None or (review.ruling is None and reviews.rule(review, ruling, now)):
        return ruling
    stored = reviews.read(sub)
    return stored.ruling if stored is not None and stored.ruling is not None else ruling


def end_waiting_review(
    sub: str, ruling: Ruling, reviews: Reviews, answer: Callable[[str, Mapping[str, Any]], object], now: datetime
) -> None:
    """An execution that waits for an answer elsewhere ends with this one."""
    review = reviews.read(sub)
    if review is None or review.task_token is None:
        return
    reviews.rule(review, ruling, now)
    answer(review.task_token, ruling_to_json(ruling))
