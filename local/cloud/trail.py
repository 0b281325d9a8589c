"""What CloudTrail tells EventBridge of a call: the record around it, and who called."""

from __future__ import annotations

import contextvars
import datetime as dt
import json
import uuid
from typing import Any

from local.cloud.events import emit
from local.cloud.gateway import Gateway, Request, Response

# Who signed the call being answered, and with what.
_CALLER: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("trail_caller", default=("", ""))


def watch_callers(gateway: Gateway) -> None:
    """Remember who signed each call, for ``record``; may be asked for more than once."""

    async def remember(request: Request) -> Response | None:
        _CALLER.set((request.access_key_id, request.headers.get("user-agent", "")))
        return None

    gateway.intercept(remember)


def record(
    service: str, action: str, given: dict[str, Any] | None, answer: tuple[int, Any, bytes], more: dict[str, Any] | None = None
) -> None:
    """Put one call's event on the default bus, refused calls with their error.

    Shape: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    from ministack.core.responses import get_account_id, get_region  # noqa: PLC0415  after the environment is prepared

    status, _, content = answer
    refusal = json.loads(content or b"{}") if status >= 400 else {}
    key, agent = _CALLER.get()
    detail = {
        "eventVersion": "1.08",
        "userIdentity": identity_of(key),
        "eventTime": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": action,
        "awsRegion": get_region(),
        "sourceIPAddress": "127.0.0.1",
        "userAgent": agent,
        **({"errorCode": refusal.get("__type", ""), "errorMessage": refusal.get("message", "")} if refusal else {}),
        "requestParameters": given,
        "responseElements": None,
        **({"additionalEventData": more} if more else {}),
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": get_account_id(),
        "eventCategory": "Management",
    }
    emit(f"aws.{service}", "AWS API Call via CloudTrail", detail)


def identity_of(access_key_id: str) -> dict[str, Any]:
    """``userIdentity`` of whoever signed with a key; of an unsigned call only its kind is known."""
    from ministack.core.iam_evaluator import resolve_caller_identity  # noqa: PLC0415  after the environment is prepared

    identity = resolve_caller_identity(access_key_id) if access_key_id else None
    if not identity:
        return {"type": "Unknown", "principalId": "Anonymous"}
    arn = str(identity["userArn"])
    kinds = {":assumed-role/": "AssumedRole", ":user/": "IAMUser", ":root": "Root"}
    kind = next((kind for mark, kind in kinds.items() if mark in arn), "Unknown")
    name = {"userName": arn.rsplit("/", 1)[-1]} if kind == "IAMUser" else {}
    return {"type": kind, "arn": arn, "accountId": arn.split(":")[4], "accessKeyId": access_key_id, **name}
