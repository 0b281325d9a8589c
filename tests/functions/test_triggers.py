"""The Cognito triggers: what each answers to whom, and what it leaves behind."""

from __future__ import annotations

import logging
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
from tests.functions.sign_up_world import DOCUMENTED, World, event_of


@pytest.mark.parametrize(("folder", "source"), DOCUMENTED, ids=[source for _, source in DOCUMENTED])
def test_each_documented_event_comes_back_with_nothing_but_its_response_changed(
    sign_ups: World, folder: str, source: str
) -> None:
    event = event_of(folder, source)
    if folder in ("pre_authentication", "pre_token_generation"):
        sign_ups.put(ADA)
    before = event_of(folder, source)
    answer = sign_ups.handler(folder)(event, None)
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
    sign_ups: World, changes: dict[str, str], sentence: str, source: str
) -> None:
    assert sentence in says(sign_ups.handler("pre_sign_up"), event_of("pre_sign_up", source, **changes))
    assert sign_ups.calls == []


@pytest.mark.parametrize("source", SIGN_UPS)
@pytest.mark.parametrize("changes", [item[1] for item in TAKEN], ids=[item[0] for item in TAKEN])
def test_every_name_that_is_not_to_be_had_is_refused_with_one_sentence_and_without_a_trace(
    sign_ups: World, changes: dict[str, str], source: str
) -> None:
    neighbours(sign_ups)
    before = sign_ups.items()
    assert says(sign_ups.handler("pre_sign_up"), event_of("pre_sign_up", source, **changes)) == NOT_AVAILABLE
    assert (sign_ups.writes(), sign_ups.items()) == ([], before)


@pytest.mark.parametrize("source", SIGN_UPS)
def test_a_free_name_goes_on_and_nothing_is_stored(sign_ups: World, source: str) -> None:
    neighbours(sign_ups)
    assert says(sign_ups.handler("pre_sign_up"), event_of("pre_sign_up", source)) == ""
    assert sign_ups.calls == ["batch_get_item", "describe_tags"]


def test_the_person_of_a_tombstone_comes_back_where_an_admin_lets_it(sign_ups: World) -> None:
    grant = ReturnGrant("Ada Admin", datetime.now(UTC) + timedelta(days=1))
    sign_ups.put(replace(ADA, status=Status.TOMBSTONE, clusters=(), return_grant=grant))
    sign_ups.tags.claims = {"claim-ada-5flovelace"}
    handler = sign_ups.handler("pre_sign_up")
    assert says(handler, event_of("pre_sign_up", "PreSignUp_SignUp")) == ""
    assert says(handler, event_of("pre_sign_up", "PreSignUp_SignUp", email="eve@uni.example.org")) == NOT_AVAILABLE
    event = event_of("post_confirmation", CONFIRM, sub=OTHER_SUB)
    assert says(sign_ups.handler("post_confirmation"), event) == ""
    record = sign_ups.users().read("ada_lovelace")
    assert record == UserRecord("ada_lovelace", OTHER_SUB, EMAIL, Status.PENDING, former_subs=(SUB,))


