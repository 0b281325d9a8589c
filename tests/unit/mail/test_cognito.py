"""The mails that Cognito sends itself: ours where they fit, Cognito's own words everywhere else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubplane.domain.mail.catalogue import fields_of
from hubplane.domain.mail.cognito import MARKS, TEMPLATE_OF_SOURCE, CognitoMail, custom_message
from hubplane.domain.mail.cooking import cooked
from hubplane.domain.mail.rendering import MailInvalid, render
from local.cognito_mails import WRITTEN

LETTERHEAD = {"institution": "Institute", "contact": "help@example.org"}
REST: dict[str, Any] = {"letterhead": LETTERHEAD, "sign_in_url": "https://hub.example.org/", "valid_days": 7}

# AWS Cognito developer guide, "Custom message Lambda trigger sources".
SOURCES = {
    "CustomMessage_SignUp": "your confirmation code",
    "CustomMessage_ResendCode": "your confirmation code",
    "CustomMessage_UpdateUserAttribute": "your confirmation code",
    "CustomMessage_VerifyUserAttribute": "your confirmation code",
    "CustomMessage_ForgotPassword": "your code for a new password",
    "CustomMessage_AdminCreateUser": "your new account",
    "CustomMessage_Authentication": None,
    "CustomMessage_SomethingNew": None,
    "": None,
}


def answered(source: str, code: str | None = "{####}", username: str | None = "{username}") -> CognitoMail | None:
    return custom_message(source, code=code, username=username, **REST)


@pytest.mark.parametrize(("source", "subject"), SOURCES.items(), ids=str)
def test_each_source_gets_its_mail_or_keeps_cognito_s_words(source: str, subject: str | None) -> None:
    mail = answered(source)
    assert (mail and mail.subject) == (subject and f"Institute: {subject}")


@pytest.mark.parametrize("source", TEMPLATE_OF_SOURCE)
def test_the_code_s_placeholder_is_in_the_message_exactly_as_the_event_has_it(source: str) -> None:
    mail = answered(source, code="{##Verify##}")
    assert mail is not None
    assert "{##Verify##}" in mail.html
    assert "{####}" not in mail.html


def test_an_invitation_carries_name_and_password() -> None:
    mail = answered("CustomMessage_AdminCreateUser")
    assert mail is not None
    assert "{username}" in mail.html
    assert "{####}" in mail.html


LACKING = {
    "no code": ("CustomMessage_SignUp", None, None),
    "a code that is no placeholder": ("CustomMessage_SignUp", "<b>1</b>", None),
    "invitation without a name": ("CustomMessage_AdminCreateUser", "{####}", None),
}


@pytest.mark.parametrize(("source", "code", "username"), LACKING.values(), ids=LACKING)
def test_without_its_placeholder_no_message_of_ours_replaces_cognito_s(
    source: str, code: str | None, username: str | None
) -> None:
    assert answered(source, code, username) is None


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(MailInvalid, match="sign_in_url"):
        custom_message("CustomMessage_AdminCreateUser", code="{####}", username="{username}", **{**REST, "sign_in_url": "hub"})


def test_the_mails_that_are_filled_are_those_of_the_templates() -> None:
    assert WRITTEN.read_text() == cooked(), "a template was changed: run .venv/bin/python -m local.cognito_mails"


@pytest.mark.parametrize("source", ["CustomMessage_SignUp", "CustomMessage_ForgotPassword", "CustomMessage_AdminCreateUser"])
@settings(max_examples=100, deadline=None)
@given(institution=st.text(max_size=64) | st.sampled_from([*MARKS.values(), "<b>'\"&"]), valid_days=st.integers(0, 99))
def test_what_is_filled_here_reads_as_what_the_template_engine_fills(source: str, institution: str, valid_days: int) -> None:
    letterhead = {**LETTERHEAD, "institution": institution}
    values = {
        "code": "{####}",
        "username": "{username}",
        "sign_in_url": "https://hub.example.org/?a=1&b=2",
        "valid_days": valid_days,
    }
    name = TEMPLATE_OF_SOURCE[source]
    expected = render(name, {**letterhead, **{field: value for field, value in values.items() if field in fields_of(name)}})
    mail = custom_message(source, letterhead=letterhead, **values)  # type: ignore[arg-type]
    assert mail == CognitoMail(expected.subject, expected.html)


@settings(max_examples=200, deadline=None)
@given(
    source=st.one_of(st.sampled_from(sorted(SOURCES)), st.text()),
    code=st.one_of(st.none(), st.text(max_size=30)),
    username=st.one_of(st.none(), st.text(max_size=30)),
    institution=st.text(max_size=100),
)
def test_no_event_is_an_error(source: str, code: str | None, username: str | None, institution: str) -> None:
    rest = {**REST, "letterhead": {**LETTERHEAD, "institution": institution}}
    mail = custom_message(source, code=code, username=username, **rest)
    assert mail is None or (code is not None and code in mail.html and source in TEMPLATE_OF_SOURCE)
