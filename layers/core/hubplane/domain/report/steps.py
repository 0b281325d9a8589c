"""From how a step ended, its plan and its outcomes to its part of the report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hubplane.domain.report.lines import DONE, Became, PlanLine
from hubplane.domain.report.model import RecycleBin, StepReport
from hubplane.domain.report.tally import KeptTally, Tally, item_of
from hubplane.domain.storage.actions import Action
from hubplane.domain.storage.outcomes import Result

__all__ = ["STEPS", "recycle_bin_of", "step_prefix", "step_report"]

STEPS: Final = ("snapshot_volumes", "prune_volumes", "prune_snapshots")
# run_storage_day names the execution of each step after its own; a failed one does not say where its plan lies.
SUFFIXES: Final = {"snapshot_volumes": "-sv", "prune_volumes": "-pv", "prune_snapshots": "-ps"}
FATES: Final = ("done", "fresh", "planned", "held", "deferred", "skipped", "failed", "open", "attention")
FATE_OF_RESULT: Final = {Result.SKIPPED: "skipped", Result.FAILED: "failed", Result.LEFT: "deferred"}
# check_recycle_bin begins its notes with it.
WAIVED: Final = "Waived by RecycleBinWaived"


def step_prefix(ended: Mapping[str, Any], day_prefix: str) -> str:
    """Where the things of a step lie: as it said itself, or as its execution's name follows from that of the day."""
    return str(ended.get("prefix") or f"{day_prefix.rstrip('/')}{SUFFIXES[ended['step']]}/")


def step_report(
    step: str,
    ended: Mapping[str, Any] | None,
    lines: Iterable[PlanLine],
    outcomes: Mapping[str, Became],
    plan_key: str | None = None,
    stops: Mapping[int, str] | None = None,
) -> StepReport:
    """The report of one step: one pass over ``lines``. ``ended`` None: it never ran; ``plan_key`` None: it has no plan.

    ``stops``: why so and so many deletes are held. There may be one of each run of the plan.
    """
    if ended is None:
        return StepReport(step)
    status, mode = ended.get("status", "FAILED"), ended.get("mode")
    error, reason = _words(ended)
    tallies, kept = {fate: Tally() for fate in FATES}, KeptTally()
    for line in lines:
        outcome = outcomes.get(line.resource_id)
        if line.action is Action.KEEP:
            kept.add(line)
        else:
            tallies[_fate(step, line, outcome, mode)].add(item_of(line, outcome[1] if outcome else None))
        if line.attention:
            tallies["attention"].add(item_of(line))
    return StepReport(
        step=step,
        status=status,
        mode=mode,
        error=error,
        reason=reason,
        notes=_notes(ended.get("notes")),
        plan_key=plan_key,
        stop=(stops or {}).get(tallies["held"].count),
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


def _fate(step: str, line: PlanLine, outcome: Became | None, mode: str | None) -> str:
    if outcome is not None:
        return _fate_of(step, line) if outcome[0] in DONE else FATE_OF_RESULT[outcome[0]]
    if line.action is Action.HOLD:
        return "held"
    if line.action is Action.DEFER:
        return "deferred"
    return _fate_of(step, line, "planned") if mode == "plan" else "open"


def _fate_of(step: str, line: PlanLine, own: str = "done") -> str:
    """A volume without a proof gets a fresh snapshot instead of its delete: that is no deleted volume."""
    return "fresh" if step == "prune_volumes" and line.action is Action.CREATE_SNAPSHOT else own


def _notes(told: Any) -> tuple[str, ...]:
    """JSONata makes one of a list of one."""
    return (told,) if isinstance(told, str) else tuple(str(note) for note in told or ())


def _words(ended: Mapping[str, Any]) -> tuple[str | None, str]:
    """Error and reason. A failed child execution is told as the JSON of its description: its own words are inside."""
    error, reason = ended.get("error"), str(ended.get("reason") or "")
    if error is not None and reason.startswith("{"):
        try:
            described = json.loads(reason)
            return str(described["Error"]), str(described.get("Cause") or "")
        except (ValueError, KeyError, TypeError):
            pass
    return error, reason
