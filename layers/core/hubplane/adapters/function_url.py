"""One HTTP request as a function URL hands it over, and the answer as it takes it.

Shapes: AWS Lambda developer guide, "Invoking Lambda function URLs" (payload format 2.0, that of HTTP APIs): header names in lower
case, the query as text, a body in base64 where ``isBase64Encoded``; form bodies come in base64.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

MAX_BODY_BYTES: Final = 16 * 1024
"""Some times what the largest honest form is: a reason of 1,000 characters of 4 bytes, percent-encoded, and a token."""

MAX_QUERY_LENGTH: Final = 4096
MAX_FIELDS: Final = 200
FORM: Final = "application/x-www-form-urlencoded"


class RequestRefused(Exception):
    """The request is not one that is read any further; ``status`` is the HTTP status that says why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """``query`` and ``form`` hold each field's values in order. The token among them stays out of ``repr``."""

    method: str
    query: Mapping[str, list[str]] = field(default_factory=dict, repr=False)
    form: Mapping[str, list[str]] = field(default_factory=dict, repr=False)


def read_request(event: Mapping[str, Any]) -> Request:
    """The request of an event. Raises ``RequestRefused`` where it is too large or its body is no form; no event makes it fail."""
    method = str(_mapping(_mapping(event.get("requestContext")).get("http")).get("method", "")).upper()
    query = event.get("rawQueryString")
    fields = _fields(query[:MAX_QUERY_LENGTH] if isinstance(query, str) else "")
    return Request(method, fields, _form(event) if method == "POST" else {})


def answer(status: int, headers: Mapping[str, str], body: str) -> dict[str, Any]:
    """The result of the handler for this answer."""
    return {"statusCode": status, "headers": dict(headers), "body": body, "isBase64Encoded": False}


def _form(event: Mapping[str, Any]) -> dict[str, list[str]]:
    headers = {str(name).lower(): str(value) for name, value in _mapping(event.get("headers")).items()}
    if headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise RequestRefused(415, "This page takes what its own form sends and nothing else")
    body = event.get("body") or ""
    # Base64 is a third longer: what is too long already is not decoded.
    if not isinstance(body, str) or len(body) > MAX_BODY_BYTES * 4 // 3 + 4:
        raise RequestRefused(413, "That was too much text. Please shorten it")
    try:
        data = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise RequestRefused(400, "That could not be read. Please open the link again") from error
    if len(data) > MAX_BODY_BYTES:
        raise RequestRefused(413, "That was too much text. Please shorten it")
    return _fields(data.decode("utf-8", "replace"))


def _fields(text: str) -> dict[str, list[str]]:
    try:
        return parse_qs(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise RequestRefused(400, "That could not be read. Please open the link again") from error


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
