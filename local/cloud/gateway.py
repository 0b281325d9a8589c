"""The door in front of the emulator: control calls, call counts, and requests that a mend answers itself.

An *interceptor* sees each AWS request before the emulator and either answers it or lets it pass.
"""

from __future__ import annotations

import contextvars
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from local.cloud.cloud import Cloud
from local.cloud.control import Response, answer_control
from local.cloud.operations import operation_of

CONTROL_PREFIX = "/_hubplane/"
_SCOPE = re.compile(r"Credential=(?P<key>[^/,]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


@dataclass(frozen=True)
class Request:
    """One AWS request as the emulator's dispatcher gets it; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    query: dict[str, list[str]]

    @property
    def service(self) -> str:
        """The service in the signature's credential scope, empty for an unsigned request."""
        found = self._scope()
        return found["service"] if found else ""

    @property
    def access_key_id(self) -> str:
        """Who signed, empty for an unsigned request."""
        found = self._scope()
        return found["key"] if found else ""

    def parameter(self, name: str) -> str | None:
        """A parameter of the query protocol, from the query string or the form body."""
        if name in self.query:
            return self.query[name][0]
        if "x-www-form-urlencoded" in self.headers.get("content-type", ""):
            return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True).get(name, [None])[0]
        return None

    def _scope(self) -> re.Match[str] | None:
        found = _SCOPE.search(self.headers.get("authorization", ""))
        if found is None and "X-Amz-Credential" in self.query:
            found = _SCOPE.search("Credential=" + self.query["X-Amz-Credential"][0])
        return found


# Work that a request starts (stacks) inherits its context, and so knows on whose behalf it creates things.
CALLER_ARN: contextvars.ContextVar[str] = contextvars.ContextVar("caller_arn", default="")

Interceptor = Callable[[Request], Awaitable[Response | None]]


class Gateway:
    """The ASGI application that is served: control calls here, everything else in the emulator."""

    def __init__(self, cloud: Cloud, emulator: Any) -> None:
        """Take over the dispatcher of ``emulator``, the module ``ministack.app``."""
        self._cloud = cloud
        self._emulator = emulator
        self._interceptors: list[Interceptor] = []
        self._dispatch = emulator._dispatch_service_request
        emulator._dispatch_service_request = self._answer
        # The emulator looks for SES's newer interface before its dispatcher, where nobody would count it.
        self._mail = emulator._handle_ses_v2_request
        emulator._handle_ses_v2_request = self._answer_mail

    def intercept(self, interceptor: Interceptor) -> None:
        """Ask ``interceptor`` before the emulator; those added first are asked first."""
        self._interceptors.append(interceptor)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one ASGI event."""
        if scope["type"] == "http" and scope["path"].startswith(CONTROL_PREFIX):
            body = await _body(receive)
            status, headers, answer = answer_control(
                self._cloud, scope["method"], scope["path"].removeprefix(CONTROL_PREFIX), body
            )
            await _send(send, status, headers, answer)
            return
        await self._emulator.app(scope, receive, send)

    async def _answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]], request_id: str
    ) -> Response:
        request = Request(method, path, headers, body, query)
        CALLER_ARN.set(arn_of(request.access_key_id))
        self._count(request)
        for interceptor in self._interceptors:
            answer = await interceptor(request)
            if answer is not None:
                status, answer_headers, content = answer
                return status, {"x-amzn-requestid": request_id, **answer_headers}, content
        response: Response = await self._dispatch(method, path, headers, body, query, request_id)
        return response

    async def _answer_mail(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]], request_id: str
    ) -> Response | None:
        if path.startswith(self._emulator._SES_V2_PREFIX):
            self._count(Request(method, path, headers, body, query))
        response: Response | None = await self._mail(method, path, headers, body, query, request_id)
        return response

    def _count(self, request: Request) -> None:
        self._cloud.calls.count(caller_of(request.access_key_id), self._operation(request))

    def _operation(self, request: Request) -> str:
        from ministack.core.iam_actions import extract_iam_action  # noqa: PLC0415  after the environment is prepared
        from ministack.core.router import detect_service  # noqa: PLC0415

        routing = self._emulator._routing_params(request.method, request.path, request.headers, request.body, request.query)
        service = detect_service(request.method, request.path, request.headers, routing)
        action = extract_iam_action(service, request.method, request.path, request.headers, request.body, routing)
        if action is None and request.service:
            action = operation_of(request.service, request.method, request.path, request.headers.get("x-amz-target", ""))
        return action or f"{request.service or service}:{request.method} {request.path}"


def caller_of(access_key_id: str) -> str:
    """The Lambda function whose session signed, ``states`` for a state machine's, ``other`` for anyone else."""
    from ministack.services import sts  # noqa: PLC0415

    session = sts._sessions.get(access_key_id)
    return str(session.get("HubplaneCaller", "other")) if session else "other"


def arn_of(access_key_id: str) -> str:
    """The IAM principal behind an access key: a role for a session, empty for an unknown key."""
    from ministack.core.iam_evaluator import resolve_caller_identity  # noqa: PLC0415
    from ministack.services.eks import _role_arn_from_assumed_role  # noqa: PLC0415

    identity = resolve_caller_identity(access_key_id) if access_key_id else None
    arn = str(identity["userArn"]) if identity else ""
    return str(_role_arn_from_assumed_role(arn) or arn)


async def _body(receive: Any) -> bytes:
    content = b""
    while True:
        message = await receive()
        content += message.get("body", b"")
        if not message.get("more_body"):
            return content


async def _send(send: Any, status: int, headers: dict[str, str], content: bytes) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    raw.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})
