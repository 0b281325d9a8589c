"""The ladder of daily, weekly and monthly snapshots: which of several copies of the same data are worth their price."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Snapshot

__all__ = ["rungs"]


def rungs(snapshots: Sequence[Snapshot], policy: StoragePolicy) -> dict[str, str]:
    """The ids that the ladder keeps, each with the rung in words; the newest is always among them.

    Each rung keeps the newest snapshot of each of its last days, ISO weeks or months *that have one*, so that missed nights
    or a rest of a year take nothing away.
    """
    newest_first = sorted(snapshots, key=lambda item: (item.started_at, item.snapshot_id), reverse=True)
    kept = {newest_first[0].snapshot_id: "the newest copy"} if newest_first else {}
    for label, count, period_of in (
        ("daily", policy.daily_snapshots, _day),
        ("weekly", policy.weekly_snapshots, _week),
        ("monthly", policy.monthly_snapshots, _month),
    ):
        seen: set[tuple[int, ...]] = set()
        for snapshot in newest_first:
            period = period_of(snapshot.started_at)
            if period in seen:
                continue
            if len(seen) == count:
                break
            seen.add(period)
            kept.setdefault(snapshot.snapshot_id, f"{label} copy {len(seen)} of {count}")
    return kept


def _day(moment: datetime) -> tuple[int, ...]:
    return (moment.toordinal(),)


def _week(moment: datetime) -> tuple[int, ...]:
    return tuple(moment.isocalendar()[:2])


def _month(moment: datetime) -> tuple[int, ...]:
    return (moment.year, moment.month)
