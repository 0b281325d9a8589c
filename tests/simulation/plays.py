"""Chains of events that chance finds seldom or late, written down. With all guards in place each of them keeps every promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from hubplane.domain.storage.records import Snapshot
from tests.simulation.executor import Day, Troubles
from tests.simulation.world import World

Play = Callable[[], None]


def nights(world: World, count: int, troubles: Callable[[], Troubles] = Troubles) -> None:
    """So many nights, every stop approved."""
    for _ in range(count):
        Day(world, troubles(), approve=True).run(lambda: world.ebs.advance(timedelta(hours=12)))
        world.promises.nothing_is_lost()
        world.ebs.advance(timedelta(hours=12))


def session(world: World) -> str:
    """Ann works for three hours; returns her volume."""
    ann = world.people[0]
    world.start(ann)
    world.ebs.advance(timedelta(hours=3))
    volume_id = ann.volume_id
    assert volume_id is not None
    world.stop(ann)
    world.ebs.advance(timedelta(hours=1))
    return volume_id


def another_volume() -> None:
    """Ann's own snapshots fail, while a second volume of her claim was snapshotted later, and then removed."""
    world = World()
    volume_id = session(world)
    nights(world, 1)
    session(world)
    world.ebs.failing.add(volume_id)
    nights(world, 1)
    world.duplicate(world.people[0])
    nights(world, 2)
    world.remove_duplicates(world.people[0])
    world.ebs.advance(timedelta(minutes=10))
    nights(world, 4)
    assert volume_id in world.ebs.volumes


def foreign_account() -> None:
    """Ann's own snapshots fail, and another account shares a completed one that names her volume."""
    world = World()
    volume_id = session(world)
    world.ebs.failing.add(volume_id)
    nights(world, 1)
    world.ebs.share(Snapshot("snap-foreign", volume_id, "completed", world.ebs.now, 9999, "999988887777"))
    nights(world, 4)
    assert volume_id in world.ebs.volumes


def smaller_size() -> None:
    """Ann's volume is grown after its last snapshot, and no later one succeeds."""
    world = World()
    volume_id = session(world)
    nights(world, 1)
    world.grow(world.people[0])
    world.ebs.failing.add(volume_id)
    nights(world, 4)
    assert volume_id in world.ebs.volumes


def slow_snapshot() -> None:
    """Ann's volume is so large that its first snapshot is still pending when the volume has been idle for long enough."""
    world = World()
    volume_id = session(world)
    world.ebs.change(world.ebs.volumes[volume_id], size_gib=5000)
    nights(world, 4)
    assert volume_id in world.ebs.volumes


def proof_due() -> None:
    """The cluster does not answer until the retention is over: volume and last copy could go in the same night."""
    world = World()
    session(world)
    nights(world, 1)
    world.cluster_answers = False
    for _ in range(20):
        nights(world, 1)
        if any(mail.days_before == 1 for mail in world.accepted):
            break
    world.ebs.advance(timedelta(days=4))
    world.cluster_answers = True
    nights(world, 2)


def errors_pile_up() -> None:
    """Ann works on and on, and night after night her snapshot fails: the last good one stays."""
    world = World()
    volume_id = session(world)
    nights(world, 2)
    world.start(world.people[0])
    world.ebs.failing.add(volume_id)
    nights(world, 6)
    good = [item for item in world.ebs.snapshots.values() if item.volume_id == volume_id and item.state == "completed"]
    assert good


def comes_unseen() -> None:
    """Ann comes back in the moment of the delete; EC2 is a minute late and shows neither tag nor attachment."""
    world = World()
    volume_id = session(world)
    world.ebs.lag = timedelta(seconds=60)

    def come(_resource_id: str) -> None:
        if world.people[0].volume_id is None:
            world.start(world.people[0])

    nights(world, 5, lambda: replace(Troubles(), before_delete=come))
    assert volume_id in world.ebs.volumes


ALL_PLAYS: tuple[Play, ...] = (
    another_volume,
    foreign_account,
    smaller_size,
    slow_snapshot,
    proof_due,
    errors_pile_up,
    comes_unseen,
)
