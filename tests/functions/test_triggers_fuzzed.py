"""Whatever a trigger is called with ends in an answer or a sentence, and a refusal leaves nothing behind."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubplane.domain.registration.decision import RegistrationRefused
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.trigger import TRY_AGAIN
from tests.functions.sign_up_world import DOCUMENTED, TRIGGERS, World, event_of

SUB = "0b6f3c1e-7d52-4b0c-9a35-2f6f0f1f3c11"
BOB = UserRecord("bob", "sub-bob", "bob@uni.example.org", Status.PENDING)
NAMES = ["ada_lovelace", "ADA_Lovelace", "bob", "a-b", "a-2db", "admin", "dave", "", "claim#claim-bob", "\ud800", "x" * 129]
EMAILS = ["ada@uni.example.org", "ada@x.welcome.example.org", "bob@uni.example.org", "a@mail.example.com", "", "<b>@x", "\u0000"]
EXAMPLES = 150
STATUSES = ["CONFIRMED", "UNCONFIRMED", "FORCE_CHANGE_PASSWORD", "RESET_REQUIRED", "EXTERNAL_PROVIDER", ""]
ODD = st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.lists(st.text(max_size=5), max_size=3) | st.just({})
FIELDS = st.sampled_from(
    [
        *[(name,) for name in ("version", "triggerSource", "userName", "userPoolId", "callerContext", "request", "response")],
        *[("request", name) for name in ("userAttributes", "userNotFound", "codeParameter", "usernameParameter")],
        ("request", "groupConfiguration"),
        ("request", "groupConfiguration", "groupsToOverride"),
        *[("request", "userAttributes", name) for name in ("sub", "email", "email_verified", "cognito:user_status", "added")],
    ]
)


@st.composite
def likely(draw: st.DrawFn, folder: str, source: str) -> dict[str, Any]:
    """An event as documented, about one of a few people."""
    attributes = {
        "email": draw(st.sampled_from(EMAILS) | st.text(max_size=60)),
        "email_verified": draw(st.sampled_from(["true", "false", "TRUE", ""])),
        "cognito:user_status": draw(st.sampled_from(STATUSES)),
    }
    if folder != "pre_sign_up":
        attributes["sub"] = draw(st.sampled_from([SUB, "sub-bob", ""]) | st.text(max_size=70))
    return event_of(folder, source, username=draw(st.sampled_from(NAMES) | st.text(max_size=140)), **attributes)


@st.composite
def odd(draw: st.DrawFn, folder: str, source: str) -> dict[str, Any]:
    """The same with some fields gone or of another type."""
    event = draw(likely(folder, source))
    for path in draw(st.lists(FIELDS, min_size=1, max_size=4)):
        place: Any = event
        for name in path[:-1]:
            place = place.get(name) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            continue
        if draw(st.booleans()):
            place.pop(path[-1], None)
        else:
            place[path[-1]] = copy.deepcopy(draw(ODD))  # one odd object in two places would hold itself
    return event


def answer(sign_ups: World, handler: Any, event: dict[str, Any]) -> dict[str, Any] | str:
    """What the trigger gives back, or its sentence. Any other exception is a fault."""
    try:
        found: dict[str, Any] = handler(event, None)
    except RegistrationRefused as refusal:
        return str(refusal)
    return found


@pytest.mark.parametrize("folder", TRIGGERS)
def test_an_event_of_any_shape_is_answered_and_a_refusal_leaves_nothing(
    sign_ups: World, folder: str, caplog: pytest.LogCaptureFixture
) -> None:
    handler = sign_ups.handler(folder)
    sources = st.sampled_from([source for each, source in DOCUMENTED if each == folder])

    def begin() -> dict[str, dict[str, Any]]:
        sign_ups.clear()
        sign_ups.put(BOB, UserRecord("a-b", "sub-ab", "", Status.APPROVED))
        sign_ups.tags.claims = {"claim-dave"}
        return sign_ups.items()

    before = begin()

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(event=sources.flatmap(lambda source: likely(folder, source) | odd(folder, source)))
    def check(event: dict[str, Any]) -> None:
        caplog.clear()
        sign_ups.calls.clear()
        given_event = copy.deepcopy(event)
        said = answer(sign_ups, handler, event)
        # An odd event is refused or left alone by a decision; that it is answered with the neutral sentence would hide a fault.
        assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
        assert said != TRY_AGAIN
        if isinstance(said, str):
            assert said and not said.endswith(".")
            # What was refused by a condition of the table has written nothing either.
            assert set(sign_ups.writes()) <= {"transact_write_items"}
            assert not sign_ups.writes() or sign_ups.items() == before
            return
        assert said is event
        assert {**said, "response": None} == {**given_event, "response": None}
        if not sign_ups.writes():
            return
        # Whoever holds a name or a claim holds it afterwards, whatever was asked.
        after = sign_ups.items()
        assert {key: after[key].get("holder", after[key].get("sub")) for key in before} == {
            key: item.get("holder", item.get("sub")) for key, item in before.items()
        }
        begin()

    check()


@pytest.mark.parametrize("folder", TRIGGERS)
@pytest.mark.parametrize(
    "event", [{}, {"request": None}, {"triggerSource": "Later_Source", "userName": "bob", "request": {}}], ids=str
)
def test_an_event_that_says_nothing_starts_nothing(sign_ups: World, folder: str, event: dict[str, Any]) -> None:
    sign_ups.clear()
    answer(sign_ups, sign_ups.handler(folder), copy.deepcopy(event))
    assert (sign_ups.items(), sign_ups.mails(), sign_ups.pool.disabled, sign_ups.machine.executions) == ({}, [], set(), {})
