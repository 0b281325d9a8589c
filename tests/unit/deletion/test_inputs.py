"""What a person types: every fault at once, and the safe values where nothing is typed."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.deletion.inputs import Deletion, Homes, read_deletion
from hubplane.domain.errors import DeletionInputInvalid

GOOD = {"cluster_name": "sar", "confirm": "sar"}


def test_what_is_left_out_is_the_safe_value() -> None:
    assert read_deletion(GOOD) == Deletion("sar", Homes.KEEP_SNAPSHOTS, "plan")
    started_by = {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn"}
    assert read_deletion({**GOOD, **started_by, "homes": "keep-volumes", "mode": "enforce"}) == Deletion(
        "sar", Homes.KEEP_VOLUMES, "enforce"
    )


@pytest.mark.parametrize(
    ("document", "told"),
    [
        pytest.param({**GOOD, "confirm": "Sar"}, "confirm", id="another-case"),
        pytest.param({**GOOD, "confirm": None}, "confirm", id="not-confirmed"),
        pytest.param({"cluster_name": "sar"}, "confirm", id="confirm-left-out"),
        pytest.param({"cluster_name": None, "confirm": None}, "cluster_name", id="no-name"),
        pytest.param({"cluster_name": "sar\n", "confirm": "sar\n"}, "cluster_name", id="a-line-more"),
        pytest.param({**GOOD, "homes": "delete"}, "keep-snapshots, keep-volumes, delete-after-proof", id="homes"),
        pytest.param({**GOOD, "homes": ["keep-volumes"]}, "homes", id="homes-as-a-list"),
        pytest.param({**GOOD, "mode": "policy"}, "mode", id="mode"),
        pytest.param({**GOOD, "force": True}, "force", id="a-field-that-is-none"),
        pytest.param([], "must be an object", id="a-list"),
        pytest.param(None, "must be an object", id="nothing"),
    ],
)
def test_each_fault_is_told(document: Any, told: str) -> None:
    with pytest.raises(DeletionInputInvalid, match=told):
        read_deletion(document)


def test_all_faults_come_at_once() -> None:
    with pytest.raises(DeletionInputInvalid) as caught:
        read_deletion({"cluster_name": "S", "confirm": "s", "homes": "x", "mode": "y", "z": 1})
    assert len(str(caught.value).splitlines()) == 6
