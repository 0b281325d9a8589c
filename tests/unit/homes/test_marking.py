"""Homes are marked once, with one owner, wherever a call is killed; what is held by others or has changed is left alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import pytest

from hubplane.domain.errors import ClusterBusy, HomeHeld, HubplaneError
from hubplane.domain.homes.adopting import Mark
from hubplane.domain.homes.marking import IDS_A_CALL, Hands, mark_homes
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import OWNER_TAG
from tests.unit.storage.builders import snapshot, tags, volume

ANN = Mark("claim-ann", "sub-ann", ("vol-1", "snap-1"))
BEA = Mark("claim-bea", "sub-bea", ("vol-2",))


@dataclass
class World:
    """Volumes and snapshots, and who holds which home. ``dies_at``: the number of the call that kills it before it is done."""

    volumes_: dict[str, Volume] = field(
        default_factory=lambda: {"vol-1": volume(), "vol-2": volume("vol-2", tags=tags("claim-bea"))}
    )
    snapshots_: dict[str, Snapshot] = field(default_factory=lambda: {"snap-1": snapshot()})
    refuses: Mapping[str, HubplaneError] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    tagged: list[int] = field(default_factory=list)
    calls: int = 0
    dies_at: int = 0

    def _call(self) -> None:
        self.calls += 1
        if self.calls == self.dies_at:
            raise InterruptedError

    def volumes(self, volume_ids: Collection[str]) -> tuple[Volume, ...]:
        self._call()
        return tuple(self.volumes_[key] for key in volume_ids if key in self.volumes_)

    def snapshots(self, snapshot_ids: Collection[str]) -> tuple[Snapshot, ...]:
        self._call()
        return tuple(self.snapshots_[key] for key in snapshot_ids if key in self.snapshots_)

    def tag(self, resource_ids: Collection[str], tags: Mapping[str, str]) -> None:
        self._call()
        assert self.held, "nothing is marked that is not held"
        self.tagged.append(len(resource_ids))
        for key in resource_ids:
            if key in self.volumes_:
                self.volumes_[key] = replace(self.volumes_[key], tags={**self.volumes_[key].tags, **tags})
            else:
                self.snapshots_[key] = replace(self.snapshots_[key], tags={**self.snapshots_[key].tags, **tags})

    def hold(self, claim_name: str) -> None:
        self._call()
        if claim_name in self.refuses:
            raise self.refuses[claim_name]
        self.held.add(claim_name)

    def release(self, claim_name: str) -> None:
        self._call()
        self.held.discard(claim_name)

    def mark(self, *marks: Mark) -> list[Mark]:
        return mark_homes(marks, Hands(self, self.hold, self.release, set))

    def owners(self) -> dict[str, str | None]:
        return {key: thing.tags.get(OWNER_TAG) for key, thing in {**self.volumes_, **self.snapshots_}.items()}


EVERYBODY = {"vol-1": "sub-ann", "snap-1": "sub-ann", "vol-2": "sub-bea"}


def test_what_was_approved_is_marked_and_let_go() -> None:
    world = World()
    assert world.mark(ANN, BEA) == [ANN, BEA]
    assert (world.owners(), world.held) == (EVERYBODY, set())


def whole() -> int:
    world = World()
    world.mark(ANN, BEA)
    return world.calls


@pytest.mark.parametrize("dies_at", range(1, whole() + 1))
def test_killed_at_any_call_and_begun_again_it_ends_the_same(dies_at: int) -> None:
    world = World(dies_at=dies_at)
    with pytest.raises(InterruptedError):
        world.mark(ANN, BEA)
    world.mark(ANN, BEA)
    assert (world.owners(), world.held) == (EVERYBODY, set())


@pytest.mark.parametrize(
    "refusal", [HomeHeld("a move of it runs"), ClusterBusy("cluster lab is DELETING")], ids=["held", "ending"]
)
def test_a_home_that_cannot_be_held_is_skipped_with_the_reason_and_the_next_one_is_marked(refusal: HubplaneError) -> None:
    world = World(refuses={"claim-ann": refusal})
    assert world.mark(ANN, BEA) == [replace(ANN, ids=(), skipped=(str(refusal),)), BEA]
    assert world.owners() == {"vol-1": None, "snap-1": None, "vol-2": "sub-bea"}


def test_a_mark_is_never_written_over() -> None:
    world = World()
    world.volumes_["vol-1"] = volume(more={OWNER_TAG: "sub-eve"})
    [marked] = world.mark(ANN)
    assert (marked.ids, world.owners()["vol-1"], world.owners()["snap-1"]) == (("snap-1",), "sub-eve", "sub-ann")


def test_a_home_of_very_many_copies_is_marked_in_calls_that_ec2_takes() -> None:
    names = [f"snap-{number}" for number in range(IDS_A_CALL + 1)]
    world = World(snapshots_={name: snapshot(name) for name in names})
    world.mark(Mark("claim-ann", "sub-ann", tuple(names)))
    assert world.tagged == [IDS_A_CALL, 1]
