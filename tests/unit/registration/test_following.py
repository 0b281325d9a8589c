"""What was done to an account in the pool becomes true of its record, mail and review, killed at any call and told again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from hubplane.domain.errors import NotYet
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.registration.account_events import AccountEvent, Deed
from hubplane.domain.registration.following import Hands, follow
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.registration.review import Outcome, Review, Ruling

AT = datetime(2026, 11, 25, 10, tzinfo=UTC)
ADA = UserRecord("ada", "sub-ada", "ada@uni.example.org", Status.PENDING)
REVIEW = Review("sub-ada", "ada", "ada@uni.example.org", "today", "nonce", AT, AT, "arn:execution", task_token="token-1")
URL = "https://sign-in.example.org"


@dataclass
class World:
    """The tables, the pool and who waits. ``dies_at``: the number of the call that kills it, before it does anything."""

    record: UserRecord | None = ADA
    enabled: bool | None = True
    waiting: Review | None = REVIEW
    steps: list[str] = field(default_factory=list)
    mails: dict[str, MailMessage] = field(default_factory=dict)
    woken: list[tuple[str, Outcome]] = field(default_factory=list)
    calls: int = 0
    dies_at: int = 0

    def hands(self) -> Hands:
        def dying(deed: Callable[..., Any]) -> Callable[..., Any]:
            def call(*given: Any) -> Any:
                self.calls += 1
                if self.calls == self.dies_at:
                    raise InterruptedError
                return deed(*given)

            return call

        def write(old: UserRecord, new: UserRecord, sentence: str) -> bool:
            if old != self.record:
                return False
            self.record = new
            self.steps.append(sentence)
            return True

        def rule(review: Review, ruling: Ruling) -> bool:
            assert self.waiting is not None
            if self.waiting.ruling is None:
                self.waiting = replace(review, ruling=ruling)
            return True

        return Hands(
            read=dying(lambda name: self.record if self.record and self.record.username == name else None),
            everybody=dying(lambda: [self.record] if self.record else []),
            write=dying(write),
            is_enabled=dying(lambda name, sub: self.enabled),
            name_of=dying(lambda sub: "ada" if self.enabled is not None else None),
            hub_urls=dying(lambda: {"sar": "https://sar.example.org"}),
            queue=dying(lambda mail: self.mails.setdefault(mail.mail_id, mail)),
            review=dying(lambda sub: self.waiting if self.waiting and self.waiting.sub == sub else None),
            rule=dying(rule),
            wake=dying(lambda token, ruling: self.woken.append((token, ruling.outcome))),
        )


def told(deed: Deed, sub: str = "sub-ada", username: str = "") -> AccountEvent:
    return AccountEvent(deed, sub, username, "grace")


CASES = [
    pytest.param(World(), told(Deed.ENABLE), Status.APPROVED, Outcome.APPROVED, id="enabled"),
    pytest.param(World(enabled=None), told(Deed.DELETE), Status.TOMBSTONE, Outcome.WITHDRAWN, id="deleted-while-it-waits"),
    pytest.param(
        World(replace(ADA, status=Status.APPROVED), enabled=False), told(Deed.DISABLE), Status.DISABLED, None, id="disabled"
    ),
    pytest.param(
        World(waiting=None), told(Deed.ENABLE, sub="", username="ada"), Status.APPROVED, None, id="named-and-nobody-waits"
    ),
]


@pytest.mark.parametrize(("world", "event", "status", "outcome"), CASES)
def test_killed_at_any_call_and_told_again_it_ends_the_same(
    world: World, event: AccountEvent, status: Status, outcome: Outcome | None
) -> None:
    def fresh(dies_at: int = 0) -> World:
        return World(world.record, world.enabled, world.waiting, dies_at=dies_at)

    whole = fresh()
    assert follow(event, whole.hands(), URL).changed
    for dies_at in range(1, whole.calls + 1):
        one = fresh(dies_at)
        with pytest.raises(InterruptedError):
            follow(event, one.hands(), URL)
        follow(event, one.hands(), URL)
        assert one.record is not None
        assert (one.record.status, one.steps, one.mails.keys()) == (status, whole.steps, whole.mails.keys())
        assert [each[1] for each in one.woken][:1] == ([outcome] if outcome else [])
        assert len(one.steps) == 1
    assert list(whole.mails) == (["approved#sub-ada"] if status is Status.APPROVED else [])


@pytest.mark.parametrize(
    ("world", "event", "reason"),
    [
        pytest.param(World(None, waiting=None), told(Deed.ENABLE), "an account without a record was enabled", id="no-record"),
        pytest.param(
            World(),
            told(Deed.ENABLE, sub="sub-eve", username="ada"),
            "an account without a record was enabled",
            id="anothers-sub",
        ),
        pytest.param(World(enabled=False), told(Deed.ENABLE), "nothing follows from being enabled", id="undone-since"),
    ],
)
def test_what_pool_and_record_do_not_agree_on_changes_nothing(world: World, event: AccountEvent, reason: str) -> None:
    before = world.record
    followed = follow(event, world.hands(), URL)
    assert reason in followed.reason
    assert (followed.changed, world.record, world.mails, world.woken) == (False, before, {}, [])


def test_an_account_that_is_still_shown_is_looked_at_again() -> None:
    world = World()
    with pytest.raises(NotYet, match="was deleted and is still shown"):
        follow(told(Deed.DELETE), world.hands(), URL)
    assert world.record == ADA


def test_a_ruling_that_was_stored_first_is_what_the_waiting_one_hears() -> None:
    refused = Ruling(Outcome.REFUSED, "linus", "no")
    world = World(waiting=replace(REVIEW, ruling=refused))
    follow(told(Deed.ENABLE), world.hands(), URL)
    assert world.woken == [("token-1", Outcome.REFUSED)]
