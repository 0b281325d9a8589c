"""Who is asked, what is handed on at once, and which of two rulings counts, on reviews in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubplane.domain.errors import NotYet
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.registration.review import Outcome, Review, Ruling
from hubplane.domain.registration.reviewing import Asking, Hands, ask_admins, end_waiting_review, first_ruling

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
ADA = UserRecord("ada", "sub-ada", "ada@uni.example.org", Status.PENDING)
APPROVED = replace(ADA, status=Status.APPROVED)
ASKING = Asking("ada", "sub-ada", "ada@uni.example.org", "today", "arn:aws:states:::execution:review:one", "token-1", "")
YES, NO = Ruling(Outcome.APPROVED, "grace"), Ruling(Outcome.REFUSED, "linus", "no")


def review(**fields: Any) -> Review:
    whole = {"asked_at": NOW - timedelta(days=1), "expires_at": NOW + timedelta(days=13), "execution_arn": ASKING.execution_arn}
    return Review("sub-ada", "ada", "ada@uni.example.org", "today", "nonce-0", **{**whole, **fields})


@dataclass
class World:
    """One review. ``overtaken``: what another execution stores at the moment of the wait."""

    stored: Review | None = None
    record: UserRecord | None = ADA
    overtaken: Review | None = None
    mails: list[str] = field(default_factory=list)
    answers: list[tuple[str, Any]] = field(default_factory=list)

    def read(self, sub: str) -> Review | None:
        return self.stored

    def open(self, review: Review, seen: Review | None) -> Review:
        if self.stored == seen:
            self.stored = review
        assert self.stored is not None
        return self.stored

    def wait(self, review: Review, execution_arn: str, task_token: str, note: str) -> bool:
        if self.overtaken is not None:
            self.stored = self.overtaken
            return False
        self.stored = replace(review, task_token=task_token)
        return True

    def rule(self, review: Review, ruling: Ruling, now: datetime) -> bool:
        assert self.stored is not None
        if self.stored.ruling is not None:
            return False
        self.stored = replace(self.stored, ruling=ruling)
        return True

    def answer(self, token: str, document: Mapping[str, Any]) -> None:
        self.answers.append((token, document["outcome"]))

    def ask(self) -> tuple[bool, str]:
        def queue(mail: MailMessage) -> None:
            self.mails.append(mail.name)

        hands = Hands(
            self, lambda _: self.record, queue, self.answer, lambda: b"k" * 64, lambda: "nonce-1", "https://page.example", 3, 14
        )
        return ask_admins(ASKING, hands, NOW)


@pytest.mark.parametrize(
    ("world", "asked", "mails", "answers"),
    [
        pytest.param(World(), True, ["please_review"], [], id="a-new-sign-up"),
        pytest.param(World(review()), True, ["please_review"], [], id="asked-already"),
        pytest.param(World(review(ruling=YES)), False, [], [("token-1", "approved")], id="ruled-already"),
        pytest.param(
            World(review(expires_at=NOW)), False, ["review_expired"], [("token-1", "expired")], id="nobody-decided-in-time"
        ),
        pytest.param(
            World(review(expires_at=NOW, execution_arn="arn:another")), True, ["please_review"], [], id="started-again-after-that"
        ),
        pytest.param(World(review(), record=None), False, [], [("token-1", "withdrawn")], id="the-account-is-gone"),
        pytest.param(
            World(review(), record=replace(ADA, status=Status.APPROVED)),
            False,
            [],
            [("token-1", "withdrawn")],
            id="approved-by-hand",
        ),
        pytest.param(
            World(review(), overtaken=review(ruling=NO)),
            False,
            ["please_review"],
            [("token-1", "refused")],
            id="ruled-while-it-was-asked",
        ),
    ],
)
def test_each_look_does_what_is_due(world: World, asked: bool, mails: list[str], answers: list[tuple[str, str]]) -> None:
    assert world.ask()[0] is asked
    assert (world.mails, world.answers) == (mails, answers)
    assert world.stored is not None
    assert (world.stored.task_token == "token-1") is asked


def test_two_that_ask_at_one_moment_are_not_both_waited_for() -> None:
    with pytest.raises(NotYet, match="another execution has begun to ask about ada"):
        World(review(), overtaken=review()).ask()


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        pytest.param(None, YES, id="nobody-asked"),
        pytest.param(review(), YES, id="the-first"),
        pytest.param(review(ruling=NO), NO, id="the-second"),
    ],
)
def test_the_ruling_that_is_stored_first_counts(stored: Review | None, expected: Ruling) -> None:
    assert first_ruling("sub-ada", YES, World(stored), NOW) == expected


@pytest.mark.parametrize(
    ("stored", "answers"),
    [
        pytest.param(None, [], id="nobody-asked"),
        pytest.param(review(), [], id="nobody-waits"),
        pytest.param(review(task_token="token-9"), [("token-9", "approved")], id="somebody-waits"),
    ],
)
def test_a_decision_by_hand_ends_who_waits(stored: Review | None, answers: list[tuple[str, str]]) -> None:
    world = World(stored)
    end_waiting_review("sub-ada", YES, world, world.answer, NOW)
    assert world.answers == answers
