"""What a Cognito trigger event says, whatever it holds.

Shapes: AWS Cognito developer guide, "Customizing user pool workflows with Lambda triggers" (parameters common to all) and the
page of each trigger. An attribute may be absent (an account without e-mail), null, or a later addition; a field of another type
counts as absent, so an odd event is refused or left alone by the decisions instead of failing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class SignUpRequest:
    """What ``PreSignUp_*`` and ``PostConfirmation_*`` events tell of a person; absent text is empty. ``asked_at`` is aware."""

    username: str
    email: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class TriggerEvent:
    """The fields that the triggers decide on; absent text is empty.

    ``code_parameter`` and ``username_parameter`` are the placeholders of ``CustomMessage_*``, ``groups`` the pool's groups of
    ``TokenGeneration_*``. Only "true", as text or as JSON, makes an address verified. ``user_status`` is Cognito's word on the
    account, such as ``CONFIRMED``.
    """

    trigger_source: str
    username: str
    sub: str
    email: str
    email_verified: bool
    user_status: str = ""
    user_not_found: bool = False
    code_parameter: str | None = None
    username_parameter: str | None = None
    groups: tuple[str, ...] = ()

    def request(self, now: datetime) -> SignUpRequest:
        """The sign-up that this event is about, asked at ``now``."""
        return SignUpRequest(username=self.username, email=self.email, asked_at=now)


def read_event(event: Mapping[str, Any]) -> TriggerEvent:
    """The fields of ``event``. Never raises: what is absent or of another type is empty."""
    request = _mapping(event.get("request"))
    attributes = _mapping(request.get("userAttributes"))
    verified = attributes.get("email_verified")
    groups = _mapping(request.get("groupConfiguration")).get("groupsToOverride")
    return TriggerEvent(
        trigger_source=_text(event.get("triggerSource")) or "",
        username=_text(event.get("userName")) or "",
        sub=_text(attributes.get("sub")) or "",
        email=_text(attributes.get("email")) or "",
        email_verified=verified == "true" or verified is True,
        user_status=_text(attributes.get("cognito:user_status")) or "",
        user_not_found=request.get("userNotFound") is True,
        code_parameter=_text(request.get("codeParameter")),
        username_parameter=_text(request.get("usernameParameter")),
        groups=tuple(group for group in groups if isinstance(group, str)) if isinstance(groups, list) else (),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
