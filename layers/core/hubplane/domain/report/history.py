"""One entry per night: what the chart is drawn from.

The document is ``{"schema": 1, "nights": [{"night": "2026-11-25", …}]}`` with the fields of ``Day``. A night that has no
entry had no report: it is a gap, never a zero.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Final

import dacite

__all__ = ["KEPT_NIGHTS", "Day", "HistoryCorrupt", "history_to_json", "read_history", "with_day"]

KEPT_NIGHTS: Final = 90
SCHEMA: Final = 1


class HistoryCorrupt(ValueError):
    """The history is not what was written; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Day:
    """What a night ended with; sizes in GiB, dollars per month. ``volumes`` and ``snapshots`` are counts."""

    night: date
    volumes: int
    volumes_gib: int
    snapshots: int
    snapshots_gib: int
    usd_per_month: float
    snapshotted: int = 0
    volumes_deleted: int = 0
    snapshots_deleted: int = 0


def read_history(text: str | None) -> tuple[Day, ...]:
    """The nights in ``text``, oldest first; none for None. Raises ``HistoryCorrupt`` for whatever is no history."""
    if text is None:
        return ()
    try:
        document = json.loads(text)
        if not isinstance(document, dict) or document.get("schema") != SCHEMA or not isinstance(document.get("nights"), list):
            raise HistoryCorrupt(f"it is no history of schema {SCHEMA}")
        days = [dacite.from_dict(Day, item, dacite.Config(type_hooks={date: date.fromisoformat})) for item in document["nights"]]
    except (ValueError, TypeError, AttributeError, RecursionError, dacite.DaciteError) as error:
        raise HistoryCorrupt(f"{type(error).__name__}: {error}"[:300]) from error
    if not all(0 <= amount < math.inf for day in days for amount in (day.volumes_gib, day.snapshots_gib, day.usd_per_month)):
        raise HistoryCorrupt("a night has a size or a cost that is less than nothing or no number")
    return tuple(sorted({day.night: day for day in days}.values(), key=lambda day: day.night))


def with_day(history: Iterable[Day], day: Day) -> tuple[Day, ...]:
    """The history with this night's entry; the last one written for a night counts. Nights beyond the newest 90 are left out."""
    nights = {**{former.night: former for former in history}, day.night: day}
    first = max(nights) - timedelta(days=KEPT_NIGHTS - 1)
    return tuple(nights[night] for night in sorted(nights) if night >= first)


def history_to_json(history: Iterable[Day]) -> str:
    """The document that ``read_history`` reads."""
    nights: list[dict[str, Any]] = [{**asdict(day), "night": day.night.isoformat()} for day in history]
    return json.dumps({"schema": SCHEMA, "nights": nights}, separators=(",", ":"))
