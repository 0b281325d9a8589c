"""One day over homes of every kind, killed before and after each of its calls: it always ends as a day without trouble."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

import pytest

from hubplane.domain.storage.outcomes import Result
from hubplane.domain.storage.records import Snapshot
from tests.simulation.executor import Day, Troubles
from tests.simulation.world import Person, World

NAMES = ("ann", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ida", "jon", "kim", "lea", "max", "nan", "ona", "pam")
WAIT = timedelta(hours=3)


def session(world: World, name: str, **how: bool) -> None:
    """Half an hour of work."""
    world.start(person(world, name), **how)
    world.ebs.advance(timedelta(minutes=30))
    world.stop(person(world, name))


def person(world: World, name: str) -> Person:
    """The one of this name."""
    return next(found for found in world.people if found.name == name)


def tag(world: World, volume_id: str, key: str, value: str) -> None:
    """By hand, in the console."""
    volume = world.ebs.volumes[volume_id]
    world.ebs.change(volume, tags={**volume.tags, key: value})


def day(world: World, troubles: Troubles, *, again: bool = False) -> Day:
    """One day within its night."""
    done = Day(world, troubles, approve=True, again=again, batch_size=7, poll=timedelta(minutes=40))
    done.run(lambda: world.ebs.advance(WAIT))
    return done


@cache
def homes() -> World:
    """Two weeks of a small hub, up to the hour of the day that is played: each of its homes stands where no other does."""
    world = World()
    world.ebs.first_takes = world.ebs.later_takes = lambda _volume: timedelta(minutes=30)
    world.people = [Person(name, f"sub-{name}") for name in NAMES]

    def nights(count: int, *busy: str) -> None:
        for _ in range(count):
            for name in busy:
                session(world, name)
            world.ebs.advance(timedelta(hours=4))
            day(world, Troubles())
            world.ebs.advance(timedelta(hours=18) - timedelta(minutes=40 * len(busy)))

    session(world, "ann")
    nights(9, "bob")  # ann's home ends: warned, only a copy is left; bob has a ladder
    session(world, "cyd")
    nights(1, "bob")
    session(world, "dan")  # the day that is played warns dan
    nights(2, "bob")
    session(world, "cyd")  # restored: the line goes on in a new volume
    for name in ("eve", "fay", "gus", "hal", "ida", "jon", "pam"):
        session(world, name)  # idle for two days by the day that is played; some have a reason to stay
    for number in range(2):
        world.orphan(f"orphan-{number}")
    nights(1, "bob")
    nights(1, "lea")
    volume_of = {name: claim.volume_id or "" for name, claim in world.claims.items()}
    tag(world, volume_of["claim-fay"], "do-not-delete", "")
    world.duplicate(person(world, "gus"))
    world.grow(person(world, "hal"))
    tag(world, volume_of["claim-jon"], "server-stop-time", "last week")
    tag(world, volume_of["claim-pam"], "kubernetes.io/cluster/other", "owned")
    session(world, "kim")
    world.ebs.failing.add(world.claims["claim-kim"].volume_id or "")
    world.orphan("orphan-2")
    session(world, "lea", start_tag=False)
    world.start(person(world, "max"))
    for name in ("nan", "ona"):
        session(world, name)
    world.lose_claim(person(world, "ona"))
    world.ebs.share(Snapshot("snap-foreign", volume_of["claim-bob"], "completed", world.ebs.now, 9999, "999988887777"))
    world.ebs.advance(timedelta(hours=1))
    return world


def fresh() -> World:
    """The same hub once more."""
    return copy.deepcopy(homes())


@dataclass(frozen=True)
class End:
    """What there is when all is done, without names and times that differ from run to run."""

    volumes: frozenset[str]
    claims: frozenset[str]
    snapshots: frozenset[Hashable]
    warnings: frozenset[Hashable]
    told: frozenset[str]

    @classmethod
    def of(cls, world: World) -> End:
        """The end of a world, once everything pending is finished."""
        world.ebs.advance(timedelta(hours=2))
        world.promises.nothing_is_lost()
        copies = Counter((item.volume_id, item.state, world.ebs.node_of[key]) for key, item in world.ebs.snapshots.items())
        warned = Counter((item.snapshot_id, item.days_before) for item in world.accepted)
        return cls(
            frozenset(world.ebs.volumes),
            frozenset(world.claims),
            frozenset(copies.items()),
            frozenset(warned.items()),
            frozenset(world.told),
        )


@cache
def undisturbed() -> tuple[int, End, End]:
    """Calls and end of a day without trouble, and the end after it was run a second time in the same night."""
    world = fresh()
    done = day(world, Troubles())
    results = Counter(outcome.result for outcome in done.outcomes)
    # A day that does nothing would prove nothing.
    assert results[Result.STARTED] >= 8
    assert len(world.promises.deletes["volumes"]) >= 6
    assert len(world.ebs.volumes) + results[Result.DELETED] >= 20
    assert len(world.told) > len(fresh().told)
    assert len(world.accepted) > len(fresh().accepted)
    once = End.of(copy.deepcopy(world))
    day(world, Troubles())
    return done.calls, once, End.of(world)


Trouble = Callable[[int], Troubles]
TROUBLES: dict[str, Trouble] = {
    "killed before": lambda number: Troubles(crash_at=number),
    "killed after": lambda number: Troubles(crash_at=number, after_effect=True),
    "throttled": lambda number: Troubles(throttle_at=number),
    "answer lost": lambda number: Troubles(lose_at=number),
}


@pytest.mark.parametrize("kind", TROUBLES)
def test_a_function_that_is_tried_again_ends_as_if_nothing_had_happened(kind: str) -> None:
    calls, end, _ = undisturbed()
    different = []
    for number in range(1, calls + 1):
        world = fresh()
        day(world, TROUBLES[kind](number), again=True)
        world.promises.owners_are_told(world.told)
        if End.of(world) != end:
            different.append(number)
    assert different == []


@pytest.mark.parametrize("kind", ["killed before", "killed after"])
def test_a_day_that_ended_halfway_is_made_good_by_the_next_run_of_the_night(kind: str) -> None:
    calls, _, end = undisturbed()
    different = []
    for number in range(1, calls + 1):
        world = fresh()
        day(world, TROUBLES[kind](number))
        day(world, Troubles())
        found = End.of(world)
        # Whom the dead run did not tell of a delete is told by nobody: the ledger has it, but no run reads another's batches.
        assert found.told <= end.told
        if replace(found, told=end.told) != end:
            different.append(number)
    assert different == []
