"""Only a plain yes lets a server start."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubplane.domain.homes.answers import answer, refused
from hubplane.domain.homes.facts import HomeAction, HomePlan
from hubplane_hub.answers import Answer, AnswerUnreadable, read_answer
from tests.hub.conftest import CREATE, REFUSE, RESTORE, USE

READ = {
    "a home to use": (USE, Answer(True, "use", "Your home is there.")),
    "a first start": (CREATE, Answer(True, "create", "Your home is there.")),
    "being restored": (RESTORE, Answer(False, "restore", "Your home is brought back.", 5.0)),
    "refused": (REFUSE, Answer(False, "refuse", "This home belongs to another account.")),
    "an unknown action that is no yes": ({**RESTORE, "action": "thaw"}, Answer(False, "thaw", "Your home is brought back.", 5.0)),
    "a wait of nothing is a second": (
        {**RESTORE, "retry_seconds": 0},
        Answer(False, "restore", "Your home is brought back.", 1.0),
    ),
    "a wait of an hour is a minute": (
        {**RESTORE, "retry_seconds": 3600},
        Answer(False, "restore", "Your home is brought back.", 60.0),
    ),
    "a yes needs no waiting": ({**USE, "retry_seconds": "soon"}, Answer(True, "use", "Your home is there.")),
}


@pytest.mark.parametrize(("document", "wanted"), READ.values(), ids=READ.keys())
def test_what_is_answered_is_read(document: dict[str, Any], wanted: Answer) -> None:
    assert read_answer(document) == wanted


UNREADABLE = {
    "null": None,
    "a list": [USE],
    "the text true": "true",
    "an error of Lambda": {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 60.00 seconds"},
    "allowed by a number": {**USE, "allowed": 1},
    "allowed by a word": {**USE, "allowed": "true"},
    "allowed by a list": {**USE, "allowed": [True]},
    "allowed is missing": {key: value for key, value in USE.items() if key != "allowed"},
    "a yes without an action": {**USE, "action": None},
    "a yes to a restore": {**USE, "action": "restore"},
    "a yes to a refusal": {**USE, "action": "refuse"},
    "a sentence that is none": {**REFUSE, "sentence": 7},
    "a refusal without a word": {**REFUSE, "sentence": " "},
    "a wait in words": {**RESTORE, "retry_seconds": "5"},
    "a wait of true": {**RESTORE, "retry_seconds": True},
    "a wait backwards": {**RESTORE, "retry_seconds": -1},
    "a wait without end": {**RESTORE, "retry_seconds": float("inf")},
}


@pytest.mark.parametrize("document", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_anything_else_is_unreadable(document: Any) -> None:
    with pytest.raises(AnswerUnreadable):
        read_answer(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.fixed_dictionaries({}, optional={key: JSON | st.sampled_from([USE[key], True, 1]) for key in USE}))
def test_no_document_but_a_plain_yes_is_allowed(document: dict[str, Any]) -> None:
    try:
        read = read_answer(document)
    except AnswerUnreadable:
        return
    assert read.allowed is (document["allowed"] is True)
    assert not read.allowed or document["action"] in ("use", "create")


@pytest.mark.parametrize("action", list(HomeAction))
def test_every_plan_of_ensure_home_is_read_as_it_is_meant(action: HomeAction) -> None:
    retry = 5 if action in (HomeAction.WAIT, HomeAction.RESTORE, HomeAction.ADOPT) else None
    plan = HomePlan(action, "A sentence.", retry_seconds=retry)
    read = read_answer(json.loads(json.dumps(answer(plan))))
    assert (read.allowed, read.may_create, read.wait_seconds) == (plan.allowed, action is HomeAction.CREATE, retry)


def test_a_failure_of_ensure_home_is_a_refusal() -> None:
    assert read_answer(refused("No.")) == Answer(False, "refuse", "No.")
    assert read_answer(refused("Later.", retry_seconds=60)) == Answer(False, "wait", "Later.", 60.0)
