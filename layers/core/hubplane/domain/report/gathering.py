"""One night's report out of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from hubplane.domain.report.drill import Drill, drill_problems
from hubplane.domain.report.history import Day, with_day
from hubplane.domain.report.model import Fleet, Listing, Report, StepReport
from hubplane.domain.report.pricing import Prices
from hubplane.domain.report.steps import recycle_bin_of
from hubplane.domain.report.wording import problems_of, summary_of

__all__ = ["day_of", "night_of", "report_of"]


def night_of(run: Mapping[str, Any]) -> date:
    """The night that a run is for."""
    return datetime.fromisoformat(run["night_at"]).date()


def day_of(night: date, steps: Iterable[StepReport], fleet: Fleet) -> Day:
    """The night as its history remembers it."""
    done = {step.step: step.done.count for step in steps}
    return Day(
        night=night,
        volumes=fleet.volumes,
        volumes_gib=fleet.volumes_gib,
        snapshots=fleet.snapshots,
        snapshots_gib=fleet.snapshots_gib,
        usd_per_month=round(fleet.volumes_usd + fleet.snapshots_usd, 2),
        snapshotted=done.get("snapshot_volumes", 0),
        volumes_deleted=done.get("prune_volumes", 0),
        snapshots_deleted=done.get("prune_snapshots", 0),
    )


def report_of(
    cluster_name: str,
    run: Mapping[str, Any],
    steps: Sequence[StepReport],
    fleet: Fleet | None,
    warnings: Listing,
    prices: Prices,
    history: Sequence[Day],
    problems: Iterable[str],
    written_at: datetime,
    drill: Drill | None = None,
) -> Report:
    """The report of the run. ``problems`` are those of writing it; a night without a sweep adds nothing to the history."""
    night = night_of(run)
    recycle_bin = recycle_bin_of(steps)
    found = [*problems_of(steps, recycle_bin), *problems, *drill_problems(drill, written_at)]
    if fleet is None:
        found.append("No sweep of the night was found: what there is and what it costs is not known.")
    return Report(
        cluster_name=cluster_name,
        night=night,
        run_id=run["run_id"],
        mode=run["mode"],
        scheduled=bool(run.get("scheduled")),
        written_at=written_at,
        summary=summary_of(steps, fleet),
        steps=tuple(steps),
        recycle_bin=recycle_bin,
        warnings=warnings,
        fleet=fleet,
        prices=prices,
        history=_history(history, night, steps, fleet, run["mode"]),
        problems=tuple(found),
        drill=drill,
    )


def _history(history: Sequence[Day], night: date, steps: Sequence[StepReport], fleet: Fleet | None, mode: str) -> tuple[Day, ...]:
    """With the night, unless nothing is known of it, or a plan would take the place of what was done."""
    if fleet is None or (mode == "plan" and any(day.night == night for day in history)):
        return tuple(history)
    return with_day(history, day_of(night, steps, fleet))
