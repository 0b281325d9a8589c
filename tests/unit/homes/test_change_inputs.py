"""What an operator gives: every fault at once, and nothing that is sound is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from hubplane.domain.errors import HomeInputInvalid
from hubplane.domain.homes.change_inputs import DrillInput, MoveInput, RestoreInput, read_drill, read_move, read_restore
from tests.unit.storage.builders import NOW

SOUND = {"cluster_name": "lab", "username": "ann", "day": "2026-11-20", "placement": "beside"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param({"cluster_name": None}, "cluster_name = (absent)", id="no-cluster"),
        pytest.param({"cluster_name": "Lab\n"}, "cluster_name", id="a-cluster-with-a-line-end"),
        pytest.param({"username": " "}, "username", id="nobody"),
        pytest.param({"username": 7}, "username = 7", id="a-number-for-a-name"),
        pytest.param({"username": "x" * 129}, "username", id="longer-than-cognito-allows"),
        pytest.param({"day": None}, "day = (absent)", id="no-day-and-no-copy"),
        pytest.param({"day": "20.11.2026"}, 'such as "2026-11-23"', id="a-day-in-another-form"),
        pytest.param({"day": "2026-02-30"}, "day", id="a-day-that-there-is-not"),
        pytest.param({"day": "2026-11-20T00:00:00Z"}, "day", id="a-moment"),
        pytest.param({"day": 20261120}, "day = 20261120", id="a-number-for-a-day"),
        pytest.param({"day": "2026-11-24"}, "future", id="tomorrow"),
        pytest.param({"day": "9999-12-31"}, "future", id="the-last-day-of-all"),
        pytest.param({"snapshot_id": "snap-0123456789abcdef0"}, "one of them", id="a-day-and-a-copy"),
        pytest.param({"day": None, "snapshot_id": "vol-0123456789abcdef0"}, "snapshot_id", id="a-volume-for-a-copy"),
        pytest.param({"placement": None}, "beside", id="nowhere"),
        pytest.param({"placement": "over"}, "instead", id="a-placement-that-there-is-not"),
        pytest.param({"mode": "policy"}, "mode", id="a-mode-of-schedules"),
        pytest.param({"dya": "2026-11-20"}, '"dya" is no field', id="a-typing-error"),
    ],
)
def test_a_fault_of_a_restore_is_told_with_its_rule(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(HomeInputInvalid) as told:
        read_restore({**SOUND, **changed}, NOW)
    assert words in str(told.value)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(HomeInputInvalid) as told:
        read_restore({"day": "never", "mode": "force", "colour": "red"}, NOW)
    assert "the input has 6 faults" in str(told.value)


@pytest.mark.parametrize("document", [None, [], "lab", 7])
def test_what_is_no_object_is_refused(document: Any) -> None:
    with pytest.raises(HomeInputInvalid):
        read_restore(document, NOW)


def test_a_sound_restore_is_a_plan_until_it_says_otherwise() -> None:
    given = read_restore({**SOUND, "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn"}, NOW)
    assert given == RestoreInput("lab", "ann", "beside", day=date(2026, 11, 20), mode="plan")
    assert given.until == datetime(2026, 11, 21, tzinfo=UTC)
    assert read_restore({**SOUND, "day": "2026-11-23", "mode": "enforce"}, NOW).mode == "enforce"


def test_a_move_and_a_drill() -> None:
    assert read_move({"cluster_name": "lab", "username": "ann"}) == MoveInput("lab", "ann", "plan")
    assert read_drill({"cluster_name": "lab"}) == DrillInput("lab", 3)
    assert read_drill({"cluster_name": "lab", "count": 0}) == DrillInput("lab", 0)
    for count in (-1, 21, "3", True, 1.0):
        with pytest.raises(HomeInputInvalid):
            read_drill({"cluster_name": "lab", "count": count})
    with pytest.raises(HomeInputInvalid):
        read_move({"cluster_name": "lab", "username": "ann", "day": "2026-11-20"})
