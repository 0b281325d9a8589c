"""A cluster's stack as CloudFormation shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stack:
    """A stack: ``change_set_id`` is the change set that last created or updated it. ``is_protected``: from being deleted."""

    stack_id: str
    status: str
    reason: str
    change_set_id: str | None
    is_protected: bool = False
    outputs: Mapping[str, str] = field(default_factory=dict)

    def was_changed_by(self, change_set_name: str) -> bool:
        """Whether the change set of this name is the one that last created or updated the stack."""
        # arn:…:changeSet/<name>/<uuid>
        return self.change_set_id is not None and f":changeSet/{change_set_name}/" in self.change_set_id
