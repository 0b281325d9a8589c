"""A boto3 client whose calls end in a Python object instead of at AWS.

botocore still checks every parameter against its model of the service and still pages, so that a fake only has to answer,
and to refuse, as the service does. The object has one method per operation, in snake case, taking the parameters as
keywords; it raises ``Refusal`` for an error code.
"""

from __future__ import annotations

from typing import Any

import boto3
from botocore import xform_name


class Refusal(Exception):
    """An error that the service answers with."""

    def __init__(self, code: str, message: str = "refused") -> None:
        super().__init__(code)
        self.code, self.message = code, message


class _Answer:
    status_code = 200


class _Refused:
    status_code = 400


def fake_client(service: str, backend: Any, region: str = "us-east-1") -> Any:
    """A client of ``service`` that calls ``backend``; its list ``calls``, if it has one, gets every (operation, parameters)."""
    client = boto3.client(service, region, aws_access_key_id="x", aws_secret_access_key="y")
    latest: dict[str, Any] = {}

    def remember(params: dict[str, Any], **_: Any) -> None:
        latest["parameters"] = dict(params)

    def answer(model: Any, **_: Any) -> Any:
        operation = xform_name(model.name)
        if hasattr(backend, "calls"):
            backend.calls.append((operation, latest["parameters"]))
        try:
            return _Answer(), getattr(backend, operation)(**latest["parameters"]) or {}
        except Refusal as refusal:
            return _Refused(), {"Error": {"Code": refusal.code, "Message": refusal.message}}

    client.meta.events.register("before-parameter-build.*.*", remember)
    client.meta.events.register("before-call.*.*", answer)
    return client
