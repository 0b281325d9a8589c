"""A change of one home's volume as it is handed from state to state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Final

__all__ = ["HELD_FOR", "HomeChange", "Kind", "change_from_json"]

HELD_FOR: Final = "Your home is being put back as it was on another day, or moved to another place: try again in a few minutes."
"""What a person is told whose server may not start meanwhile."""


class Kind(StrEnum):
    """``BESIDE``: a second volume. ``INSTEAD``: a copy in the home's place. ``MOVE``: the home itself, in another zone."""

    BESIDE = "beside"
    INSTEAD = "instead"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class HomeChange:
    """What is to happen with whose home, decided once and carried out by several functions.

    ``claim_name`` is the home's claim, ``kept_as`` the one that the new volume is made under. ``snapshot_id`` is what the new
    volume is made from, None for a move: the copy of ``present_id``, which is made on the way. ``present_id`` is the volume whose
    place is taken, None where there is none (or none is touched). ``new_id`` is the new volume where an earlier run made it.
    ``needed``: there is something to do.
    """

    kind: Kind
    cluster_name: str
    username: str
    owner_sub: str
    claim_name: str
    kept_as: str
    zone: str
    size_gib: int
    snapshot_id: str | None = None
    snapshot_at: str | None = None
    present_id: str | None = None
    new_id: str | None = None
    needed: bool = True
    steps: tuple[str, ...] = ()
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """For the state machine; ``change_from_json`` reads it back."""
        return {**asdict(self), "kind": str(self.kind), "steps": list(self.steps)}


def change_from_json(document: Mapping[str, Any]) -> HomeChange:
    """The change that ``HomeChange.to_json`` wrote."""
    found = {item.name: document[item.name] for item in fields(HomeChange)}
    return HomeChange(**{**found, "kind": Kind(found["kind"]), "steps": tuple(found["steps"])})
