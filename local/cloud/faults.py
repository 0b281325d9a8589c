"""Failures that a test asks for: the next stack resource of a type fails, once, with a given reason."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """A resource type, the stack (empty: any), and the words the stack's event shall carry."""

    resource_type: str
    stack_name: str
    reason: str


class Faults:
    """The faults that wait to happen. Each happens once."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Let the next create or update of such a resource fail."""
        with self._lock:
            self._waiting.append(fault)

    def take(self, resource_type: str, stack_name: str) -> str | None:
        """The reason why this resource shall fail now, or None."""
        with self._lock:
            for fault in self._waiting:
                if fault.resource_type == resource_type and fault.stack_name in ("", stack_name):
                    self._waiting.remove(fault)
                    return fault.reason
        return None

    def clear(self) -> None:
        """Forget those that have not happened."""
        with self._lock:
            self._waiting.clear()
