"""Where the machines about people go: every Choice over what can arrive, and the safe way for everything else."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.statemachines.choices import state_after

MACHINES = Path(__file__).resolve().parents[2] / "statemachines"
SUBSTITUTIONS = {"ServerPolls": "60", "SnapshotPolls": "1440"}
goes_to = partial(state_after, SUBSTITUTIONS)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"outcome": "expired"}, "ReviewExpired"),
        ({"outcome": "approved", "by": "x"}, "RecordDecision"),
        ({"approved": True, "by": "x"}, "RecordDecision"),
        ({}, "RecordDecision"),
        ("expired", "RecordDecision"),
        (["expired"], "RecordDecision"),
        (None, "RecordDecision"),
        (True, "RecordDecision"),
        (7, "RecordDecision"),
    ],
)
def test_only_the_end_ends_a_review_and_every_answer_is_checked(answer: Any, state: str) -> None:
    assert goes_to("review_sign_up", "IsExpired", answer=answer) == state


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({"username": "ada"}, "AskDecision"),
        ({"decision": {}}, "RecordGivenDecision"),
        ({"decision": "yes"}, "RecordGivenDecision"),
    ],
)
def test_without_a_decision_the_admins_are_asked(given: Any, state: str) -> None:
    assert goes_to("review_sign_up", "IsDecidedByHand", input=given) == state


@pytest.mark.parametrize(
    ("mode", "state"), [("enforce", "DisableAccount"), ("plan", "Planned"), ("", "Planned"), (True, "Planned")]
)
def test_only_enforce_does_something(mode: Any, state: str) -> None:
    assert goes_to("offboard_user", "IsEnforced", mode=mode) == state


@pytest.mark.parametrize(
    ("choice", "variable", "on", "wait", "end"),
    [
        ("AreServersStopped", "servers", "ServersAreStopped", "WaitForServers", "ServersRunOn"),
        ("AreHomesProved", "proving", "TombstoneAccount", "WaitForSnapshots", "HomesNotProved"),
    ],
)
def test_off_boarding_goes_on_only_when_it_is_told_so(choice: str, variable: str, on: str, wait: str, end: str) -> None:
    def after(polls: int, **result: Any) -> str:
        return goes_to("offboard_user", choice, polls=polls, **{variable: result})

    assert after(1, done=True) == on
    assert after(99_999, done=True) == on
    assert after(1, done=False) == wait
    assert after(99_999, done=False) == end
    assert after(1, done="true") == wait, "only the boolean counts"
    assert after(99_999) == end
