"""Chains of events around a spawn that chance finds seldom. With all guards in place each of them keeps every promise."""

from __future__ import annotations

from datetime import timedelta

from tests.simulation.executor import Day, Troubles
from tests.simulation.plays import nights, session
from tests.simulation.spawning import Spawn
from tests.simulation.world import Person, World


def pruned() -> tuple[World, Person]:
    """Ann worked once; her home is a copy by now."""
    world = World()
    world.ebs.first_takes = world.ebs.later_takes = lambda _volume: timedelta(minutes=30)
    session(world)
    nights(world, 4)
    ann = world.people[0]
    assert ann.claim_name not in world.claims
    return world, ann


def comes_back(world: World, person: Person) -> None:
    """The person starts, again where the hub gave up, and must have the home."""
    for _ in range(4):
        if person.volume_id is not None or Spawn(world, person).run():
            break
    world.promises.came_back(person.sub, person.volume_id is not None)


def no_room_for_a_volume() -> None:
    """The account may have no more volumes when Ann comes back."""
    world, ann = pruned()
    world.ebs.no_room = True
    assert not Spawn(world, ann).run()
    world.ebs.no_room = False
    comes_back(world, ann)


def killed_while_ec2_hides_the_volume() -> None:
    """The start is killed right after the volume was made, and EC2 shows it only a minute later, when the hub has asked again."""
    for number in range(8, 16):
        world, ann = pruned()
        world.ebs.lag = timedelta(seconds=60)
        spawn = Spawn(world, ann, Troubles(crash_at=number, after_effect=True))
        spawn.ask()
        world.holds.clear()  # as if the lease were shorter than EC2 is late
        spawn.run()
        comes_back(world, ann)


def two_starts() -> None:
    """Two browsers start Ann's server; the second start comes at every call of the first."""
    for number in range(1, 30):
        world, ann = pruned()
        world.ebs.lag = timedelta(seconds=60)
        second = Spawn(world, ann)
        Spawn(world, ann, meanwhile={number: second.ask}).run()
        comes_back(world, ann)


def token_of_long_ago() -> None:
    """A start is killed right after its volume was made; the volume is removed by hand, and Ann comes back after a month."""
    for number in range(8, 16):
        world, ann = pruned()
        Spawn(world, ann, Troubles(crash_at=number, after_effect=True)).ask()
        for volume in list(world.ebs.volumes.values()):
            if volume.tags.get("hubplane:owner-sub") == ann.sub:
                world.ebs.advance(timedelta(minutes=1))
                world.ebs.remove_by_hand(volume.volume_id)
        world.ebs.advance(timedelta(days=2))
        comes_back(world, ann)


def shown_and_gone() -> None:
    """Ann's claim was lost and her volume is removed by hand; she starts in the minute in which EC2 still shows it."""
    world = World()
    world.ebs.first_takes = world.ebs.later_takes = lambda _volume: timedelta(minutes=30)
    volume_id = session(world)
    Day(world, Troubles()).run(lambda: world.ebs.advance(timedelta(hours=3)))
    ann = world.people[0]
    world.lose_claim(ann)
    world.ebs.advance(timedelta(hours=1))
    world.ebs.lag = timedelta(seconds=60)
    world.ebs.remove_by_hand(volume_id)
    world.ebs.advance(timedelta(seconds=20))
    comes_back(world, ann)


def newest_is_pending() -> None:
    """Ann's claim and volume are removed by hand while the night's snapshot of the day's work is still pending."""
    world = World()
    volume_id = session(world)
    nights(world, 1)
    session(world)
    world.ebs.later_takes = lambda _volume: timedelta(hours=5)
    world.ebs.create_snapshot(volume_id, dict(world.ebs.volumes[volume_id].tags))
    ann = world.people[0]
    world.lose_claim(ann)
    world.ebs.remove_by_hand(volume_id)
    world.ebs.advance(timedelta(minutes=10))
    Spawn(world, ann).run()
    world.stop(ann)
    world.ebs.advance(timedelta(hours=6))
    comes_back(world, ann)


def two_volumes() -> None:
    """An operator made a second volume of an older copy of Ann's home, and her claim was lost: nobody knows which one is it."""
    for first in (True, False):
        world = World()
        volume_id = session(world)
        nights(world, 1)
        ann = world.people[0]
        world.duplicate(ann)
        world.ebs.write(volume_id)
        world.promises.used(world.ebs.node_of[volume_id], ann.sub)
        world.ebs.detached_at[volume_id] = world.ebs.now
        world.lose_claim(ann)
        world.ebs.advance(timedelta(minutes=10))
        if first:
            world.ebs.volumes = dict(reversed(world.ebs.volumes.items()))
        assert not Spawn(world, ann).run() or ann.volume_id == volume_id


def name_given_again() -> None:
    """Ann's account is deleted, somebody else registers the name, and starts."""
    for gone in (True, False):
        world = World()
        world.ebs.first_takes = world.ebs.later_takes = lambda _volume: timedelta(minutes=30)
        session(world)
        nights(world, 4 if gone else 1)
        world.leave(world.people[0])
        assert not Spawn(world, world.people[0]).run()


ALL_SPAWN_PLAYS = (
    no_room_for_a_volume,
    killed_while_ec2_hides_the_volume,
    two_starts,
    token_of_long_ago,
    shown_and_gone,
    newest_is_pending,
    two_volumes,
    name_given_again,
)
