"""What was done to an account in the console, as CloudTrail tells, and what follows for its record.

An event is a hint to look, minutes late and perhaps out of order: what follows is decided by it *and* by what the pool says now.
Both have to agree, so a late event undoes nothing that was done since, and our own calls, which CloudTrail tells of as well,
change nothing twice.

Cognito hides names in CloudTrail (``HIDDEN_DUE_TO_SECURITY_REASONS``) and tells the account's sub in ``additionalEventData``
(Cognito developer guide, "Logging Amazon Cognito API calls with CloudTrail").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from hubplane.domain.mail.fields import one_line
from hubplane.domain.names import username_key
from hubplane.domain.registration.records import Change, Status, UserRecord, change_status, tombstone


class Deed(StrEnum):
    """What was done to an account."""

    ENABLE = "enabled"
    DISABLE = "disabled"
    DELETE = "deleted"


DEEDS: Final[Mapping[str, Deed]] = {
    "AdminEnableUser": Deed.ENABLE,
    "AdminDisableUser": Deed.DISABLE,
    "AdminDeleteUser": Deed.DELETE,
    "DeleteUser": Deed.DELETE,
}
HIDDEN: Final = "HIDDEN_DUE_TO_SECURITY_REASONS"


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """``sub`` or ``username`` is known, seldom both; absent text is empty. ``by`` is who did it, for the ledger."""

    deed: Deed
    sub: str
    username: str
    by: str


def account_event_of(event: Mapping[str, Any], user_pool_id: str) -> AccountEvent | None:
    """The deed in an ``AWS API Call via CloudTrail`` event; None where it was refused, is of another pool, or names nobody.

    No event makes it raise.
    """
    detail = _mapping(event.get("detail"))
    asked, more = _mapping(detail.get("requestParameters")), _mapping(detail.get("additionalEventData"))
    deed = DEEDS.get(str(detail.get("eventName")))
    if deed is None or detail.get("errorCode"):
        return None
    # DeleteUser, a person's own deed, is asked with a token and names no pool; the sub is unique all the same.
    if asked.get("userPoolId", user_pool_id) != user_pool_id or more.get("userPoolId", user_pool_id) != user_pool_id:
        return None
    sub, username = _text(more.get("sub")), _text(asked.get("username"))
    username = "" if username == HIDDEN else username_key(username)
    if not sub and not username:
        return None
    identity = _mapping(detail.get("userIdentity"))
    by = next((text for text in map(_text, (identity.get("arn"), identity.get("userName"), identity.get("type"))) if text), "")
    return AccountEvent(deed, sub, username, one_line(f"{by or 'somebody'} in the user pool", 300))


def change_after(event: AccountEvent, record: UserRecord, *, enabled: bool | None, clusters: tuple[str, ...]) -> Change | None:
    """What follows for ``record``; None where event and pool do not agree, or nothing follows.

    ``enabled`` is the pool's word on the record's account now, None where the account is gone. ``clusters`` are those of whoever
    is approved by this for the first time.
    """
    reason = f"the account was {event.deed}"
    if event.deed is Deed.DELETE:
        return tombstone(record, by=event.by, reason=reason) if enabled is None else None
    if event.deed is Deed.DISABLE:
        goes = enabled is False and record.status is Status.APPROVED
        return change_status(record, Status.DISABLED, by=event.by, reason=reason) if goes else None
    if enabled is not True or record.status is Status.TOMBSTONE:
        return None
    # Whoever was approved before keeps what they were given then, none too: our own enabling is told of as well.
    wanted = clusters if record.status in (Status.PENDING, Status.REFUSED) else None
    return change_status(record, Status.APPROVED, by=event.by, reason=reason, clusters=wanted)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
