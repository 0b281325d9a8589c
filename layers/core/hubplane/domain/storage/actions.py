"""What a planner answers: for every volume and snapshot in scope one action and one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

__all__ = ["Action", "BlastRadiusStop", "ClaimReference", "Plan", "PlannedAction", "PlannedWarning"]


class Action(StrEnum):
    """What is to be done with one volume or snapshot. ``HOLD`` is a delete that waits for a person's approval."""

    KEEP = "keep"
    CREATE_SNAPSHOT = "create_snapshot"
    DEFER = "defer"
    DELETE_CLAIM = "delete_claim"
    DELETE_VOLUME = "delete_volume"
    DELETE_SNAPSHOT = "delete_snapshot"
    HOLD = "hold"


DELETES = frozenset({Action.DELETE_CLAIM, Action.DELETE_VOLUME, Action.DELETE_SNAPSHOT})


# One for all: a plan has an action for each snapshot, and most have no tags to give.
NO_TAGS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class ClaimReference:
    """The claim through which a volume is deleted; ``uid`` so that a newer claim of the same name is never meant."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """One decision. ``attention``: a person should look. ``proof_snapshot_id`` is what a volume's deletion rests on.

    ``last_copy``: the snapshot is the newest copy of a home. ``tags`` go into the create call.
    """

    resource_id: str
    action: Action
    reason: str
    attention: bool = False
    proof_snapshot_id: str | None = None
    claim: ClaimReference | None = None
    last_copy: bool = False
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)


@dataclass(frozen=True)
class PlannedWarning:
    """A mail to ``owner``: their newest copy will be deleted at ``delete_at`` at the earliest unless they use it.

    ``(snapshot_id, last_used_at, days_before)`` is the idempotency key: the same mail is never accepted twice.
    """

    snapshot_id: str
    owner_sub: str
    claim_name: str
    last_used_at: datetime
    days_before: int
    delete_at: datetime
    reason: str


@dataclass(frozen=True)
class BlastRadiusStop:
    """More would go than one night may take; ``resource_ids`` are what a person is asked to approve."""

    resource_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Plan:
    """The answer of a planner: an action for all in scope, mails to send, and the stop if there is one."""

    actions: tuple[PlannedAction, ...]
    warnings: tuple[PlannedWarning, ...] = ()
    stop: BlastRadiusStop | None = None

    def having(self, *wanted: Action) -> tuple[PlannedAction, ...]:
        """The actions of these kinds, in plan order."""
        return tuple(action for action in self.actions if action.action in wanted)
