"""Every volume proved in looks that grow with pages, not with homes; what was seen is remembered for whoever goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from hubplane.domain.deletion.proving import Proving, prove_volumes, sighted
from hubplane.domain.errors import HomeNotProved
from hubplane.domain.storage.last_use import SETTLE
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Sighting, Snapshot, UseEvent, Volume
from tests.unit.storage.builders import ACCOUNT, CLUSTER, NOW, ago, sighting, snapshot, volume


class Disks:
    """EBS that counts how often it is asked."""

    def __init__(self, *snapshots: Snapshot) -> None:
        self.stored, self.calls, self.now = list(snapshots), [], NOW  # type: tuple[list[Snapshot], list[str], datetime]

    def volumes(self, volume_ids: Sequence[str]) -> tuple[Volume, ...]:
        raise AssertionError("they were just looked at")

    def snapshots(self, snapshot_ids: Sequence[str]) -> tuple[Snapshot, ...]:
        self.calls.append("snapshots")
        return tuple(item for item in self.stored if item.snapshot_id in snapshot_ids)

    def snapshots_of(self, volume_ids: Sequence[str]) -> tuple[Snapshot, ...]:
        self.calls.append("snapshots_of")
        return tuple(item for item in self.stored if item.volume_id in volume_ids)

    def pending(self) -> tuple[Snapshot, ...]:
        self.calls.append("pending")
        return tuple(item for item in self.stored if item.state == "pending")

    def create_snapshot(self, volume_id: str, tags: Mapping[str, str]) -> str:
        self.calls.append("create_snapshot")
        made = Snapshot(f"snap-new-{len(self.stored)}", volume_id, "pending", self.now, 500, ACCOUNT, dict(tags))
        self.stored.append(made)
        return made.snapshot_id

    def complete(self) -> None:
        self.stored = [replace(item, state="completed") if item.state == "pending" else item for item in self.stored]


def prove(disks: Disks, volumes: Sequence[Volume], seen: Sequence[Sighting] = (), at: datetime = NOW, **more: Any) -> Proving:
    disks.now = at
    policy, uses = more.get("policy", StoragePolicy()), more.get("uses", ())
    seen = remembered(volumes, seen, at, uses)
    return prove_volumes(CLUSTER, volumes, disks, seen, policy, uses, account_id=ACCOUNT, run_id="delete/one", now=at)


def remembered(
    volumes: Sequence[Volume], seen: Sequence[Sighting], at: datetime = NOW, uses: Sequence[UseEvent] = ()
) -> tuple[Sighting, ...]:
    return sighted(volumes, seen, uses, StoragePolicy(), at)


@pytest.mark.parametrize("count", [1, 500])
def test_homes_that_rested_are_proved_by_the_last_night_in_one_look(count: int) -> None:
    volumes = [volume(f"vol-{number}") for number in range(count)]
    disks = Disks(*(snapshot(f"snap-{number}", f"vol-{number}") for number in range(count)))
    proving = prove(disks, volumes, [sighting(f"vol-{number}") for number in range(count)])
    assert proving.open_ends == []
    assert disks.calls == ["snapshots_of"]
    assert proving.started == ()


def test_who_was_at_work_just_now_is_waited_for_and_what_was_seen_is_remembered() -> None:
    disks, mine, left_at = Disks(snapshot()), volume(stopped=NOW), NOW
    uses = (UseEvent("vol-1", "detach", left_at), UseEvent("vol-2", "detach", left_at))
    seen = remembered([mine], [sighting("vol-elsewhere")], NOW + timedelta(minutes=1), uses)
    assert {item.volume_id for item in seen} == {"vol-elsewhere", "vol-1"}
    first = prove(disks, [mine], seen, at=NOW + timedelta(minutes=1), uses=uses)
    assert "left alone until" in first.open_ends[0]
    later = left_at + SETTLE + timedelta(minutes=1)
    seen = remembered([mine], seen, later, uses)
    second = prove(disks, [mine], seen, at=later, uses=uses)
    assert second.started == ("snap-new-1",)
    third = prove(disks, [mine], seen, at=later + timedelta(minutes=1), uses=uses)
    assert "is pending" in third.open_ends[0]
    disks.complete()
    last = prove(disks, [mine], seen, at=later + timedelta(minutes=2), uses=uses)
    assert [home.proof for home in last.homes] == ["snap-new-1"]


def test_a_snapshot_of_a_look_that_was_killed_proves_a_volume_that_nobody_had_seen_before() -> None:
    disks, mine = Disks(), volume()
    seen = remembered([mine], ())
    prove(disks, [mine], seen)  # and nothing after it
    disks.complete()
    assert prove(disks, [mine], seen, at=NOW + timedelta(minutes=5)).homes[0].proof == "snap-new-0"


def test_no_more_are_started_than_may_be_pending() -> None:
    volumes = [volume(f"vol-{number}") for number in range(150)]
    disks = Disks()
    proving = prove(disks, volumes, [sighting(f"vol-{number}") for number in range(150)])
    assert len(proving.started) == StoragePolicy().pending_snapshots
    assert disks.calls.count("pending") == 1
    assert any("pending in the account" in said for said in proving.open_ends)


def test_a_volume_that_goes_needs_none_and_one_that_fails_is_told() -> None:
    assert prove(Disks(), [volume(state="deleting")]).homes == ()
    failed = [snapshot(f"snap-{number}", state="error", tags={"hubplane:run": "delete/one"}) for number in range(3)]
    with pytest.raises(HomeNotProved, match="ended in error"):
        prove(Disks(*failed), [volume()], [sighting()])


def test_a_volume_in_use_is_never_proved() -> None:
    proving = prove(Disks(snapshot()), [volume(attached=True, state="in-use")], [sighting()])
    assert "still in-use" in proving.open_ends[0]
    (seen,) = remembered([volume(attached=True, state="in-use")], [sighting()])
    assert seen.unattached_since is None
    assert seen.first_seen_at == ago(300)
