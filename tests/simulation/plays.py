"""Chains of events that chance finds seldom or late, written down. With all guards in place each of them keeps every promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from hubplane.domain.storage.records import Snapshot
from tests.simulation.executor import Day, Troubles
from tests.simulation.ports import Line
from tests.simulation.promises import PromiseBroken
from tests.simulation.world import World

Play = Callable[[], None]


def nights(
    world: World,
    count: int,
    troubles: Callable[[], Troubles] = Troubles,
    before_claim_delete: Callable[[Line], None] | None = None,
) -> None:
    """So many nights, every stop approved."""
    for _ in range(count):
        day = Day(world, troubles(), approve=True)
        day.line.before_claim_delete = before_claim_delete
        day.run(lambda: world.ebs.advance(timedelta(hours=12)))
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


def protected_by_hand() -> None:
    """Somebody puts the tag on Ann's volume, and she stays away."""
    world = World()
    volume_id = session(world)
    volume = world.ebs.volumes[volume_id]
    world.ebs.change(volume, tags={**volume.tags, "do-not-delete": ""})
    nights(world, 5)
    assert volume_id in world.ebs.volumes


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


def brief_visit() -> None:
    """Ann comes in the moment of the delete, works for ten minutes and goes; all that tells of it is the tag of her start."""
    world = World()
    volume_id = session(world)

    def come(_resource_id: str) -> None:
        world.start(world.people[0])
        world.stop(world.people[0], stop_tag=None)

    nights(world, 5, lambda: replace(Troubles(), before_delete=come))
    assert volume_id in world.ebs.volumes


def claim_made_anew() -> None:
    """In the moment of the delete Ann's claim and volume are removed by hand, and she starts on a new one of the same name."""
    world = World()
    session(world)
    ann = world.people[0]

    def remake(line: Line) -> None:
        claim = world.claims.get(ann.claim_name)
        if claim is not None and ann.volume_id is None and claim.volume_id is not None:
            del world.claims[ann.claim_name]
            world.ebs.remove_by_hand(claim.volume_id)
            world.start(ann)
        line.before_claim_delete = None

    nights(world, 4, before_claim_delete=remake)
    assert ann.volume_id in world.ebs.volumes


def killed_while_starting() -> None:
    """The function that starts snapshots is killed right after one was created, and tried again some minutes later."""
    world = World()
    for person in world.people:
        world.start(person)
        world.ebs.advance(timedelta(minutes=30))
        world.stop(person)
    for number in range(3, 14):
        day = Day(world, Troubles(crash_at=number, after_effect=True), approve=True, again=True, batch_size=200)
        day.run(lambda: world.ebs.advance(timedelta(hours=12)))
        world.ebs.advance(timedelta(hours=12))
        for person in world.people:
            world.start(person)
            world.ebs.advance(timedelta(minutes=30))
            world.stop(person)


def killed_while_ec2_is_late() -> None:
    """The same, but EC2 shows what was created only a minute later, and the second try comes at once."""
    for number in range(3, 10):
        world = World()
        session(world)
        world.ebs.lag = timedelta(seconds=60)
        day = Day(world, Troubles(crash_at=number, after_effect=True), again=True)
        day.line.latency = timedelta(seconds=6)  # or EC2's spacing of 15 s would stop the second snapshot
        day.run()
        mine = [item for item in world.ebs.snapshots.values() if item.state == "pending"]
        if len({item.volume_id for item in mine}) < len(mine):
            raise PromiseBroken(6, "the killed try and the one after it started a snapshot each")


def killed_while_deleting() -> None:
    """The function that deletes volumes is killed between a delete and its outcome, and tried again: Ann is told all the same."""
    for number in range(3, 14):
        world = World()
        session(world)
        nights(world, 2)
        for _ in range(3):
            day = Day(world, Troubles(crash_at=number, after_effect=True), approve=True, again=True)
            day.run(lambda world=world: world.ebs.advance(timedelta(hours=12)))  # type: ignore[misc]
            world.ebs.advance(timedelta(hours=12))
        assert world.promises.deletes["volumes"]
        world.promises.owners_are_told(world.told)


def many_at_once() -> None:
    """300 orphans: all need their first snapshot, then all may go. EC2 answers within 50 ms and its buckets are all there is."""
    world = World()
    for number in range(300):
        world.orphan(f"orphan-{number}")
    for _ in range(4):
        day = Day(world, Troubles(), approve=True, batch_size=200, polls=30)
        day.line.latency = timedelta(milliseconds=50)
        day.run(lambda: world.ebs.advance(timedelta(hours=12)))
        world.ebs.advance(timedelta(hours=12))
    world.promises.the_pace_was_kept()
    assert len(world.promises.deletes["volumes"]) == 300


ALL_PLAYS: tuple[Play, ...] = (
    another_volume,
    foreign_account,
    smaller_size,
    slow_snapshot,
    proof_due,
    protected_by_hand,
    errors_pile_up,
    comes_unseen,
    brief_visit,
    claim_made_anew,
    killed_while_starting,
    killed_while_ec2_is_late,
    killed_while_deleting,
    many_at_once,
)
