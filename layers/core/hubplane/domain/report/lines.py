"""What the report reads of a step: the lines of its plan, and what became of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hubplane.domain.storage.actions import Action
from hubplane.domain.storage.outcomes import Outcome, Result

__all__ = ["DONE", "Became", "PlanLine", "became", "plan_line_from_json", "reason_group"]

Became = tuple[Result, str]
DONE: Final = frozenset({Result.STARTED, Result.DELETED, Result.GONE})
_DONE: Final[Mapping[Result, Became]] = {result: (result, "") for result in DONE}

# Parts of a reason that differ from one thing to the next, and what stands for them in the reason of the whole group.
_PARTS: Final = (
    (re.compile(r"\b(vol|snap|pvc|pv)-[0-9a-f]{6,}(?:-[0-9a-f]+)*\b"), r"\1-…"),
    (re.compile(r"\b\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2} UTC)?"), "…"),
    (re.compile(r"\b\d+\b"), "…"),
    (re.compile(r"(snap-…|vol-…)(?:, \1)+"), r"\1"),
    (re.compile(r"…\.$"), "…"),
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


def plan_line_from_json(document: Mapping[str, Any]) -> PlanLine:
    """A line of ``plan.jsonl.gz``: what ``documents.action_to_json`` wrote."""
    return PlanLine(
        resource_id=document["resource_id"],
        action=Action(document["action"]),
        reason=document["reason"],
        attention=document.get("attention", False),
        last_copy=document.get("last_copy", False),
        size_gib=document.get("size_gib"),
        claim_name=document.get("claim_name"),
    )


def became(outcome: Outcome) -> Became:
    """What became of a change. What was done needs no other reason than the plan's, and there may be many of it."""
    return _DONE.get(outcome.result) or (outcome.result, outcome.reason)


def reason_group(line: PlanLine) -> str:
    """The reason without what is this one thing's alone: ids, times, counts, its claim. Equal for all of a group."""
    text = line.reason.removeprefix("Kept: ")
    text = text[:1].upper() + text[1:]
    if line.claim_name:
        text = text.replace(line.claim_name, "…")
    for pattern, stand_in in _PARTS:
        text = pattern.sub(stand_in, text)
    return text
