"""Refusals put in on purpose, for tests: requests that are answered with an error, images that never become ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.kubernetes.api.errors import REASON_OF_STATUS, ApiError, details
from local.kubernetes.api.request import Target


class FaultInvalid(Exception):
    """A fault cannot be put in as asked; the message says which field is wrong."""


@dataclass(frozen=True)
class RequestFault:
    """Requests with this verb on this resource are refused; ``name`` None means any name."""

    id: str
    verb: str
    resource: str
    namespace: str | None
    name: str | None
    status: int
    message: str
    until_namespace_deleted: bool = False

    def hits(self, verb: str, where: Target) -> bool:
        return (
            verb == self.verb
            and self.resource in (where.resource.plural, where.resource.qualified)
            and self.namespace in (None, where.namespace)
            and self.name in (None, where.name)
        )


@dataclass(frozen=True)
class ImageFault:
    """Containers whose image contains ``image`` wait for ever with this reason."""

    id: str
    image: str
    reason: str
    message: str
    namespace: str | None = None
    until_namespace_deleted: bool = False


@dataclass(frozen=True)
class LogFault:
    """The log of the pod with this ``uid`` ends with ``line``, as if it had written it; a pod that comes after it has not."""

    id: str
    uid: str
    line: str
    until_namespace_deleted: bool = False
    namespace: str | None = None


def read_fault(body: Mapping[str, Any]) -> RequestFault | ImageFault | LogFault:
    """The fault a control request describes; with ``image`` it is about pods, with ``log`` about what one wrote.

    Raises ``FaultInvalid``.
    """
    try:
        shared: dict[str, Any] = {
            "id": str(body["id"]),
            "until_namespace_deleted": bool(body.get("until_namespace_deleted", False)),
        }
        if "log" in body:
            return LogFault(uid=str(body["uid"]), line=str(body["log"]), **shared)
        if "image" in body:
            reason = str(body.get("reason") or "ImagePullBackOff")
            message = str(body.get("message") or f'Back-off pulling image "{body["image"]}"')
            return ImageFault(image=str(body["image"]), reason=reason, message=message, namespace=body.get("namespace"), **shared)
        return RequestFault(
            verb=str(body["verb"]),
            resource=str(body["resource"]),
            namespace=body.get("namespace"),
            name=body.get("name"),
            status=int(body["status"]),
            message=str(body["message"]),
            **shared,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise FaultInvalid(
            f"a fault needs id, verb, resource, status and message, or id and image, or id, uid and log: {error!r}"
        ) from error


class Faults:
    """The faults of one cluster, by id."""

    def __init__(self) -> None:
        self._faults: dict[str, RequestFault | ImageFault | LogFault] = {}

    def put(self, fault: RequestFault | ImageFault | LogFault) -> None:
        """Put a fault in, replacing one of the same id."""
        self._faults[fault.id] = fault

    def drop(self, fault_id: str) -> bool:
        """Take a fault out; whether there was one."""
        return self._faults.pop(fault_id, None) is not None

    def namespace_deleted(self, namespace: str) -> None:
        """Take out what was to last until this namespace is gone."""
        for fault in list(self._faults.values()):
            if fault.until_namespace_deleted and fault.namespace == namespace:
                del self._faults[fault.id]

    def refuse(self, verb: str, where: Target) -> None:
        """Raises the error of the first fault that hits this request."""
        for fault in self._faults.values():
            if isinstance(fault, RequestFault) and fault.hits(verb, where):
                raise ApiError(
                    fault.status,
                    fault.message,
                    reason=REASON_OF_STATUS.get(fault.status, "InternalError"),
                    details=details(where.resource, where.name),
                )

    def image(self, namespace: str, image: str) -> ImageFault | None:
        """The fault that keeps this image from starting, if any."""
        for fault in self._faults.values():
            if isinstance(fault, ImageFault) and fault.image in image and fault.namespace in (None, namespace):
                return fault
        return None

    def log_lines(self, uid: str) -> list[str]:
        """What the pod with this uid is to have written beside its own words."""
        return [fault.line for fault in self._faults.values() if isinstance(fault, LogFault) and fault.uid == uid]
