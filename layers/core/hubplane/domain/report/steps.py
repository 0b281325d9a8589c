"""From how a step ended, its plan and its outcomes to its part of the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hubplane.domain.report.lines import Outcome, PlanLine
from hubplane.domain.report.model import RecycleBin, StepReport
from hubplane.domain.report.tally import KeptTally, Tally, item_of
from hubplane.domain.storage.actions import Action

__all__ = ["STEPS", "recycle_bin_of", "step_prefix", "step_report"]

STEPS: Final = ("snapshot_volumes", "prune_volumes", "prune_snapshots")
# run_storage_day names the execution of each step after its own; a failed one does not say where its plan lies.
SUFFIXES: Final = {"snapshot_volumes": "-sv", "prune_volumes": "-pv", "prune_snapshots": "-ps"}
DONE: Final = frozenset({"started", "completed", "deleted", "gone"})
FATES: Final = ("done", "planned", "held", "deferred", "skipped", "failed", "open", "attention")
# check_recycle_bin begins its notes with it.
WAIVED: Final = "Waived by RecycleBinWaived"


def step_prefix(ended: Mapping[str, Any], day_prefix: str) -> str:
    """Where the things of a step lie: as it said itself, or as its execution's name follows from that of the day."""
    return str(ended.get("prefix") or f"{day_prefix.rstrip('/')}{SUFFIXES[ended['step']]}/")


def step_report(
    step: str,
    ended: Mapping[str, Any] | None,
    lines: Iterable[PlanLine],
    outcomes: Mapping[str, Outcome],
    plan_key: str | None = None,
) -> StepReport:
    """The report of one step: one pass over ``lines``. ``ended`` None: it never ran; ``plan_key`` None: it has no plan."""
    if ended is None:
        return StepReport(step)
    status, mode = ended.get("status", "FAILED"), ended.get("mode")
    tallies, kept = {fate: Tally() for fate in FATES}, KeptTally()
    for line in lines:
        outcome = outcomes.get(line.resource_id)
        if line.action is Action.KEEP:
            kept.add(line)
        else:
            fate = _fate(line, outcome, mode)
            reason = outcome.reason if outcome is not None and fate in ("skipped", "failed") else None
            tallies[fate].add(item_of(line, reason))
        if line.attention:
            tallies["attention"].add(item_of(line))
    return StepReport(
        step=step,
        status=status,
        mode=mode,
        error=ended.get("error"),
        reason=str(ended.get("reason") or ""),
        notes=tuple(str(note) for note in ended.get("notes") or ()),
        plan_key=plan_key,
        kept=kept.groups(),
        **{fate: tally.listing() for fate, tally in tallies.items()},
    )


def recycle_bin_of(steps: Iterable[StepReport]) -> RecycleBin:
    """Whether the Recycle Bin stood under what the pruning steps were to delete."""
    pruning = [step for step in steps if step.step != "snapshot_volumes"]
    waived = tuple(dict.fromkeys(note for step in pruning for note in step.notes if note.startswith(WAIVED)))
    missing = tuple(dict.fromkeys(step.reason for step in pruning if "RecycleBinMissing" in f"{step.error} {step.reason}"))
    if missing:
        return RecycleBin("missing", missing)
    if waived:
        return RecycleBin("waived", waived)
    asked = any(step.mode == "enforce" and step.status == "SUCCEEDED" for step in pruning)
    return RecycleBin("stands" if asked else "not_asked")


def _fate(line: PlanLine, outcome: Outcome | None, mode: str | None) -> str:
    if line.action is Action.HOLD:
        return "held"
    if line.action is Action.DEFER:
        return "deferred"
    if outcome is not None:
        return "done" if outcome.result in DONE else outcome.result if outcome.result in FATES else "open"
    return "planned" if mode == "plan" else "open"
