"""Where delete_cluster goes: on only where a stage said that it is done, and to words where it never is."""

from __future__ import annotations

from functools import partial
from typing import Any

import jsonata
import pytest

from tests.statemachines.choices import state_after

goes_to = partial(
    state_after, {"ServerPolls": "60", "SnapshotPolls": "1440", "ReleasePolls": "120", "StackPolls": "600", "SweepPolls": "60"}
)

STAGES = {
    "AreServersStopped": ("WaitForServers", "ProveClusterHomes", "ServersRunOn", 60),
    "AreHomesProved": ("WaitForSnapshots", "RemoveReleases", "HomesNotProved", 1440),
    "AreReleasesRemoved": ("WaitForReleases", "DeleteClusterStack", "ReleasesStayed", 120),
    "IsStackDeleted": ("WaitForStack", "SweepCluster", "StackStays", 600),
}


@pytest.mark.parametrize(("choice", "wait", "on", "stays", "most"), [(key, *value) for key, value in STAGES.items()])
def test_a_stage_is_left_only_when_it_is_done(choice: str, wait: str, on: str, stays: str, most: int) -> None:
    assert goes_to("delete_cluster", choice, looked={"done": True}, polls=most) == on
    for done in (False, None, "true", 1, {}):
        assert goes_to("delete_cluster", choice, looked={"done": done}, polls=1) == wait
        assert goes_to("delete_cluster", choice, looked={"done": done}, polls=most) == stays
    assert goes_to("delete_cluster", choice, looked={}, polls=1) == wait


@pytest.mark.parametrize(
    ("done", "polls", "state"),
    [(False, 1, "WaitForSweep"), (False, 60, "RecordDeletion"), (True, 1, "RecordDeletion")],
    ids=["not-yet", "never", "done"],
)
def test_what_is_not_gone_is_waited_for_and_then_listed(done: bool, polls: int, state: str) -> None:
    assert goes_to("delete_cluster", "IsClusterSwept", looked={"done": done}, polls=polls) == state


@pytest.mark.parametrize("mode", ["plan", "Enforce", "", None, True])
def test_whatever_is_not_enforce_changes_nothing(mode: Any) -> None:
    assert goes_to("delete_cluster", "IsEnforced", mode=mode) == "Planned"
    assert goes_to("delete_cluster", "IsEnforced", mode="enforce") == "StopClusterServers"


@pytest.mark.parametrize(("old", "new", "count"), [([], [], 0), ([], ["a"], 1), (["a"], [], 1), (["a"] * 499, ["b"] * 9, 500)])
def test_changes_stay_a_list_of_what_a_state_can_hold(old: list[str], new: list[str], count: int) -> None:
    expression = jsonata.Jsonata("[$append($all_changes, $states.result.Payload.changes)[[0..499]]]")
    bindings = expression.create_frame()
    bindings.bind("all_changes", old)
    bindings.bind("states", {"result": {"Payload": {"changes": new}}})
    found = expression.evaluate(None, bindings)
    assert isinstance(found, list)
    assert len(found) == count
