"""The Cognito triggers of a sign-in, its tokens, and Cognito's own mails."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubplane.domain.registration.authentication import SENTENCES
from hubplane.domain.registration.records import Status
from hubplane.trigger import TRY_AGAIN
from tests.functions.sign_up_people import ADA, OTHER_SUB, SIGN_IN, SUB, TAKEN, neighbours, says
from tests.functions.sign_up_world import DOCUMENTED, World, event_of

# ---- sign-in


@pytest.mark.parametrize("status", Status)
def test_only_the_approved_sign_in_and_the_others_hear_why(sign_ups: World, status: Status) -> None:
    sign_ups.put(replace(ADA, status=status))
    expected = "" if status is Status.APPROVED else SENTENCES[status]
    assert says(sign_ups.handler("pre_authentication"), event_of("pre_authentication", SIGN_IN)) == expected
    assert sign_ups.calls == ["get_item"]


def test_another_account_of_the_name_does_not_sign_in(sign_ups: World) -> None:
    sign_ups.put(ADA)
    event = event_of("pre_authentication", SIGN_IN, sub=OTHER_SUB)
    assert says(sign_ups.handler("pre_authentication"), event) == SENTENCES[None]


def test_a_name_that_nobody_has_is_answered_as_a_wrong_password(sign_ups: World) -> None:
    event = event_of("pre_authentication", SIGN_IN)
    event["request"]["userNotFound"] = True
    assert says(sign_ups.handler("pre_authentication"), event) == ""
    assert sign_ups.calls == []


INVITED = {"cognito:user_status": "FORCE_CHANGE_PASSWORD"}


def test_whom_an_admin_made_is_recorded_at_the_first_sign_in(sign_ups: World) -> None:
    for _ in range(2):
        event = event_of("pre_authentication", SIGN_IN, **INVITED)
        assert says(sign_ups.handler("pre_authentication"), event) == ""
    assert sign_ups.users().read("ada_lovelace") == ADA


@pytest.mark.parametrize("status", ["CONFIRMED", "RESET_REQUIRED", "UNCONFIRMED", "EXTERNAL_PROVIDER"])
def test_nobody_else_is_recorded_by_signing_in(sign_ups: World, status: str) -> None:
    event = event_of("pre_authentication", SIGN_IN, **{"cognito:user_status": status})
    assert says(sign_ups.handler("pre_authentication"), event) == SENTENCES[None]
    assert sign_ups.writes() == []


@pytest.mark.parametrize("changes", [item[1] for item in TAKEN], ids=[item[0] for item in TAKEN])
def test_an_admin_gives_no_name_twice_either(sign_ups: World, changes: dict[str, str]) -> None:
    neighbours(sign_ups)
    before = sign_ups.items()
    event = event_of("pre_authentication", SIGN_IN, **INVITED, **changes)
    assert says(sign_ups.handler("pre_authentication"), event) == SENTENCES[None]
    assert sign_ups.items() == before


def test_of_two_invited_at_once_one_gets_the_name(sign_ups: World) -> None:
    handler = sign_ups.handler("pre_authentication")
    faster = event_of("pre_authentication", SIGN_IN, **INVITED, sub=OTHER_SUB)
    sign_ups.between = lambda: handler(faster, None)
    assert says(handler, event_of("pre_authentication", SIGN_IN, **INVITED)) == SENTENCES[None]
    assert [record.sub for record in sign_ups.users().records()] == [OTHER_SUB]


def test_last_seen_is_written_once_an_hour(sign_ups: World) -> None:
    sign_ups.put(ADA)
    handler, event = sign_ups.handler("post_authentication"), event_of("post_authentication", "PostAuthentication_Authentication")
    handler(event, None)
    first = sign_ups.items()["ada_lovelace"]["last_seen_at"]["S"]
    assert datetime.now(UTC) - datetime.fromisoformat(first) < timedelta(minutes=1)
    handler(event, None)
    assert sign_ups.items()["ada_lovelace"]["last_seen_at"]["S"] == first
    sign_ups.users().see("ada_lovelace", SUB, datetime.now(UTC) - timedelta(hours=2), timedelta(days=-1))
    handler(event, None)
    assert sign_ups.items()["ada_lovelace"]["last_seen_at"]["S"] >= first


def test_a_table_that_is_down_keeps_nobody_who_has_signed_in_out(sign_ups: World, caplog: pytest.LogCaptureFixture) -> None:
    sign_ups.broken = {"update_item"}
    event = event_of("post_authentication", "PostAuthentication_Authentication")
    assert sign_ups.handler("post_authentication")(event, None) == event
    assert [record.levelname for record in caplog.records if record.name == "hubplane"] == ["ERROR"]


# ---- tokens


def groups(answer: dict[str, Any]) -> list[str]:
    [details] = answer["response"].values()
    found: list[str] = details["groupOverrideDetails"]["groupsToOverride"]
    return found


@pytest.mark.parametrize("source", [source for folder, source in DOCUMENTED if folder == "pre_token_generation"])
def test_a_token_names_the_clusters_of_its_own_account_only(sign_ups: World, source: str) -> None:
    sign_ups.put(ADA)
    handler = sign_ups.handler("pre_token_generation")
    assert groups(handler(event_of("pre_token_generation", source), None)) == ["admins", "cluster:opensarlab"]
    assert groups(handler(event_of("pre_token_generation", source, sub=OTHER_SUB), None)) == []
    assert groups(handler(event_of("pre_token_generation", source, username="nobody"), None)) == []


def test_a_response_has_the_shape_of_its_events_version(sign_ups: World) -> None:
    handler = sign_ups.handler("pre_token_generation")
    answers = {
        version: handler({**event_of("pre_token_generation", "TokenGeneration_HostedAuth"), "version": version}, None)
        for version in "123"
    }
    assert {version: list(answer["response"]) for version, answer in answers.items()} == {
        "1": ["claimsOverrideDetails"],
        "2": ["claimsAndScopeOverrideDetails"],
        "3": ["claimsAndScopeOverrideDetails"],
    }


def test_without_the_table_there_is_no_token(sign_ups: World) -> None:
    sign_ups.broken = {"get_item"}
    event = event_of("pre_token_generation", "TokenGeneration_HostedAuth")
    assert says(sign_ups.handler("pre_token_generation"), event) == TRY_AGAIN


# ---- Cognito's own mails


@pytest.mark.parametrize("source", [source for folder, source in DOCUMENTED if folder == "custom_message"])
def test_cognitos_mails_carry_the_institution_and_their_placeholders(sign_ups: World, source: str) -> None:
    event = event_of("custom_message", source)
    response = sign_ups.handler("custom_message")(event, None)["response"]
    if source == "CustomMessage_Authentication":
        assert response["emailMessage"] is None
        return
    assert "{####}" in response["emailMessage"]
    assert "Example Institute" in response["emailMessage"]
    assert response["emailSubject"]
    assert response["smsMessage"] is None
    if source == "CustomMessage_AdminCreateUser":
        assert "{username}" in response["emailMessage"]
    assert sign_ups.calls == []
