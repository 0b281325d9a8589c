"""Attachments as CloudTrail tells of them through EventBridge (CloudTrail User Guide, "record contents")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from hubplane.domain.storage.records import UseEvent

__all__ = ["use_event_of"]

KINDS: Mapping[str, Literal["attach", "detach"]] = {"AttachVolume": "attach", "DetachVolume": "detach"}


def use_event_of(event: Mapping[str, Any]) -> UseEvent | None:
    """The use that an ``AWS API Call via CloudTrail`` event tells of; None for other calls, refused ones and unreadable records.

    ``eventTime`` is when the call was made, in UTC with whole seconds; the event's own ``time`` can be minutes later.
    """
    detail = event.get("detail")
    if not isinstance(detail, Mapping) or detail.get("errorCode") or detail.get("eventName") not in KINDS:
        return None
    parameters = detail.get("requestParameters")
    volume_id = parameters.get("volumeId") if isinstance(parameters, Mapping) else None
    at = _moment(detail.get("eventTime")) or _moment(event.get("time"))
    if not isinstance(volume_id, str) or not volume_id.startswith("vol-") or at is None:
        return None
    return UseEvent(volume_id, KINDS[detail["eventName"]], at)


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None
