"""The Cognito triggers: what each answers to whom, and what it leaves behind."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubplane.domain.names import claims_of
from hubplane.domain.registration.authentication import SENTENCES
from hubplane.domain.registration.decision import RegistrationRefused
from hubplane.domain.registration.emails import DOMAIN_SENTENCE
from hubplane.domain.registration.records import ReturnGrant, Status, UserRecord
from hubplane.domain.registration.sign_up import NOT_AVAILABLE
from hubplane.trigger import TRY_AGAIN
from tests.functions.sign_up_world import DOCUMENTED, World, event_of, sign_up_world

SUB, OTHER_SUB = "0b6f3c1e-7d52-4b0c-9a35-2f6f0f1f3c11", "22222222-bbbb-4bbb-8bbb-000000000002"
EMAIL = "ada@uni.example.org"
ADA = UserRecord("ada_lovelace", SUB, EMAIL, Status.APPROVED, clusters=("opensarlab",))
SIGN_UPS = ["PreSignUp_SignUp", "PreSignUp_AdminCreateUser", "PreSignUp_ExternalProvider"]
CONFIRM, FORGOT = "PostConfirmation_ConfirmSignUp", "PostConfirmation_ConfirmForgotPassword"
SIGN_IN = "PreAuthentication_Authentication"


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    with sign_up_world() as made:
        yield made


@pytest.fixture
def world(shared: World) -> World:
    shared.clear()
    return shared


def says(handler: Any, event: dict[str, Any]) -> str:
    """The sentence of a refusal, empty where there is none."""
    try:
        handler(event, None)
    except RegistrationRefused as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize(("folder", "source"), DOCUMENTED, ids=[source for _, source in DOCUMENTED])
def test_each_documented_event_comes_back_with_nothing_but_its_response_changed(world: World, folder: str, source: str) -> None:
    event = event_of(folder, source)
    if folder in ("pre_authentication", "pre_token_generation"):
        world.put(ADA)
    before = event_of(folder, source)
    answer = world.handler(folder)(event, None)
    assert {**answer, "response": None} == {**before, "response": None}
    assert answer.keys() == before.keys()
    assert answer["response"].keys() >= before["response"].keys() or folder == "pre_token_generation"


# ---- before sign-up


REFUSED = [
    ("short", {"username": "ab"}, "3 to 32 characters"),
    ("newline", {"username": "ada\n"}, "letters a to z"),
    ("homoglyph", {"username": "\u0430da"}, "letters a to z"),
    ("blocked", {"email": "ada@mail.example.com"}, DOMAIN_SENTENCE),
    ("no address", {"email": ""}, "full e-mail address"),
]
TAKEN = [
    ("reserved", {"username": "admin"}),
    ("reserved here", {"username": "OpenSARLab"}),
    ("taken", {"username": "bob"}),
    ("letter case", {"username": "BOB"}),
    ("tombstone", {"username": "carol"}),
    ("claim under another scheme", {"username": "a-2db"}),
    ("storage", {"username": "dave"}),
]


def neighbours(world: World) -> None:
    world.put(
        UserRecord("bob", OTHER_SUB, "bob@uni.example.org", Status.APPROVED),
        UserRecord("carol", "sub-carol", "carol@uni.example.org", Status.TOMBSTONE),
        UserRecord("a-b", "sub-ab", "ab@uni.example.org", Status.DISABLED),
    )
    world.tags.claims = {"claim-dave"}


@pytest.mark.parametrize("source", SIGN_UPS)
@pytest.mark.parametrize(("changes", "sentence"), [item[1:] for item in REFUSED], ids=[item[0] for item in REFUSED])
def test_what_its_text_forbids_is_refused_before_anything_is_asked(
    world: World, changes: dict[str, str], sentence: str, source: str
) -> None:
    assert sentence in says(world.handler("pre_sign_up"), event_of("pre_sign_up", source, **changes))
    assert world.calls == []


@pytest.mark.parametrize("source", SIGN_UPS)
@pytest.mark.parametrize("changes", [item[1] for item in TAKEN], ids=[item[0] for item in TAKEN])
def test_every_name_that_is_not_to_be_had_is_refused_with_one_sentence_and_without_a_trace(
    world: World, changes: dict[str, str], source: str
) -> None:
    neighbours(world)
    before = world.items()
    assert says(world.handler("pre_sign_up"), event_of("pre_sign_up", source, **changes)) == NOT_AVAILABLE
    assert (world.writes(), world.items()) == ([], before)


@pytest.mark.parametrize("source", SIGN_UPS)
def test_a_free_name_goes_on_and_nothing_is_stored(world: World, source: str) -> None:
    neighbours(world)
    assert says(world.handler("pre_sign_up"), event_of("pre_sign_up", source)) == ""
    assert world.calls == ["batch_get_item", "describe_tags"]


def test_the_person_of_a_tombstone_comes_back_where_an_admin_lets_it(world: World) -> None:
    grant = ReturnGrant("Ada Admin", datetime.now(UTC) + timedelta(days=1))
    world.put(replace(ADA, status=Status.TOMBSTONE, clusters=(), return_grant=grant))
    world.tags.claims = {"claim-ada-5flovelace"}
    handler = world.handler("pre_sign_up")
    assert says(handler, event_of("pre_sign_up", "PreSignUp_SignUp")) == ""
    assert says(handler, event_of("pre_sign_up", "PreSignUp_SignUp", email="eve@uni.example.org")) == NOT_AVAILABLE
    event = event_of("post_confirmation", CONFIRM, sub=OTHER_SUB)
    assert says(world.handler("post_confirmation"), event) == ""
    record = world.users().read("ada_lovelace")
    assert record == UserRecord("ada_lovelace", OTHER_SUB, EMAIL, Status.PENDING, former_subs=(SUB,))


@pytest.mark.parametrize("broken", ["batch_get_item", "describe_tags"])
def test_where_nobody_could_be_asked_the_name_is_not_given(world: World, broken: str, caplog: pytest.LogCaptureFixture) -> None:
    world.broken = {broken}
    assert says(world.handler("pre_sign_up"), event_of("pre_sign_up", "PreSignUp_SignUp")) == TRY_AGAIN
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert (record.__dict__["user"], record.__dict__["trigger"]) == ("ada_lovelace", "PreSignUp_SignUp")
    assert EMAIL not in caplog.text


# ---- after confirmation


def after_confirmation(world: World) -> tuple[Any, ...]:
    """What a confirmation leaves behind, mails by key."""
    mails = world.mails()
    return (
        world.items(),
        set(world.pool.disabled),
        set(world.machine.executions),
        {mail["mail_id"]: (mail["name"], mail["to"]) for mail in mails},
    )


def test_a_new_person_waits_for_an_admin(world: World) -> None:
    world.handler("post_confirmation")(event_of("post_confirmation", CONFIRM, username="Ada_Lovelace"), None)
    assert world.users().read("ada_lovelace") == replace(ADA, status=Status.PENDING, clusters=())
    assert {key for key in world.items() if "#" in key} == {f"claim#{claim}" for claim in claims_of("ada_lovelace").all}
    assert world.pool.disabled == {"ada_lovelace"}
    [(name, document)] = world.machine.executions.items()
    assert name == f"sign-up-{SUB}"
    assert f'"sub": "{SUB}"' in document and f'"email": "{EMAIL}"' in document
    [mail] = world.mails()
    assert (mail["mail_id"], mail["to"], mail["context"]) == (f"please_wait#{SUB}", EMAIL, {"username": "Ada_Lovelace"})


def test_whoever_is_welcome_goes_in_at_once(world: World) -> None:
    event = event_of("post_confirmation", CONFIRM, email="ada@x.welcome.example.org")
    for _ in range(2):
        world.handler("post_confirmation")(event, None)
    record = world.users().read("ada_lovelace")
    assert record == replace(ADA, email="ada@x.welcome.example.org")
    assert (world.pool.disabled, world.machine.executions) == (set(), {})
    mails = world.mails()
    assert {mail["mail_id"] for mail in mails} == {f"approved#{SUB}"}
    assert mails[0]["context"]["clusters"] == ["opensarlab"]
    assert mails[0]["context"]["sign_in_url"] == "https://lab.example.org"


@pytest.mark.parametrize("record", [None, ADA, replace(ADA, status=Status.DISABLED)], ids=["no record", "approved", "disabled"])
def test_fault_18_a_new_password_tells_the_admins_once_and_does_nothing_else(world: World, record: UserRecord | None) -> None:
    world.put(*[record] if record else [])
    for _ in range(3):
        world.handler("post_confirmation")(event_of("post_confirmation", FORGOT), None)
    mails = world.mails()
    assert {mail["name"] for mail in mails} == {"password_changed"}
    assert {mail["to"] for mail in mails} == {None}
    if record is not None:
        assert len({mail["mail_id"] for mail in mails}) == 1
    assert (world.users().read("ada_lovelace"), world.pool.disabled, world.machine.executions) == (record, set(), {})


def test_another_new_password_is_another_mail(world: World) -> None:
    world.put(ADA)
    handler = world.handler("post_confirmation")
    handler(event_of("post_confirmation", FORGOT), None)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert world.users().password_changed("ada_lovelace", SUB, yesterday, timedelta(days=-2)) == yesterday
    handler(event_of("post_confirmation", FORGOT), None)
    handler(event_of("post_confirmation", FORGOT), None)
    mails = [mail["mail_id"] for mail in world.mails()]
    assert len(mails) == 3
    assert mails[1] == mails[2]


SOURCES = [(CONFIRM, EMAIL), (CONFIRM, "ada@x.welcome.example.org"), (FORGOT, EMAIL)]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("source", "email"), SOURCES, ids=["waits", "welcome", "new password"])
def test_killed_at_any_call_and_called_again_it_leaves_what_one_call_leaves(
    world: World, source: str, email: str, after: bool
) -> None:
    handler, event = world.handler("post_confirmation"), event_of("post_confirmation", source, email=email)

    def prepare() -> None:
        world.clear()
        if source == FORGOT:
            world.put(ADA)

    def seen() -> tuple[Any, ...]:
        items, *rest = after_confirmation(world)
        # The moment of a new password is in the record and in the mail's key, and differs between runs, not within one.
        moments = {item.pop("password_changed_at", {}).get("S") for item in items.values()} - {None}
        mails = rest.pop()
        assert len(mails) == 1 and len(moments) <= 1
        return items, *rest, list(mails.values())

    prepare()
    handler(event, None)
    count, expected = len(world.calls), seen()
    assert count >= 2
    for number in range(1, count + 1):
        for second in (None, *range(number, count + 1)):
            prepare()
            for die_at in (number, second, None):
                world.calls.clear()
                world.die_at, world.after = die_at, after
                if die_at is None:
                    handler(event, None)
                    break
                try:
                    handler(event, None)
                except BaseException as error:
                    assert type(error).__name__ == "Died"
            assert seen() == expected, f"died at {number}, then at {second}"


@pytest.mark.parametrize(("first", "second"), [("ada_lovelace", "ADA_Lovelace"), ("a-b", "a-2db")], ids=["one name", "one claim"])
def test_of_two_who_are_confirmed_at_once_one_gets_the_name_and_the_other_a_mail(world: World, first: str, second: str) -> None:
    handler = world.handler("post_confirmation")
    faster = event_of("post_confirmation", CONFIRM, username=second, sub=OTHER_SUB, email="eve@uni.example.org")
    world.between = lambda: handler(faster, None)
    handler(event_of("post_confirmation", CONFIRM, username=first), None)
    records = list(world.users().records())
    assert [(record.username, record.sub) for record in records] == [(second.lower(), OTHER_SUB)]
    assert {item["holder"]["S"] for key, item in world.items().items() if "#" in key} == {second.lower()}
    mails = {mail["mail_id"]: mail for mail in world.mails()}
    assert set(mails) == {f"please_wait#{OTHER_SUB}", f"refused#{SUB}"}
    assert mails[f"refused#{SUB}"]["to"] == EMAIL
    assert OTHER_SUB not in str(mails[f"refused#{SUB}"])
    assert set(world.machine.executions) == {f"sign-up-{OTHER_SUB}"}
    assert first.lower() in world.pool.disabled


def test_a_late_repeat_after_the_admins_decision_changes_nothing(world: World) -> None:
    world.put(ADA)
    world.handler("post_confirmation")(event_of("post_confirmation", CONFIRM), None)
    assert (world.users().read("ada_lovelace"), world.pool.disabled, world.machine.executions) == (ADA, set(), {})


def test_a_queue_that_is_down_stands_in_nobodys_way_and_is_told_of(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.broken = {"send_message"}
    world.handler("post_confirmation")(event_of("post_confirmation", CONFIRM), None)
    assert set(world.machine.executions) == {f"sign-up-{SUB}"}
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.__dict__["mail_id"] == f"please_wait#{SUB}"


# ---- sign-in


@pytest.mark.parametrize("status", Status)
def test_only_the_approved_sign_in_and_the_others_hear_why(world: World, status: Status) -> None:
    world.put(replace(ADA, status=status))
    expected = "" if status is Status.APPROVED else SENTENCES[status]
    assert says(world.handler("pre_authentication"), event_of("pre_authentication", SIGN_IN)) == expected
    assert world.calls == ["get_item"]


def test_another_account_of_the_name_does_not_sign_in(world: World) -> None:
    world.put(ADA)
    event = event_of("pre_authentication", SIGN_IN, sub=OTHER_SUB)
    assert says(world.handler("pre_authentication"), event) == SENTENCES[None]


def test_a_name_that_nobody_has_is_answered_as_a_wrong_password(world: World) -> None:
    event = event_of("pre_authentication", SIGN_IN)
    event["request"]["userNotFound"] = True
    assert says(world.handler("pre_authentication"), event) == ""
    assert world.calls == []


INVITED = {"cognito:user_status": "FORCE_CHANGE_PASSWORD"}


def test_whom_an_admin_made_is_recorded_at_the_first_sign_in(world: World) -> None:
    for _ in range(2):
        event = event_of("pre_authentication", SIGN_IN, **INVITED)
        assert says(world.handler("pre_authentication"), event) == ""
    assert world.users().read("ada_lovelace") == ADA


@pytest.mark.parametrize("status", ["CONFIRMED", "RESET_REQUIRED", "UNCONFIRMED", "EXTERNAL_PROVIDER"])
def test_nobody_else_is_recorded_by_signing_in(world: World, status: str) -> None:
    event = event_of("pre_authentication", SIGN_IN, **{"cognito:user_status": status})
    assert says(world.handler("pre_authentication"), event) == SENTENCES[None]
    assert world.writes() == []


@pytest.mark.parametrize("changes", [item[1] for item in TAKEN], ids=[item[0] for item in TAKEN])
def test_an_admin_gives_no_name_twice_either(world: World, changes: dict[str, str]) -> None:
    neighbours(world)
    before = world.items()
    event = event_of("pre_authentication", SIGN_IN, **INVITED, **changes)
    assert says(world.handler("pre_authentication"), event) == SENTENCES[None]
    assert world.items() == before


def test_of_two_invited_at_once_one_gets_the_name(world: World) -> None:
    handler = world.handler("pre_authentication")
    faster = event_of("pre_authentication", SIGN_IN, **INVITED, sub=OTHER_SUB)
    world.between = lambda: handler(faster, None)
    assert says(handler, event_of("pre_authentication", SIGN_IN, **INVITED)) == SENTENCES[None]
    assert [record.sub for record in world.users().records()] == [OTHER_SUB]


def test_last_seen_is_written_once_an_hour(world: World) -> None:
    world.put(ADA)
    handler, event = world.handler("post_authentication"), event_of("post_authentication", "PostAuthentication_Authentication")
    handler(event, None)
    first = world.items()["ada_lovelace"]["last_seen_at"]["S"]
    assert datetime.now(UTC) - datetime.fromisoformat(first) < timedelta(minutes=1)
    handler(event, None)
    assert world.items()["ada_lovelace"]["last_seen_at"]["S"] == first
    world.users().see("ada_lovelace", SUB, datetime.now(UTC) - timedelta(hours=2), timedelta(days=-1))
    handler(event, None)
    assert world.items()["ada_lovelace"]["last_seen_at"]["S"] >= first


def test_a_table_that_is_down_keeps_nobody_who_has_signed_in_out(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.broken = {"update_item"}
    event = event_of("post_authentication", "PostAuthentication_Authentication")
    assert world.handler("post_authentication")(event, None) == event
    assert [record.levelname for record in caplog.records if record.name == "hubplane"] == ["ERROR"]


# ---- tokens


def groups(answer: dict[str, Any]) -> list[str]:
    [details] = answer["response"].values()
    found: list[str] = details["groupOverrideDetails"]["groupsToOverride"]
    return found


@pytest.mark.parametrize("source", [source for folder, source in DOCUMENTED if folder == "pre_token_generation"])
def test_a_token_names_the_clusters_of_its_own_account_only(world: World, source: str) -> None:
    world.put(ADA)
    handler = world.handler("pre_token_generation")
    assert groups(handler(event_of("pre_token_generation", source), None)) == ["admins", "cluster:opensarlab"]
    assert groups(handler(event_of("pre_token_generation", source, sub=OTHER_SUB), None)) == []
    assert groups(handler(event_of("pre_token_generation", source, username="nobody"), None)) == []


def test_a_response_has_the_shape_of_its_events_version(world: World) -> None:
    handler = world.handler("pre_token_generation")
    answers = {
        version: handler({**event_of("pre_token_generation", "TokenGeneration_HostedAuth"), "version": version}, None)
        for version in "123"
    }
    assert {version: list(answer["response"]) for version, answer in answers.items()} == {
        "1": ["claimsOverrideDetails"],
        "2": ["claimsAndScopeOverrideDetails"],
        "3": ["claimsAndScopeOverrideDetails"],
    }


def test_without_the_table_there_is_no_token(world: World) -> None:
    world.broken = {"get_item"}
    event = event_of("pre_token_generation", "TokenGeneration_HostedAuth")
    assert says(world.handler("pre_token_generation"), event) == TRY_AGAIN


# ---- Cognito's own mails


@pytest.mark.parametrize("source", [source for folder, source in DOCUMENTED if folder == "custom_message"])
def test_cognitos_mails_carry_the_institution_and_their_placeholders(world: World, source: str) -> None:
    event = event_of("custom_message", source)
    response = world.handler("custom_message")(event, None)["response"]
    if source == "CustomMessage_Authentication":
        assert response["emailMessage"] is None
        return
    assert "{####}" in response["emailMessage"]
    assert "Example Institute" in response["emailMessage"]
    assert response["emailSubject"]
    assert response["smsMessage"] is None
    if source == "CustomMessage_AdminCreateUser":
        assert "{username}" in response["emailMessage"]
    assert world.calls == []
