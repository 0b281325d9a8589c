"""The pace of calls: a burst, then so many a second, slower after each throttle error."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hubplane.domain.errors import Throttled
from hubplane.domain.storage.pacing import BURST, PER_SECOND, Pace
from tests.unit.storage.builders import NOW


class Clock:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.at = NOW
        self.pauses: list[float] = []

    def now(self):  # type: ignore[no-untyped-def]
        return self.at

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.at += timedelta(seconds=seconds)


def test_a_burst_then_three_a_second() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(int(BURST)):
        pace.call(lambda: None)
    assert clock.pauses == []
    for _ in range(300):
        pace.call(lambda: None)
    assert (clock.at - NOW).total_seconds() == pytest.approx(300 / PER_SECOND, abs=0.01)
    assert max(clock.pauses) < 1  # a pause is pacing; longer waiting is the state machine's


def test_ec2s_own_bucket_never_runs_dry_behind_it() -> None:
    """100 at once and 5 a second, while the CSI driver takes 2 of them every second."""
    clock = Clock()
    pace, tokens, filled_at = Pace(clock), 100.0, NOW
    for _ in range(3000):
        pace.call(lambda: None)
        passed = (clock.at - filled_at).total_seconds()
        tokens, filled_at = min(100.0, tokens + passed * (5 - 2)) - 1, clock.at
        assert tokens > 50


def test_each_throttle_error_halves_the_pace_and_the_third_in_a_row_is_told() -> None:
    clock = Clock()
    pace = Pace(clock)
    answers = [Throttled("slow down"), "done"]

    def call() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Throttled):
            raise answer
        return answer

    assert pace.call(call) == "done"
    assert (pace.throttled, pace.per_second, clock.pauses[0]) == (1, PER_SECOND / 2, 1.0)
    answers[:] = [Throttled("slow down")] * 3
    with pytest.raises(Throttled):
        pace.call(call)
    assert (pace.throttled, answers) == (4, [])


def test_a_question_is_asked_again_without_a_turn() -> None:
    clock = Clock()
    pace, answers = Pace(clock), [Throttled("busy"), Throttled("busy"), 7]

    def ask() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Throttled):
            raise answer
        return answer

    assert pace.ask(ask) == 7
    assert (clock.pauses, pace.per_second) == ([1.0, 4.0], PER_SECOND)