@pytest.mark.parametrize("broken", ["batch_get_item", "describe_tags"])
def test_where_nobody_could_be_asked_the_name_is_not_given(
    sign_ups: World, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    sign_ups.broken = {broken}
    assert says(sign_ups.handler("pre_sign_up"), event_of("pre_sign_up", "PreSignUp_SignUp")) == TRY_AGAIN
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert (record.__dict__["user"], record.__dict__["trigger"]) == ("ada_lovelace", "PreSignUp_SignUp")
    assert EMAIL not in caplog.text


# ---- after confirmation


def after_confirmation(sign_ups: World) -> tuple[Any, ...]:
    """What a confirmation leaves behind, mails by key."""
    mails = sign_ups.mails()
    return (
        sign_ups.items(),
        set(sign_ups.pool.disabled),
        set(sign_ups.machine.executions),
        {mail["mail_id"]: (mail["name"], mail["to"]) for mail in mails},
    )


def test_a_new_person_waits_for_an_admin(sign_ups: World) -> None:
    sign_ups.handler("post_confirmation")(event_of("post_confirmation", CONFIRM, username="Ada_Lovelace"), None)
    assert sign_ups.users().read("ada_lovelace") == replace(ADA, status=Status.PENDING, clusters=())
    assert {key for key in sign_ups.items() if "#" in key} == {f"claim#{claim}" for claim in claims_of("ada_lovelace").all}
    assert sign_ups.pool.disabled == {"ada_lovelace"}
    [(name, document)] = sign_ups.machine.executions.items()
    assert name == f"sign-up-{SUB}"
    assert f'"sub": "{SUB}"' in document and f'"email": "{EMAIL}"' in document
    [mail] = sign_ups.mails()
    assert (mail["mail_id"], mail["to"], mail["context"]) == (f"please_wait#{SUB}", EMAIL, {"username": "Ada_Lovelace"})


def test_whoever_is_welcome_goes_in_at_once(sign_ups: World) -> None:
    event = event_of("post_confirmation", CONFIRM, email="ada@x.welcome.example.org")
    for _ in range(2):
        sign_ups.handler("post_confirmation")(event, None)
    record = sign_ups.users().read("ada_lovelace")
    assert record == replace(ADA, email="ada@x.welcome.example.org")
    assert (sign_ups.pool.disabled, sign_ups.machine.executions) == (set(), {})
    mails = sign_ups.mails()
    assert {mail["mail_id"] for mail in mails} == {f"approved#{SUB}"}
    assert mails[0]["context"]["clusters"] == ["opensarlab"]
    assert mails[0]["context"]["sign_in_url"] == "https://lab.example.org"


@pytest.mark.parametrize("record", [None, ADA, replace(ADA, status=Status.DISABLED)], ids=["no record", "approved", "disabled"])
def test_fault_18_a_new_password_tells_the_admins_once_and_does_nothing_else(sign_ups: World, record: UserRecord | None) -> None:
    sign_ups.put(*[record] if record else [])
    for _ in range(3):
        sign_ups.handler("post_confirmation")(event_of("post_confirmation", FORGOT), None)
    mails = sign_ups.mails()
    assert {mail["name"] for mail in mails} == {"password_changed"}
    assert {mail["to"] for mail in mails} == {None}
    if record is not None:
        assert len({mail["mail_id"] for mail in mails}) == 1
    assert (sign_ups.users().read("ada_lovelace"), sign_ups.pool.disabled, sign_ups.machine.executions) == (record, set(), {})


def test_another_new_password_is_another_mail(sign_ups: World) -> None:
    sign_ups.put(ADA)
    handler = sign_ups.handler("post_confirmation")
    handler(event_of("post_confirmation", FORGOT), None)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert sign_ups.users().password_changed("ada_lovelace", SUB, yesterday, timedelta(days=-2)) == yesterday
    handler(event_of("post_confirmation", FORGOT), None)
    handler(event_of("post_confirmation", FORGOT), None)
    mails = [mail["mail_id"] for mail in sign_ups.mails()]
    assert len(mails) == 3
    assert mails[1] == mails[2]


SOURCES = [(CONFIRM, EMAIL), (CONFIRM, "ada@x.welcome.example.org"), (FORGOT, EMAIL)]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("source", "email"), SOURCES, ids=["waits", "welcome", "new password"])
def test_killed_at_any_call_and_called_again_it_leaves_what_one_call_leaves(
    sign_ups: World, source: str, email: str, after: bool
) -> None:
    handler, event = sign_ups.handler("post_confirmation"), event_of("post_confirmation", source, email=email)

    def prepare() -> None:
        sign_ups.clear()
        if source == FORGOT:
            sign_ups.put(ADA)

    def seen() -> tuple[Any, ...]:
        items, *rest = after_confirmation(sign_ups)
        # The moment of a new password is in the record and in the mail's key, and differs between runs, not within one.
        moments = {item.pop("password_changed_at", {}).get("S") for item in items.values()} - {None}
        mails = rest.pop()
        assert len(mails) == 1 and len(moments) <= 1
        return items, *rest, list(mails.values())

    prepare()
    handler(event, None)
    count, expected = len(sign_ups.calls), seen()
    assert count >= 2
    for number in range(1, count + 1):
        for second in (None, *range(number, count + 1)):
            prepare()
            for die_at in (number, second, None):
                sign_ups.calls.clear()
                sign_ups.die_at, sign_ups.after = die_at, after
                if die_at is None:
                    handler(event, None)
                    break
                try:
                    handler(event, None)
                except BaseException as error:
                    assert type(error).__name__ == "Died"
            assert seen() == expected, f"died at {number}, then at {second}"


@pytest.mark.parametrize(("first", "second"), [("ada_lovelace", "ADA_Lovelace"), ("a-b", "a-2db")], ids=["one name", "one claim"])
def test_of_two_who_are_confirmed_at_once_one_gets_the_name_and_the_other_a_mail(
    sign_ups: World, first: str, second: str
) -> None:
    handler = sign_ups.handler("post_confirmation")
    faster = event_of("post_confirmation", CONFIRM, username=second, sub=OTHER_SUB, email="eve@uni.example.org")
    sign_ups.between = lambda: handler(faster, None)
    handler(event_of("post_confirmation", CONFIRM, username=first), None)
    records = list(sign_ups.users().records())
    assert [(record.username, record.sub) for record in records] == [(second.lower(), OTHER_SUB)]
    assert {item["holder"]["S"] for key, item in sign_ups.items().items() if "#" in key} == {second.lower()}
    mails = {mail["mail_id"]: mail for mail in sign_ups.mails()}
    assert set(mails) == {f"please_wait#{OTHER_SUB}", f"refused#{SUB}"}
    assert mails[f"refused#{SUB}"]["to"] == EMAIL
    assert OTHER_SUB not in str(mails[f"refused#{SUB}"])
    assert set(sign_ups.machine.executions) == {f"sign-up-{OTHER_SUB}"}
    assert first.lower() in sign_ups.pool.disabled


def test_a_late_repeat_after_the_admins_decision_changes_nothing(sign_ups: World) -> None:
    sign_ups.put(ADA)
    sign_ups.handler("post_confirmation")(event_of("post_confirmation", CONFIRM), None)
    assert (sign_ups.users().read("ada_lovelace"), sign_ups.pool.disabled, sign_ups.machine.executions) == (ADA, set(), {})


def test_a_queue_that_is_down_stands_in_nobodys_way_and_is_told_of(sign_ups: World, caplog: pytest.LogCaptureFixture) -> None:
    sign_ups.broken = {"send_message"}
    sign_ups.handler("post_confirmation")(event_of("post_confirmation", CONFIRM), None)
    assert set(sign_ups.machine.executions) == {f"sign-up-{SUB}"}
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.__dict__["mail_id"] == f"please_wait#{SUB}"
