"""The chart: a point for each night that has a report, a break for each that has none, round ticks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from hubplane.domain.report.chart import Chart, draw
from hubplane.domain.report.history import Day

LAST = date(2026, 11, 25)


def day(ago: int, size_gib: int = 100) -> Day:
    return Day(LAST - timedelta(days=ago), 1, size_gib, 1, size_gib, 1.0)


def chart(*days: Day) -> Chart:
    return draw("size", "Storage", "GiB", days, [("volumes", "Volumes", lambda entry: entry.volumes_gib)], LAST)


@pytest.mark.parametrize(
    ("agos", "strokes", "missing"),
    [
        pytest.param([2, 1, 0], 1, 0, id="no gap"),
        pytest.param([5, 4, 1, 0], 2, 2, id="two nights missing are one gap"),
        pytest.param([9, 7, 5, 3], 4, 6, id="single nights, and none today"),
        pytest.param([0], 1, 0, id="the first night"),
        pytest.param([], 0, 0, id="no night yet"),
        pytest.param([120, 1, 0], 1, 0, id="a night before the window is not drawn"),
    ],
)
def test_missing_nights_break_the_line(agos: list[int], strokes: int, missing: int) -> None:
    drawn = chart(*map(day, agos))
    series = drawn.series[0]
    assert len(series.points) == len([ago for ago in agos if ago < 90])
    assert series.path.count("M") == strokes
    assert series.path.count("L") == len(series.points) - strokes
    assert drawn.missing == missing


def test_a_missing_night_is_no_zero() -> None:
    assert all(point.value == 100 for point in chart(day(9), day(3)).series[0].points)


@pytest.mark.parametrize(
    ("highest", "top"),
    [
        pytest.param(0, 1, id="nothing"),
        pytest.param(1, 1, id="one"),
        pytest.param(60_500, 75_000, id="a class"),
        pytest.param(100, 100, id="exactly a tick"),
        pytest.param(4_000_000, 4_000_000, id="a university"),
    ],
)
def test_ticks_are_round_and_hold_the_highest(highest: int, top: int) -> None:
    drawn = chart(day(0, highest))
    values = [tick.value for tick in drawn.y_ticks]
    assert values[0] == 0
    assert values[-1] == pytest.approx(top)
    assert 2 <= len(values) <= 5
    assert (drawn.y_ticks[0].at, drawn.y_ticks[-1].at) == (100, 0)


def test_the_newest_night_is_at_the_right_edge_and_months_are_marked() -> None:
    drawn = chart(day(89), day(0))
    assert [point.x for point in drawn.series[0].points] == [0, 100]
    assert [tick.night for tick in drawn.x_ticks] == [date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)]
