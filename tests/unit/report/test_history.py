"""The history: one entry a night, 90 nights, and what is no history is refused whole."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from hubplane.domain.report.history import Day, HistoryCorrupt, history_to_json, read_history, with_day

NIGHT = date(2026, 11, 25)


def day(ago: int, size_gib: int = 100) -> Day:
    return Day(NIGHT - timedelta(days=ago), 1, size_gib, 2, 2 * size_gib, 18.5, 1, 0, 3)


def test_what_is_written_is_read_back_oldest_first() -> None:
    history = (day(2), day(1), day(0))
    assert read_history(history_to_json(reversed(history))) == history
    assert read_history(None) == ()


@pytest.mark.parametrize(
    ("before", "new", "after"),
    [
        pytest.param([], day(0), [day(0)], id="the first night"),
        pytest.param([day(1)], day(0), [day(1), day(0)], id="one more"),
        pytest.param([day(3), day(0, 7)], day(0, 9), [day(3), day(0, 9)], id="the last writer of a night counts"),
        pytest.param([day(0)], day(2), [day(2), day(0)], id="a late report of an earlier night"),
        pytest.param([day(90), day(89)], day(0), [day(89), day(0)], id="the 91st night goes"),
        pytest.param([day(200), day(150)], day(0), [day(0)], id="months without a report"),
        pytest.param([day(0)], day(95), [day(0)], id="a report that comes too late for the chart"),
    ],
)
def test_a_night_is_added(before: list[Day], new: Day, after: list[Day]) -> None:
    assert with_day(before, new) == tuple(after)
    assert with_day(with_day(before, new), new) == tuple(after), "writing twice changes nothing"


def test_at_most_ninety_nights_are_kept() -> None:
    history: tuple[Day, ...] = ()
    for ago in range(120, -1, -1):
        history = with_day(history, day(ago))
    assert len(history) == 90
    assert history[0].night == NIGHT - timedelta(days=89)


GOOD = json.loads(history_to_json([day(0)]))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="cut off"),
        pytest.param("[]", id="a list"),
        pytest.param("null", id="null"),
        pytest.param('{"schema": 2, "nights": []}', id="of another schema"),
        pytest.param('{"schema": 1, "nights": {}}', id="nights that are no list"),
        pytest.param('{"schema": 1, "nights": [1]}', id="a night that is a number"),
        pytest.param(json.dumps({**GOOD, "nights": [{**GOOD["nights"][0], "night": "2026-13-01"}]}), id="no day of the calendar"),
        pytest.param(json.dumps({**GOOD, "nights": [{**GOOD["nights"][0], "volumes_gib": "many"}]}), id="a size in words"),
        pytest.param(json.dumps({**GOOD, "nights": [{**GOOD["nights"][0], "volumes_gib": -1}]}), id="less than nothing"),
        pytest.param(json.dumps({**GOOD, "nights": [{**GOOD["nights"][0], "usd_per_month": float("nan")}]}), id="not a number"),
        pytest.param(json.dumps({**GOOD, "nights": [{"night": "2026-11-25"}]}), id="a night without figures"),
        pytest.param("[" * 100_000, id="nested beyond reason"),
    ],
)
def test_what_is_no_history_is_refused(text: str) -> None:
    with pytest.raises(HistoryCorrupt):
        read_history(text)
