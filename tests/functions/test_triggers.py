"""The Cognito triggers: what each answers to whom, and what it leaves behind."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubplane.domain.names import claims_of
from hubplane.domain.registration.emails import DOMAIN_SENTENCE
from hubplane.domain.registration.records import ReturnGrant, Status, UserRecord
from hubplane.domain.registration.sign_up import NOT_AVAILABLE
from hubplane.trigger import TRY_AGAIN
from tests.functions.sign_up_people import ADA, CONFIRM, EMAIL, FORGOT, OTHER_SUB, SIGN_UPS, SUB, TAKEN, neighbours, says
from tests.functions.sign_up_world import DOCUMENTED, World, event_of, sign_up_world


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    with sign_up_world() as made:
        yield made


@pytest.fixture
def world(shared: World) -> World:
    shared.clear()
    return shared


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
