"""From a history to the shapes of a chart. Missing nights break the line.

Coordinates are percent of the plot, x to the right, y downwards: the page stretches the drawing and keeps the strokes, so that
one drawing fits a phone and a wall.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from hubplane.domain.report.history import KEPT_NIGHTS, Day

__all__ = ["Chart", "Point", "Series", "Tick", "draw"]

# Each is a field of Day.
Measure = Callable[[Day], float]
WANTED_TICKS: Final = 3


@dataclass(frozen=True, slots=True)
class Point:
    """One night of one series."""

    x: float
    y: float
    night: date
    value: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where, and what it says."""

    at: float
    value: float
    night: date | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One line. ``path`` is SVG path data: each run of nights without a gap is a stroke of its own."""

    key: str
    name: str
    points: tuple[Point, ...]
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over the 90 nights that end with ``last``; ``first`` is the oldest of them."""

    key: str
    title: str
    unit: str
    first: date
    last: date
    series: tuple[Series, ...]
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    missing: int


def draw(
    key: str, title: str, unit: str, history: Sequence[Day], measures: Sequence[tuple[str, str, Measure]], last: date
) -> Chart:
    """The chart of these measures (key, name, how to read it from a day)."""
    first = last - timedelta(days=KEPT_NIGHTS - 1)
    days = [day for day in history if first <= day.night <= last]
    step = _step(max((read(day) for day in days for _, _, read in measures), default=0))
    highest = max((read(day) for day in days for _, _, read in measures), default=0)
    top = step * max(1, math.ceil(highest / step))
    series = tuple(_series(line, name, [(day, read(day)) for day in days], first, top) for line, name, read in measures)
    return Chart(
        key=key,
        title=title,
        unit=unit,
        first=first,
        last=last,
        series=series,
        y_ticks=tuple(Tick(_percent(1 - step * n / top), step * n) for n in range(round(top / step) + 1)),
        x_ticks=tuple(_month_ticks(first, last)),
        missing=(last - max(first, days[0].night)).days + 1 - len(days) if days else 0,
    )


def _series(key: str, name: str, values: list[tuple[Day, float]], first: date, top: float) -> Series:
    points = tuple(Point(_x(day.night, first), _percent(1 - value / top), day.night, value) for day, value in values)
    path: list[str] = []
    for before, point in zip((None, *points), points, strict=False):
        follows = before is not None and point.night - before.night == timedelta(days=1)
        path.append(f"{'L' if follows else 'M'}{point.x} {point.y}")
    return Series(key, name, points, "".join(path))


def _step(highest: float) -> float:
    """A round distance between ticks: 1, 2, 2.5 or 5 times a power of ten."""
    rough = max(highest, WANTED_TICKS) / WANTED_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)


def _month_ticks(first: date, last: date) -> list[Tick]:
    nights = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [Tick(_x(night, first), 0, night) for night in nights if night.day == 1]


def _x(night: date, first: date) -> float:
    return _percent((night - first).days / (KEPT_NIGHTS - 1))


def _percent(share: float) -> float:
    return round(100 * share, 2)
