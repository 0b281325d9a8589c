"""A snapshot is started for each volume that holds something no completed snapshot holds."""

from __future__ import annotations

import pytest

from hubplane.domain.storage.actions import Action
from hubplane.domain.storage.ancestry import milliseconds
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.snapshotting import plan_snapshots
from tests.unit.storage.builders import CLUSTER, NOW, inventory, sighting, snapshot, tags, volume

POLICY = StoragePolicy()
IN_USE = {"attached": True, "state": "in-use"}

CASES = [
    ("in use, last night's snapshot", (volume(**IN_USE), snapshot(days_old=1)), Action.CREATE_SNAPSHOT, "before tonight"),
    ("in use, tonight's snapshot", (volume(**IN_USE), snapshot(days_old=0.05)), Action.KEEP, "Tonight's"),
    ("nights were missed", (volume(**IN_USE), snapshot(days_old=30)), Action.CREATE_SNAPSHOT, "before tonight"),
    ("none yet", (volume(),), Action.CREATE_SNAPSHOT, "no completed snapshot"),
    ("one on its way, even an old one", (volume(), snapshot(days_old=5, state="pending")), Action.KEEP, "pending"),
    ("tonight's failed", (volume(), snapshot(days_old=0.05, state="error")), Action.CREATE_SNAPSHOT, "ended in error"),
    ("nothing written since", (volume(), snapshot(), sighting()), Action.KEEP, "Nothing has been written"),
    ("grown since tonight's", (volume(size_gib=600), snapshot(days_old=0.05), sighting()), Action.CREATE_SNAPSHOT, "snapshot"),
    ("only a foreign one", (volume(), snapshot(owner_id="999"), sighting()), Action.CREATE_SNAPSHOT, "no completed snapshot"),
    ("hub database", (volume(tags=tags("hub-db-dir"), **IN_USE),), Action.CREATE_SNAPSHOT, "no completed snapshot"),
    ("protected", (volume(more={"do-not-delete": "1"}),), Action.CREATE_SNAPSHOT, "no completed snapshot"),
    ("being made", (volume(state="creating"),), Action.KEEP, "No snapshot can be taken"),
]


@pytest.mark.parametrize(("things", "action", "words"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_each_volume_gets_an_action_and_its_reason(things: tuple[object, ...], action: Action, words: str) -> None:
    plan = plan_snapshots(inventory(*things), POLICY, NOW)  # type: ignore[arg-type]
    assert [(item.resource_id, item.action) for item in plan.actions] == [("vol-1", action)]
    assert words in plan.actions[0].reason


def test_what_the_account_has_no_room_for_is_left_the_least_endangered_first() -> None:
    fleet = [volume(f"vol-{number}", tags=tags(f"claim-{number}")) for number in range(4)]
    known = [snapshot("snap-1", "vol-1", 3), snapshot("snap-2", "vol-2", 9)]
    plan = plan_snapshots(inventory(*fleet, *known, pending_in_account=77), POLICY, NOW)
    assert {item.resource_id for item in plan.having(Action.CREATE_SNAPSHOT)} == {"vol-0", "vol-3", "vol-2"}
    assert [item.resource_id for item in plan.having(Action.DEFER)] == ["vol-1"]
    assert "77 snapshots are pending" in plan.having(Action.DEFER)[0].reason


def test_a_full_account_defers_everything_and_does_not_count_below_zero() -> None:
    plan = plan_snapshots(inventory(volume(), pending_in_account=100), POLICY, NOW)
    assert [item.action for item in plan.actions] == [Action.DEFER]


SOURCE = snapshot("snap-0", "vol-0", 20, tags=tags(**{"hubplane:ancestry": "vol-z@1"}))


def test_the_create_call_carries_every_tag_that_a_restore_needs() -> None:
    seen = volume(
        more={"aws:cloudformation:stack-name": "x", "do-not-delete": "False", "osl-billing": "lab"}, source_snapshot_id="snap-0"
    )
    (action,) = plan_snapshots(inventory(seen, SOURCE), POLICY, NOW).actions
    assert dict(action.tags) == {
        f"kubernetes.io/cluster/{CLUSTER}": "owned",
        "kubernetes.io/created-for/pvc/name": "claim-ann",
        "kubernetes.io/created-for/pvc/namespace": "jupyter",
        "server-stop-time": seen.tags["server-stop-time"],
        "osl-billing": "lab",
        "hubplane:volume-protected": "true",
        "hubplane:ancestry": f"vol-0@{milliseconds(SOURCE.started_at)},vol-z@1",
    }


def test_fifty_tags_are_the_most_and_ours_come_first() -> None:
    many = {f"a-{number:02}": "x" for number in range(46)}
    (action,) = plan_snapshots(inventory(volume(more=many, source_snapshot_id="snap-0"), SOURCE), POLICY, NOW).actions
    assert len(action.tags) == 50
    assert {"hubplane:ancestry", "kubernetes.io/created-for/pvc/name", "server-stop-time"} <= set(action.tags)
