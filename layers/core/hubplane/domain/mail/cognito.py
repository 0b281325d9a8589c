"""The mails that Cognito sends itself, as the ``custom_message`` trigger answers them.

Cognito fills its placeholders after the trigger has answered (AWS Cognito developer guide, "Custom message Lambda trigger"). They
come from the event, never from here: ``{####}`` and ``{username}`` are only what they usually are. For an account that an admin
makes, the message must carry both.

A person waits for it, and the template engine takes longer to import than all else. So the three mails lie rendered in
``cognito_mails.py``, with marks where values go; ``python -m local.cognito_mails`` writes it, a test holds it equal to the
templates. Here the marks are filled, escaped as the templates escape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hubplane.domain.mail.cognito_mails import COOKED
from hubplane.domain.mail.fields import FieldInvalid, Kind, MailInvalid, clean, is_placeholder, one_line

TEMPLATE_OF_SOURCE: Final[Mapping[str, str]] = {
    "CustomMessage_SignUp": "verification_code",
    "CustomMessage_ResendCode": "verification_code",
    "CustomMessage_UpdateUserAttribute": "verification_code",
    "CustomMessage_VerifyUserAttribute": "verification_code",
    "CustomMessage_ForgotPassword": "password_code",
    "CustomMessage_AdminCreateUser": "invitation",
}
"""A source that is missing here (``CustomMessage_Authentication``, the second factor, and later ones) keeps Cognito's words."""

MAX_MESSAGE_LENGTH: Final = 20_000
"""Cognito's longest ``emailMessage`` (API reference, MessageTemplateType)."""

MAX_SUBJECT_LENGTH: Final = 140
"""Cognito's longest ``emailSubject`` (API reference, VerificationMessageTemplateType)."""

MARKS: Final[Mapping[str, str]] = {
    "institution": "@@institution@@",
    "contact": "@@contact@@",
    "code": "{mark_of_code}",
    "username": "{mark_of_username}",
    "sign_in_url": "https://mark-of-sign-in-url.invalid/",
    "valid_days": "7770777",
}
"""Text of each field's own kind that no template has."""

_KINDS: Final = {"sign_in_url": Kind.URL, "valid_days": Kind.COUNT, "code": Kind.PLACEHOLDER, "username": Kind.PLACEHOLDER}
_MARK: Final = re.compile("|".join(map(re.escape, MARKS.values())))
_FIELD_OF_MARK: Final = {mark: field for field, mark in MARKS.items()}
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&#34;"})  # as markupsafe writes them


@dataclass(frozen=True, slots=True)
class CognitoMail:
    """Subject and HTML, in which Cognito fills its placeholders."""

    subject: str
    html: str


def custom_message(
    trigger_source: str,
    *,
    code: str | None,
    username: str | None,
    letterhead: Mapping[str, str],
    sign_in_url: str,
    valid_days: int,
) -> CognitoMail | None:
    """What Cognito shall send for an event, None where its own words stay. ``code`` and ``username`` are the event's parameters.

    None as well where the event lacks a placeholder that the mail needs: Cognito refuses a message without its code, and its own
    words are better than no mail. Raises ``MailInvalid`` for a wrong ``sign_in_url`` or ``valid_days``, which are settings.
    """
    name = TEMPLATE_OF_SOURCE.get(trigger_source)
    if name is None or not _usable(code) or (name == "invitation" and not _usable(username)):
        return None
    fields: dict[str, object] = {**letterhead, "code": code}
    if name == "invitation":
        fields |= {"username": username, "sign_in_url": sign_in_url, "valid_days": valid_days}
    values = {field: _value(name, field, value) for field, value in fields.items()}
    mail = COOKED[name]
    subject = one_line(_MARK.sub(lambda found: values[_FIELD_OF_MARK[found[0]]], mail["subject"]), MAX_SUBJECT_LENGTH)
    html = _MARK.sub(lambda found: values[_FIELD_OF_MARK[found[0]]].translate(_ESCAPES), mail["html"])
    return CognitoMail(subject, html) if len(html) <= MAX_MESSAGE_LENGTH else None


def _value(name: str, field: str, value: object) -> str:
    try:
        return str(clean(value, _KINDS.get(field, Kind.TEXT)))
    except FieldInvalid as error:
        raise MailInvalid(f"mail {name}: {field} {error}") from error


def _usable(placeholder: str | None) -> bool:
    return placeholder is not None and is_placeholder(placeholder)
