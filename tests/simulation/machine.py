"""A Hypothesis state machine that plays people, nights, troubles and hands; after every step the promises hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hubplane.domain.homes.facts import HomeAction
from hubplane.domain.storage.records import Snapshot, Volume
from tests.simulation.executor import Day, Troubles
from tests.simulation.spawning import Spawn
from tests.simulation.world import Person, World

PEOPLE = st.integers(0, 3)
STOP_TAGS = ("server-stop-time", "server-stop-time", "jupyter-volume-stopping-time", None)
SCRIBBLES: tuple[tuple[str, str], ...] = (
    ("do-not-delete", "False"),
    ("Do-Not-Delete", ""),
    ("server-stop-time", "last week"),
    ("volume-delete-time", "never"),
    ("kubernetes.io/cluster/other", "owned"),
    ("note", "hello"),
)
REACHED = {"steps": 0, "nights": 0, "calls": 0, "volumes deleted": 0, "snapshots deleted": 0, "mails": 0, "homes ended": 0} | {
    "spawns": 0,
    "spawns refused": 0,
    "homes brought back": 0,
    "volumes given their claim back": 0,
}


class StorageMachine(RuleBasedStateMachine):
    """Steps are weighted by how many rules there are of a kind."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    # -- people ---------------------------------------------------------------------------------------------------------------

    @rule(who=PEOPLE, hours=st.integers(1, 30), how=st.integers(0, 7))
    def session(self, who: int, hours: int, how: int) -> None:
        """Somebody works for some hours and stops; at least one end of the session leaves its tag. The hub asks before some
        sessions, and is one of before Hubplane in others."""
        person = self.world.people[who]
        if how % 2:
            self._spawn(person)
        else:
            self.world.start(person, start_tag=STOP_TAGS[how % 4] is None or how < 4)
        self.world.ebs.advance(timedelta(hours=hours))
        self.world.stop(person, stop_tag=STOP_TAGS[how % 4])

    @rule(who=PEOPLE, kind=st.integers(0, 5), at=st.integers(1, 24))
    def start(self, who: int, kind: int, at: int) -> None:
        """Somebody starts a server and stays; something goes wrong at one call, or a second start comes there."""
        person = self.world.people[who]
        troubles = (
            Troubles(crash_at=at),
            Troubles(crash_at=at, after_effect=True),
            Troubles(throttle_at=at),
            Troubles(lose_at=at),
            Troubles(),
            Troubles(),
        )[kind]
        second = Spawn(self.world, person)
        self._spawn(person, troubles, {at: second.ask} if kind == 5 else {})

    @rule(who=PEOPLE, how=st.integers(0, 3))
    def stop(self, who: int, how: int) -> None:
        """Somebody stops, or the hub crashes before it writes the tag."""
        self.world.stop(self.world.people[who], stop_tag=STOP_TAGS[how])

    @rule(who=PEOPLE, what=st.integers(0, 3))
    def oddity(self, who: int, what: int) -> None:
        """What happens now and then to one person."""
        person, world = self.world.people[who], self.world
        if what == 0:
            world.leave(person)
        elif what == 1:
            world.start(person, old_hook=True)
        elif what == 2:
            world.lose_claim(person)
        else:
            world.duplicate(person)
            world.ebs.next_snapshot_fails = True
            world.ebs.advance(timedelta(minutes=10))

    @rule(who=PEOPLE, what=st.booleans())
    def volume_by_hand(self, who: int, what: bool) -> None:
        """Somebody's volume is grown; or an operator removes the unused one of two."""
        person, ebs = self.world.people[who], self.world.ebs
        if what:
            self.world.grow(person)
        else:
            self.world.remove_duplicates(person)
        ebs.advance(timedelta(minutes=10))

    # -- nights ---------------------------------------------------------------------------------------------------------------

    @rule(kind=st.integers(0, 11), at=st.integers(1, 24))
    def troubled_night(self, kind: int, at: int) -> None:
        """A night in which something goes wrong at one call or somebody comes, and a second run after it.

        Where a function is killed the machine tries it again in every third such night, and otherwise the night ends.
        """
        troubles = (
            Troubles(crash_at=at),
            Troubles(crash_at=at, after_effect=True),
            Troubles(throttle_at=at),
            Troubles(before_delete=self._somebody_comes(brief=at % 3 == 0, start_tag=at % 2 == 0)),
            Troubles(lose_at=at),
            Troubles(crash_at=at, after_effect=True),
        )[kind // 2]
        self._night(troubles, approve=kind % 2 == 0, wait_hours=at, again=kind // 2 == 5)
        self._night(Troubles(), approve=kind % 2 == 0, wait_hours=1)

    @rule(nights=st.integers(1, 5), hours=st.integers(0, 13), how=st.integers(0, 5))
    def quiet_nights(self, nights: int, hours: int, how: int) -> None:
        """Night after night; in some of such weeks the cluster cannot be asked."""
        approve = how > 1
        self.world.cluster_answers = self.world.cluster_answers and how < 5
        for _ in range(nights if how < 5 else 2 * nights):
            self._night(Troubles(), approve=approve, wait_hours=hours)
            self.world.ebs.advance(timedelta(hours=24 - hours))
        self.world.cluster_answers = self.world.cluster_answers or how == 5

    @rule(days=st.integers(1, 12))
    def missed_nights(self, days: int) -> None:
        """The schedule does not fire."""
        self.world.ebs.advance(timedelta(days=days))

    # -- troubles and hands ---------------------------------------------------------------------------------------------------

    @rule(what=st.integers(0, 7))
    def weather(self, what: int) -> None:
        """What lasts for a while, or comes with the next call."""
        ebs, world = self.world.ebs, self.world
        if what == 0:
            ebs.next_snapshot_fails = True
        elif what == 1:
            ebs.lag = timedelta(seconds=60) - ebs.lag
        elif what == 2:
            ebs.others_pending = 100 - ebs.others_pending
        elif what == 3:
            world.mail_works = not world.mail_works
        elif what == 4:
            world.cluster_answers = not world.cluster_answers
        elif what == 5:
            ebs.trail_on = not ebs.trail_on
        elif what == 6:
            ebs.no_room = not ebs.no_room
        else:
            ebs.lag, ebs.others_pending, ebs.no_room = timedelta(0), 0, False
            world.mail_works = world.cluster_answers = True

    @rule(which=st.integers(0, 30), what=st.integers(0, 7))
    def hand(self, which: int, what: int) -> None:
        """A person changes a volume or snapshot in the console, and is seen to have done so before the next night."""
        ebs = self.world.ebs
        everything: list[Volume | Snapshot] = [*ebs.volumes.values(), *ebs.snapshots.values()]
        thing = everything[which % len(everything)]
        if what < len(SCRIBBLES):
            key, value = SCRIBBLES[what]
            ebs.change(thing, tags={**thing.tags, key: value})
        elif what == 6 and isinstance(thing, Volume):
            ebs.change(thing, size_gib=thing.size_gib + 10)
        elif isinstance(thing, Volume) and not thing.attached:
            ebs.share(Snapshot(f"snap-foreign-{ebs.now:%m%d%H%M%S}", thing.volume_id, "completed", ebs.now, 9999, "999988887777"))
        ebs.advance(timedelta(minutes=10))

    @rule(which=st.integers(0, 30))
    def tidy(self, which: int) -> None:
        """A person takes such tags off again."""
        ebs = self.world.ebs
        everything: list[Volume | Snapshot] = [*ebs.volumes.values(), *ebs.snapshots.values()]
        scribbled = {key for key, _ in SCRIBBLES}
        for thing in everything[which % len(everything) :]:
            if any(key in scribbled and value == dict(SCRIBBLES)[key] for key, value in thing.tags.items()):
                tags = {key: value for key, value in thing.tags.items() if dict(SCRIBBLES).get(key) != value}
                ebs.change(thing, tags=tags)
        ebs.advance(timedelta(minutes=10))

    @invariant()
    def promises_hold(self) -> None:
        """Nobody's last byte is lost; the other promises are watched at each delete and mail."""
        REACHED["steps"] += 1
        self.world.promises.nothing_is_lost()

    def teardown(self) -> None:
        """Add up what this example reached."""
        promises = self.world.promises
        REACHED["volumes deleted"] += len(promises.deletes["volumes"])
        REACHED["snapshots deleted"] += len(promises.deletes["snapshots"])
        REACHED["mails"] += len(promises.mails)
        REACHED["homes ended"] += len(promises.expired)

    def _spawn(
        self, person: Person, troubles: Troubles | None = None, meanwhile: dict[int, Callable[[], object]] | None = None
    ) -> None:
        spawn = Spawn(self.world, person, troubles or Troubles(), meanwhile or {})
        begun = spawn.run()
        REACHED["spawns"] += 1
        REACHED["homes brought back"] += begun and any(plan.action is HomeAction.RESTORE for plan in spawn.plans)
        REACHED["volumes given their claim back"] += begun and any(plan.action is HomeAction.ADOPT for plan in spawn.plans)
        REACHED["spawns refused"] += not begun and bool(spawn.plans) and spawn.plans[-1].action is HomeAction.REFUSE

    def _night(self, troubles: Troubles, *, approve: bool, wait_hours: int, again: bool = False) -> None:
        day = Day(self.world, troubles, approve, again)
        day.run(lambda: self.world.ebs.advance(timedelta(hours=wait_hours)))
        REACHED["nights"] += 1
        REACHED["calls"] += day.calls

    def _somebody_comes(self, *, brief: bool, start_tag: bool) -> Callable[[str], None]:
        """Whose volume is about to be deleted starts a server in that moment; brief sessions leave their start tag at least."""

        def come(resource_id: str) -> None:
            for person in self.world.people:
                claim = self.world.claims.get(person.claim_name)
                if claim is not None and claim.volume_id == resource_id:
                    self.world.start(person, start_tag=start_tag or brief)
                    if brief:
                        self.world.stop(person, stop_tag=None)

        return come
