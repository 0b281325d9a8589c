"""Events: what happened to an object, once per object, reason and message."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from local.kubernetes.api.errors import ApiError
from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.writer import WriteOptions, Writer
from local.kubernetes.store import now_text


class Recorder:
    """Writes events of one cluster."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._told: set[tuple[str, str, str]] = set()

    def note(self, about: Mapping[str, Any], component: str, reason: str, message: str, *, warning: bool = False) -> None:
        """Record an event about an object; the same words about the same object are recorded once."""
        metadata = about["metadata"]
        told = (metadata.get("uid", ""), reason, message)
        if told in self._told:
            return
        self._told.add(told)
        namespace, now = metadata.get("namespace") or "default", now_text()
        reference = {
            "kind": about["kind"],
            "apiVersion": about["apiVersion"],
            "name": metadata["name"],
            "uid": metadata.get("uid", ""),
        }
        if metadata.get("namespace"):
            reference["namespace"] = namespace
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{secrets.token_hex(8)}", "namespace": namespace},
            "involvedObject": reference | {"resourceVersion": metadata.get("resourceVersion", "")},
            "reason": reason,
            "message": message,
            "source": {"component": component},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": "Warning" if warning else "Normal",
            "eventTime": None,
            "reportingComponent": component,
            "reportingInstance": "",
        }
        try:
            self._writer.create(BY_NAME["events"], namespace, body, WriteOptions(manager=component))
        except ApiError:
            self._told.discard(told)  # Its namespace is going away: nobody will read it
