"""What the report reads of a step: the lines of its plan, and what became of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hubplane.domain.storage.actions import Action

__all__ = ["Outcome", "PlanLine", "reason_group"]

# Parts of a reason that differ from one thing to the next, and what stands for them in the reason of the whole group.
_PARTS: Final = (
    (re.compile(r"\b(vol|snap|pvc|pv)-[0-9a-f]{6,}(?:-[0-9a-f]+)*\b"), r"\1-…"),
    (re.compile(r"\b\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2} UTC)?"), "…"),
    (re.compile(r"\b\d+\b"), "…"),
    (re.compile(r"(snap-…|vol-…)(?:, \1)+"), r"\1"),
)


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A line of a plan, as ``PlannedAction`` has it, with the size and claim of what it is about where they were told."""

    resource_id: str
    action: Action
    reason: str
    attention: bool = False
    last_copy: bool = False
    size_gib: int | None = None
    claim_name: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a planned change, and why: ``started``, ``completed``, ``deleted``, ``gone``, ``skipped`` or ``failed``."""

    resource_id: str
    result: str
    reason: str = ""


def reason_group(line: PlanLine) -> str:
    """The reason without what is this one thing's alone: ids, times, counts, its claim. Equal for all of a group."""
    text = line.reason.removeprefix("Kept: ")
    text = text[:1].upper() + text[1:]
    if line.claim_name:
        text = text.replace(line.claim_name, "…")
    for pattern, stand_in in _PARTS:
        text = pattern.sub(stand_in, text)
    return text
