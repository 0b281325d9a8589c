"""What changed since the plan is skipped, with the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubplane.domain.storage.actions import Action, PlannedAction
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.recheck import Go, Skip, recheck
from hubplane.domain.storage.records import Inventory
from hubplane.domain.storage.snapshot_pruning import plan_snapshot_pruning
from hubplane.domain.storage.snapshotting import plan_snapshots
from hubplane.domain.storage.volume_pruning import plan_volume_pruning
from tests.unit.storage.builders import NOW, claim, inventory, sighting, snapshot, tags, volume

POLICY = StoragePolicy(largest_share=1.0, daily_snapshots=1, weekly_snapshots=0, monthly_snapshots=0)
PROVED = (volume(), snapshot(), sighting(), claim())

VOLUME = [
    ("nothing changed", PROVED, None, False),
    ("a newer snapshot proves it as well", (*PROVED, snapshot("snap-2", days_old=1)), None, False),
    ("it is gone", (snapshot(), claim(None)), "already gone", True),
    ("it is being deleted", (volume(state="deleting"), snapshot(), sighting(), claim()), "already gone", True),
    ("attached", (volume(attached=True, state="in-use"), snapshot(), sighting(), claim()), "in use", False),
    ("a pod starts", (volume(), snapshot(), sighting(), claim(in_use=True)), "a pod uses", False),
    ("protected by hand", (volume(more={"do-not-delete": ""}), snapshot(), sighting(), claim()), "do-not-delete", False),
    ("its proof is gone", (volume(), sighting(), claim()), "no longer there", False),
    ("its proof is in the Recycle Bin", (volume(), snapshot(state="recoverable"), sighting(), claim()), "recoverable", False),
    ("grown", (volume(size_gib=501), snapshot(), sighting(), claim()), "500 GiB of 501", False),
    ("a second volume of its claim", (*PROVED, volume("vol-2")), "another volume", False),
    ("another claim is bound", (volume(), snapshot(), sighting(), replace(claim(), uid="uid-2")), "claim has changed", False),
    ("no claim is bound", (volume(), snapshot(), sighting()), "changed since the plan", False),
]


def check(outcome: Go | Skip, words: str | None, gone: bool) -> None:
    if words is None:
        assert outcome == Go()
    else:
        assert isinstance(outcome, Skip)
        assert words in outcome.reason
        assert outcome.gone == gone


@pytest.mark.parametrize(("seen", "words", "gone"), [pytest.param(*case[1:], id=case[0]) for case in VOLUME])
def test_a_volume_goes_only_on_the_grounds_of_the_plan(seen: tuple[object, ...], words: str | None, gone: bool) -> None:
    (planned,) = plan_volume_pruning(inventory(*PROVED), POLICY, NOW).actions
    assert planned.action is Action.DELETE_CLAIM
    check(recheck(planned, inventory(*seen), POLICY, NOW), words, gone)  # type: ignore[arg-type]


OLD, NEW = snapshot("snap-old", days_old=9), snapshot("snap-new", days_old=1)

SNAPSHOT = [
    ("nothing changed", (OLD, NEW), None, False),
    ("it is gone", (NEW,), "already gone", True),
    ("what superseded it is gone", (OLD,), "last copy", False),
    ("protected by hand", (replace(OLD, tags=tags(**{"do-not-delete": ""})), NEW), "do-not-delete", False),
]


@pytest.mark.parametrize(("seen", "words", "gone"), [pytest.param(*case[1:], id=case[0]) for case in SNAPSHOT])
def test_a_snapshot_goes_only_while_something_newer_stands(seen: tuple[object, ...], words: str | None, gone: bool) -> None:
    (planned,) = plan_snapshot_pruning(inventory(OLD, NEW), POLICY, NOW).having(Action.DELETE_SNAPSHOT)
    check(recheck(planned, inventory(*seen), POLICY, NOW), words, gone)  # type: ignore[arg-type]


CREATE = [
    ("nothing changed", inventory(volume()), None, False),
    ("its volume is gone", inventory(), "already gone", True),
    ("another run was faster", inventory(volume(), snapshot(days_old=0, state="pending")), "already pending", False),
    ("it has its proof", inventory(volume(), snapshot(), sighting()), "needs none", False),
    ("no room", inventory(volume(), pending_in_account=80), "80 snapshots are pending", False),
    ("volume in error", inventory(volume(state="error")), "error", False),
]


@pytest.mark.parametrize(("seen", "words", "gone"), [pytest.param(*case[1:], id=case[0]) for case in CREATE])
def test_a_snapshot_is_started_once(seen: Inventory, words: str | None, gone: bool) -> None:
    (planned,) = plan_snapshots(inventory(volume()), POLICY, NOW).actions
    check(recheck(planned, seen, POLICY, NOW), words, gone)


@pytest.mark.parametrize("action", [Action.KEEP, Action.HOLD, Action.DEFER])
def test_what_does_nothing_is_never_executed(action: Action) -> None:
    with pytest.raises(ValueError, match="filter the plan first"):
        recheck(PlannedAction("vol-1", action, "Kept."), inventory(volume()), POLICY, NOW)
