"""The mails that Cognito sends itself, as the ``custom_message`` trigger answers them.

Cognito fills its placeholders after the trigger has answered (AWS Cognito developer guide, "Custom message Lambda trigger"). They
come from the event, never from here: ``{####}`` and ``{username}`` are only what they usually are. For an account that an admin
makes, the message must carry both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hubplane.domain.mail.fields import is_placeholder
from hubplane.domain.mail.rendering import Rendered, render

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


def custom_message(
    trigger_source: str,
    *,
    code: str | None,
    username: str | None,
    letterhead: Mapping[str, str],
    sign_in_url: str,
    valid_days: int,
) -> Rendered | None:
    """What Cognito shall send for an event, None where its own words stay. ``code`` and ``username`` are the event's parameters.

    None as well where the event lacks a placeholder that the mail needs: Cognito refuses a message without its code, and its own
    words are better than no mail. Raises ``MailInvalid`` for a wrong ``sign_in_url`` or ``valid_days``, which are settings.
    """
    name = TEMPLATE_OF_SOURCE.get(trigger_source)
    if name is None or not _usable(code) or (name == "invitation" and not _usable(username)):
        return None
    context: dict[str, Any] = {**letterhead, "code": code}
    if name == "invitation":
        context |= {"username": username, "sign_in_url": sign_in_url, "valid_days": valid_days}
    mail = render(name, context)
    return mail if len(mail.html) <= MAX_MESSAGE_LENGTH else None


def _usable(placeholder: str | None) -> bool:
    return placeholder is not None and is_placeholder(placeholder)
