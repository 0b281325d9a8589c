"""However a pruning ends, owners hear of what went and the first failure keeps its own words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonata
import pytest
from jsonata.utils import Utils

MACHINES = Path(__file__).resolve().parents[2] / "statemachines"
DOWN = {"Error": "ProviderError", "Cause": "the queue is gone"}


@pytest.fixture(params=["prune_volumes", "prune_snapshots"])
def states(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((MACHINES / f"{request.param}.asl.json").read_text())["States"]
    return found


def value(expression: str, **variables: Any) -> Any:
    known = {name: Utils.NULL_VALUE if given is None else given for name, given in variables.items()}
    return jsonata.Jsonata(expression.removeprefix("{%").removesuffix("%}")).evaluate({}, known)


def test_deletions_that_end_early_are_told_to_their_owners(states: dict[str, Any]) -> None:
    ways_out = {states["ApplyDeletions"]["Next"], *(catch["Next"] for catch in states["ApplyDeletions"]["Catch"])}
    assert ways_out == {"CountDeletions", "QueueStorageMails"}
    assert states["CountDeletions"]["Next"] == "QueueStorageMails"


@pytest.mark.parametrize(
    ("failure", "stage"), [(None, "QueueStorageMails"), ({"stage": "ApplyDeletions"}, "ApplyDeletions")], ids=["first", "second"]
)
def test_mails_that_fail_do_not_hide_what_failed_before(states: dict[str, Any], failure: Any, stage: str) -> None:
    assigned = states["QueueStorageMails"]["Catch"][0]["Assign"]["failure"]
    assert value(assigned, failure=failure, states={"errorOutput": DOWN})["stage"] == stage


@pytest.mark.parametrize(
    ("failure", "batches_failed", "said"),
    [(None, 0, False), (None, 2, True), ({"stage": "ApplyDeletions"}, 2, False)],
    ids=["all well", "batches failed", "the Map failed, which is told already"],
)
def test_failed_batches_are_told_unless_something_worse_is(
    states: dict[str, Any], failure: Any, batches_failed: int, said: bool
) -> None:
    (choice,) = states["HasBatchFailed"]["Choices"]
    assert value(choice["Condition"], failure=failure, totals={"batches_failed": batches_failed}) is said
