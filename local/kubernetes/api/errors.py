"""The Status objects with which a Kubernetes API refuses, as exceptions; texts as a real API server words them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.kubernetes.api.resources import Resource

REASON_OF_STATUS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
}


@dataclass(frozen=True)
class Cause:
    """One field that is wrong. ``reason`` is the API's word: FieldValueInvalid, FieldValueRequired, FieldValueForbidden …"""

    field: str
    reason: str
    message: str

    def as_json(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.message, "field": self.field}


def invalid_value(field: str, shown: str, rule: str) -> Cause:
    """``shown`` breaks ``rule``; strings come quoted, as the API shows them."""
    return Cause(field, "FieldValueInvalid", f"Invalid value: {shown}: {rule}")


def required(field: str, detail: str = "") -> Cause:
    """``field`` is missing."""
    return Cause(field, "FieldValueRequired", f"Required value: {detail}" if detail else "Required value")


def forbidden_value(field: str, rule: str) -> Cause:
    """``field`` may not be set or changed like this."""
    return Cause(field, "FieldValueForbidden", f"Forbidden: {rule}")


def not_supported(field: str, value: str, allowed: Sequence[str]) -> Cause:
    """``value`` is not one of ``allowed``."""
    options = ", ".join(f'"{option}"' for option in sorted(allowed))
    return Cause(field, "FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {options}')


class ApiError(Exception):
    """A request refused: becomes the Status object in ``status()`` with HTTP status ``code``."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str | None = "",
        details: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = REASON_OF_STATUS.get(code) if reason == "" else reason
        self.details = details
        self.metadata = metadata or {}

    def status(self) -> dict[str, Any]:
        """The Status object that a client reads."""
        status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": self.metadata, "status": "Failure"}
        status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status


def details(resource: Resource, name: str = "", **more: Any) -> dict[str, Any]:
    """The ``details`` of a Status about one resource; its ``kind`` is the plural, as the API has it."""
    found: dict[str, Any] = {"name": name} if name else {}
    if resource.group:
        found["group"] = resource.group
    return {**found, "kind": resource.plural, **more}


def not_found(resource: Resource, name: str) -> ApiError:
    """404: nothing of that name."""
    return ApiError(404, f'{resource.qualified} "{name}" not found', details=details(resource, name))


def unknown_path() -> ApiError:
    """404: no such resource, version or subresource."""
    return ApiError(404, "the server could not find the requested resource", details={})


def method_not_allowed() -> ApiError:
    """405: the resource exists, the verb does not."""
    return ApiError(405, "the server does not allow this method on the requested resource", details={})


def already_exists(resource: Resource, name: str, *, terminating: bool) -> ApiError:
    """409: the name is taken, maybe by an object that is on its way out."""
    words = f'{resource.qualified} "{name}" already exists'
    return ApiError(
        409,
        f"object is being deleted: {words}" if terminating else words,
        reason="AlreadyExists",
        details=details(resource, name),
    )


def modified_meanwhile(resource: Resource, name: str) -> ApiError:
    """409: the writer's resourceVersion is stale."""
    return ApiError(
        409,
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again",
        details=details(resource, name),
    )


def precondition_failed(resource: Resource, name: str, field: str, wanted: str, found: str) -> ApiError:
    """409 of a DELETE with preconditions; here ``details.kind`` is the Kind, not the plural."""
    outcome = "deleted and then recreated" if field == "UID" else "modified"
    return ApiError(
        409,
        f'Operation cannot be fulfilled on {resource.kind} "{name}": the {field} in the precondition ({wanted}) does not match '
        f"the {field} in record ({found}). The object might have been {outcome}",
        details={"name": name, "kind": resource.kind},
    )


def invalid(resource: Resource, name: str, causes: Sequence[Cause]) -> ApiError:
    """422: the object breaks rules; every cause is listed."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    lines = [f"{cause.field}: {cause.message}" for cause in causes]
    text = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    found: dict[str, Any] = {"name": name}
    if resource.group:
        found["group"] = resource.group
    found |= {"kind": resource.kind, "causes": [cause.as_json() for cause in causes]}
    return ApiError(422, f'{kind} "{name}" is invalid: {text}', details=found)


def refused(resource: Resource, name: str, why: str, causes: Sequence[dict[str, str]] = ()) -> ApiError:
    """403 by an admission rule: allowed to ask, not to have it."""
    more = {"causes": list(causes)} if causes else {}
    return ApiError(403, f'{resource.qualified} "{name}" is forbidden: {why}', details=details(resource, name, **more))


def bad_request(message: str) -> ApiError:
    """400 with these words."""
    return ApiError(400, message)
