"""The last restore drill, as the storage report tells it: until there was one, and where it is long ago, that is said as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

__all__ = ["Drill", "drill_from_json", "drill_key", "drill_problems", "drill_report", "drill_to_json"]

LONG_AGO: Final = timedelta(days=40)
"""A drill runs each month; a missed one is told of some days later."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill. ``homes`` counts what was restored, ``lines`` one sentence each, ``findings`` what was wrong."""

    run_id: str
    finished_at: datetime
    homes: int
    summary: str
    findings: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def drill_key(cluster_name: str) -> str:
    """Where the last drill of a cluster lies in the storage bucket."""
    return f"drills/{cluster_name}.json"


def drill_report(run_id: str, results: Sequence[Mapping[str, Any]], notes: Iterable[str], now: datetime) -> Drill:
    """The drill out of its homes' results. One that restored nothing found something: that there is nothing to restore."""
    findings = [str(item["finding"]) for item in results if item.get("finding")]
    told = [*(["No home has a completed copy, so nothing could be tried."] if not results else []), *findings]
    good = len(results) - len(findings)
    homes = f"{len(results)} home{'s' * (len(results) != 1)}"
    summary = f"{good} of {homes} came back whole." if findings or not results else f"All {homes} came back whole."
    lines = tuple(str(item["sentence"]) for item in results)
    return Drill(run_id, now, len(results), summary, tuple(told), lines, tuple(notes))


def drill_to_json(drill: Drill) -> dict[str, Any]:
    """As it lies in the bucket."""
    return {**asdict(drill), "finished_at": drill.finished_at.isoformat()}


def drill_from_json(document: Mapping[str, Any] | None) -> Drill | None:
    """What ``drill_to_json`` wrote; None for None."""
    if document is None:
        return None
    return Drill(
        run_id=str(document["run_id"]),
        finished_at=datetime.fromisoformat(document["finished_at"]),
        homes=int(document["homes"]),
        summary=str(document["summary"]),
        findings=tuple(document["findings"]),
        lines=tuple(document["lines"]),
        notes=tuple(document["notes"]),
    )


def drill_problems(drill: Drill | None, now: datetime) -> list[str]:
    """What a report's reader has to know first."""
    if drill is None:
        return []
    if drill.findings:
        return [f"The restore drill of {drill.finished_at:%Y-%m-%d}: {drill.summary} {drill.findings[0]}"]
    if now - drill.finished_at > LONG_AGO:
        return [f"The last restore drill was on {drill.finished_at:%Y-%m-%d}: start drill_restore, and look at its schedule."]
    return []
