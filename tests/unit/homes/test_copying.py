"""The copy before a home is replaced: started when the volume rests, and good only while nobody has used it since."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hubplane.domain.homes.changes import HomeChange, Kind
from hubplane.domain.homes.copying import next_copy_step, used_since
from hubplane.domain.homes.marks import BEFORE_TAG, set_aside_tags
from hubplane.domain.storage.ancestry import ancestry_of, ancestry_tag, ancestry_through
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Snapshot, UseEvent
from hubplane.domain.storage.view import view_of
from tests.unit.homes.homes import ANCESTRY, MINE, OWNER, ZONE, copy_of, home_volume
from tests.unit.storage.builders import ACCOUNT, CLUSTER, NOW, ago, inventory, volume

POLICY = StoragePolicy()
CHANGE = HomeChange(Kind.INSTEAD, CLUSTER, "ann", MINE, "claim-ann", "waiting-claim-ann", ZONE, 500, "snap-9", None, "vol-1")
STARTED = "server-start-time"


def before(snapshot_id: str = "snap-b", days_old: float = 0.1, kind: Kind = Kind.INSTEAD, **fields: Any) -> Snapshot:
    return copy_of(snapshot_id, days_old=days_old, more={BEFORE_TAG: str(kind)}, **fields)


def step(*snapshots: Snapshot, uses: tuple[UseEvent, ...] = (), change: HomeChange = CHANGE, **of_volume: Any) -> Any:
    return next_copy_step(change, home_volume(**of_volume), snapshots, uses, POLICY, ACCOUNT, NOW)


@pytest.mark.parametrize(
    ("snapshots", "copy_id"),
    [
        pytest.param((before(),), "snap-b", id="of-an-interrupted-run"),
        pytest.param((before("snap-a", 2), before("snap-b", 1)), "snap-b", id="the-newest-of-two"),
        pytest.param((before("snap-a", 2), before("snap-b", 1, state="error")), "snap-a", id="a-failed-one-is-passed-by"),
    ],
)
def test_a_copy_since_the_last_use_is_taken(snapshots: tuple[Snapshot, ...], copy_id: str) -> None:
    found = step(*snapshots)
    assert (found.done, found.copy_id) == (True, copy_id)


@pytest.mark.parametrize(
    "snapshots",
    [
        pytest.param((), id="none"),
        pytest.param((copy_of("snap-n", days_old=0.1),), id="a-night's-which-may-have-been-taken-while-it-was-attached"),
        pytest.param((before(kind=Kind.MOVE),), id="a-move's-which-is-not-protected"),
        pytest.param((before(days_old=11),), id="of-before-the-last-use"),
        pytest.param((before(size_gib=100),), id="of-before-it-grew"),
        pytest.param((before(owner_id="9" * 12),), id="of-another-aws-account"),
        pytest.param((before(state="error"), before("snap-c", state="error")), id="two-that-failed"),
    ],
)
def test_a_resting_volume_is_copied(snapshots: tuple[Snapshot, ...]) -> None:
    found = step(*snapshots)
    assert (found.start, found.done) == (True, False)


@pytest.mark.parametrize("state", [{"state": "in-use", "attached": True}, {"state": "in-use"}, {"attached": True}, {"state": ""}])
def test_what_is_attached_is_waited_for(state: dict[str, Any]) -> None:
    found = step(before(), **state)
    assert not (found.done or found.start or found.refused)


def test_a_pending_one_is_waited_for_and_named() -> None:
    found = step(before(state="pending"))
    assert (found.copy_id, found.done, found.start, found.refused) == ("snap-b", False, False, False)


def test_it_gives_up_where_snapshots_keep_failing() -> None:
    assert step(*(before(f"snap-{number}", state="error") for number in range(3))).refused


def test_a_volume_that_is_gone_needs_no_copy() -> None:
    found = next_copy_step(CHANGE, None, (), (), POLICY, ACCOUNT, NOW)
    assert (found.done, found.copy_id) == (True, None)


def test_what_is_set_aside_is_not_copied_again() -> None:
    aside = replace(home_volume(), tags={**home_volume().tags, **set_aside_tags("claim-ann", NOW)})
    assert next_copy_step(CHANGE, aside, (before(),), (), POLICY, ACCOUNT, NOW).done
    assert next_copy_step(CHANGE, aside, (), (), POLICY, ACCOUNT, NOW).refused


@pytest.mark.parametrize(
    ("tags", "uses", "used"),
    [
        pytest.param({}, (), False, id="nothing"),
        pytest.param({STARTED: str(ago(2))}, (), False, id="a-start-before"),
        pytest.param({STARTED: str(ago(0.5))}, (), True, id="a-start-since"),
        pytest.param({"server-stop-time": str(ago(1) + timedelta(minutes=1))}, (), False, id="a-stop-that-was-written-late"),
        pytest.param({"server-stop-time": str(ago(0.5))}, (), True, id="the-end-of-a-session-since"),
        pytest.param({STARTED: "yesterday"}, (), True, id="what-cannot-be-read"),
        pytest.param({}, (UseEvent("vol-1", "attach", ago(0.5)),), True, id="an-attachment-since"),
        pytest.param({}, (UseEvent("vol-9", "attach", ago(0.5)),), False, id="of-another-volume"),
        pytest.param({}, (UseEvent("vol-1", "detach", ago(1) + timedelta(minutes=1)),), False, id="a-detachment-told-late"),
        pytest.param({}, (UseEvent("vol-1", "detach", ago(0.5)),), True, id="a-detachment-since"),
    ],
)
def test_what_says_that_a_volume_was_used_since(tags: dict[str, str], uses: tuple[UseEvent, ...], used: bool) -> None:
    volume = replace(home_volume(), tags=tags)
    assert used_since(volume, uses, ago(1)) is used


def test_the_copy_says_whose_it_is_what_it_came_through_and_is_protected() -> None:
    found = step(copy_of("snap-9", more={ANCESTRY: "vol-0@1"}), owner=None)
    assert found.tags is not None
    assert found.tags[OWNER] == MINE
    assert found.tags[ANCESTRY] == "vol-0@1"
    assert found.tags[f"kubernetes.io/cluster/{CLUSTER}"] == "owned"
    assert "do-not-delete" in found.tags
    moved = step(change=replace(CHANGE, kind=Kind.MOVE))
    assert "do-not-delete" not in moved.tags, "the home itself is made from it"


def test_a_volume_with_many_tags_still_gets_all_that_matters() -> None:
    crowded = replace(home_volume(), tags={**home_volume().tags, **{f"tag-{number:02}": "x" for number in range(46)}})
    found = next_copy_step(CHANGE, crowded, (), (), POLICY, ACCOUNT, NOW)
    assert found.tags is not None
    assert len(found.tags) <= 50
    assert {BEFORE_TAG, OWNER, "do-not-delete", f"kubernetes.io/cluster/{CLUSTER}"} <= set(found.tags)


def test_a_volume_that_was_restored_tells_its_ancestry_also_when_its_source_is_gone() -> None:
    """Its first snapshot is superseded by nothing older then, and older ones of the line are by it."""
    source = copy_of("snap-9", days_old=9)
    restored = volume("vol-2", source_snapshot_id="snap-9", more={ANCESTRY: ancestry_through(source)})
    view = view_of(inventory(restored), POLICY, NOW)
    assert ancestry_of(view, "vol-2") == (("vol-1", int(source.started_at.timestamp() * 1000)),)
    assert ancestry_tag(view, "vol-2") == ancestry_through(source)
