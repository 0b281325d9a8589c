"""A spawn that brings a home back, killed before and after each of its calls, throttled, its answer lost, or met by another: it
always ends with the one volume that holds the person's last write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.simulation.executor import Day, Troubles
from tests.simulation.spawning import Spawn
from tests.simulation.world import World

WAYS = ("from a copy", "to its volume")


def left(way: str, lag: timedelta = timedelta(0)) -> World:
    """Ann was here for three hours; two weeks later her home is a copy, or a volume without a claim."""
    world = World()
    world.ebs.first_takes = world.ebs.later_takes = lambda _volume: timedelta(minutes=30)
    ann = world.people[0]
    assert Spawn(world, ann).run()
    world.ebs.advance(timedelta(hours=3))
    world.stop(ann)
    for _ in range(4):
        world.ebs.advance(timedelta(hours=4))
        if way == "from a copy":
            Day(world, Troubles(), approve=True).run(lambda: world.ebs.advance(timedelta(hours=3)))
        world.ebs.advance(timedelta(hours=17))
    if way == "to its volume":
        world.lose_claim(ann)
        world.ebs.advance(timedelta(minutes=10))
    assert ann.claim_name not in world.claims
    mine = [item for item in world.ebs.volumes.values() if item.tags.get("hubplane:owner-sub") == ann.sub]
    assert len(mine) == (way == "to its volume")
    world.ebs.lag = lag
    return world


def ends_well(world: World, spawn: Spawn) -> None:
    """Ann works, whatever it took; ``Promises`` has seen what she mounted."""
    ann = world.people[0]
    for _ in range(4):
        if ann.volume_id is not None or spawn.run():
            break
    world.promises.came_back(ann.sub, ann.volume_id is not None)
    mine = [item for item in world.ebs.volumes.values() if item.tags.get("hubplane:owner-sub") == ann.sub]
    assert [item.volume_id for item in mine] == [ann.volume_id]
    assert all(held.until_at <= world.ebs.now for held in world.holds.values())
    assert not world.makings[ann.claim_name][-1].is_open


TROUBLES: dict[str, Callable[[int], Troubles]] = {
    "killed before": lambda number: Troubles(crash_at=number),
    "killed after": lambda number: Troubles(crash_at=number, after_effect=True),
    "throttled": lambda number: Troubles(throttle_at=number),
    "answer lost": lambda number: Troubles(lose_at=number),
}


def calls_of(way: str) -> int:
    world = left(way)
    spawn = Spawn(world, world.people[0])
    assert spawn.run()
    assert spawn.plans[-1].volume_id == world.people[0].volume_id
    return spawn.calls


@pytest.mark.parametrize("lag", [0, 60], ids=["ec2-in-time", "ec2-late"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", TROUBLES)
def test_a_spawn_in_trouble_ends_as_one_without(kind: str, way: str, lag: int) -> None:
    for number in range(1, calls_of(way) + 1):
        world = left(way, timedelta(seconds=lag))
        ends_well(world, Spawn(world, world.people[0], TROUBLES[kind](number)))


@pytest.mark.parametrize("lag", [0, 60], ids=["ec2-in-time", "ec2-late"])
@pytest.mark.parametrize("way", WAYS)
def test_of_two_spawns_that_meet_at_any_call_both_end_with_one_volume(way: str, lag: int) -> None:
    for number in range(1, calls_of(way) + 1):
        world = left(way, timedelta(seconds=lag))
        ann = world.people[0]
        ends_well(world, Spawn(world, ann, meanwhile={number: Spawn(world, ann).ask}))


@pytest.mark.parametrize("number", range(1, 9))
def test_a_start_that_meets_the_delete_of_its_claim_mounts_the_home_or_nothing(number: int) -> None:
    """Whatever call of the spawn the delete comes before: the hub makes no claim, so at worst a server does not start."""
    world = World()
    world.ebs.first_takes = world.ebs.later_takes = lambda _volume: timedelta(minutes=30)
    ann = world.people[0]
    assert Spawn(world, ann).run()
    world.ebs.advance(timedelta(hours=3))
    world.stop(ann)
    Day(world, Troubles()).run(lambda: world.ebs.advance(timedelta(hours=3)))
    world.ebs.advance(timedelta(days=3))
    claim = world.claims[ann.claim_name]

    def pruned() -> None:
        world.delete_claim(claim.name, claim.uid)

    spawn = Spawn(world, ann, meanwhile={number: pruned})
    spawn.run()
    world.promises.nothing_is_lost()
    ends_well_after_all = Spawn(world, ann)
    assert ann.volume_id is not None or ends_well_after_all.run()
