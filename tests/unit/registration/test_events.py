"""Trigger events of every documented shape, and of shapes that nobody documented, lead to a decision and never to an error."""

from __future__ import annotations

import copy
import json
import pathlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubplane.domain.registration.authentication import decide_authentication, groups_for_token, status_of
from hubplane.domain.registration.confirmation import Account, decide_confirmation
from hubplane.domain.registration.events import TriggerEvent, read_event
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.sign_up import SignUpPolicy, decide_sign_up
from tests.unit.registration.people import EMAIL, NOW, SUB, record

COMMON = {
    "version": "1",
    "region": "us-east-1",
    "userPoolId": "us-east-1_ABCdefGHI",
    "userName": "ada",
    "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "7i0example"},
}
# Requests and responses as the pages of the triggers in the AWS Cognito developer guide show them.
DOCUMENTED: dict[str, dict[str, Any]] = {
    source: {**COMMON, "triggerSource": source, **rest}
    for source, rest in json.loads(pathlib.Path(__file__).with_name("trigger_events.json").read_text(encoding="utf-8")).items()
}


@pytest.mark.parametrize("source", DOCUMENTED)
def test_a_documented_event_says_who_it_is_about(source: str) -> None:
    event = read_event(DOCUMENTED[source])
    assert (event.trigger_source, event.username, event.email) == (source, "ada", EMAIL)
    assert event.sub == ("" if source.startswith("PreSignUp") else SUB)
    assert event.email_verified is (source not in ("PreSignUp_SignUp", "PreSignUp_ExternalProvider"))


def test_placeholders_and_groups_are_read_where_the_event_has_them() -> None:
    message = read_event(DOCUMENTED["CustomMessage_AdminCreateUser"])
    assert (message.code_parameter, message.username_parameter) == ("{####}", "{username}")
    assert read_event(DOCUMENTED["TokenGeneration_HostedAuth"]).groups == ("admins",)


UNVERIFIED = ["false", "True ", "TRUE", "1", 1, 1.0, None, [], False, "yes"]


@pytest.mark.parametrize("value", UNVERIFIED, ids=repr)
def test_only_true_is_verified(value: Any) -> None:
    event = copy.deepcopy(DOCUMENTED["PostConfirmation_ConfirmSignUp"])
    event["request"]["userAttributes"]["email_verified"] = value
    assert read_event(event).email_verified is False


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=40)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=10), inner, max_size=3)),
    max_leaves=8,
)


def decide_everything(event: TriggerEvent) -> None:
    """Every decision that a trigger could take on ``event``, and that none of them gives anything away by accident."""
    request = event.request(NOW)
    decision = decide_sign_up(request, SignUpPolicy(), Known())
    plan = decide_confirmation(
        event.trigger_source, request, SignUpPolicy(), Known(), sub=event.sub, email_verified=event.email_verified
    )
    if plan.record is not None:
        assert decision.accepted
        assert plan.account is Account.DISABLE, "nobody is let in without an admin under this policy"
    held = record()
    if event.sub != held.sub:
        assert groups_for_token(held, event.sub, event.groups) == ()
        assert not decide_authentication(status_of(held, event.sub)).accepted


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """A documented event with one field, at any depth, replaced by any JSON or taken away."""
    event = copy.deepcopy(DOCUMENTED[draw(st.sampled_from(sorted(DOCUMENTED)))])
    place: Any = event
    while True:
        key = draw(st.sampled_from(sorted(place)))
        if isinstance(place[key], dict) and place[key] and draw(st.booleans()):
            place = place[key]
            continue
        if draw(st.booleans()):
            place[key] = draw(JSON)
        else:
            del place[key]
        return event


@settings(max_examples=500, deadline=None)
@given(event=st.one_of(broken(), st.dictionaries(st.text(max_size=12), JSON, max_size=5)))
def test_no_event_is_an_error_or_opens_anything(event: dict[str, Any]) -> None:
    decide_everything(read_event(event))
