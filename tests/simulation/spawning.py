"""A spawn as the hub asks for it, call by call of the real ``give_home``: killed, throttled, or met by a second one anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

from hubplane.domain.errors import HomeHeld, HomeTaken, HubplaneError, NotYet, ProviderError
from hubplane.domain.homes.binding import Bond, HomeBond
from hubplane.domain.homes.facts import HomeAction, HomeFacts, HomePlan, SeenClaim
from hubplane.domain.homes.giving import give_home
from hubplane.domain.homes.holds import Hold
from hubplane.domain.homes.making import Making
from hubplane.domain.homes.ports import Tools
from hubplane.domain.homes.switching import SeenVolumeObject
from hubplane.domain.homes.volumes import WantedVolume
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.storage.ports import Refused
from hubplane.domain.storage.records import Claim
from tests.simulation.ebs import ACCOUNT, ZONE
from tests.simulation.ports import ClockPort, Crash, EbsPort, Line, Troubles
from tests.simulation.world import CLUSTER, Person, World

JOINS = timedelta(seconds=3)
HUB_WAITS = timedelta(minutes=15)
AFTER_FAILURE = 60
_numbers = count(1)


class HomeVolumesPort:
    """The port ``Volumes``."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def create(self, wanted: WantedVolume) -> str:
        try:
            return self._line.ec2("CreateVolume", lambda: self._line.world.ebs.make_volume(wanted))
        except Refused as error:
            raise ProviderError(str(error)) from None


class HomeClaimsPort:
    """The port ``Claims`` of a spawn: the cluster is never late, but does not always answer."""

    def __init__(self, line: Line) -> None:
        self._line, self._world = line, line.world

    def see(self, name: str) -> SeenClaim | None:
        def read() -> SeenClaim | None:
            _answers(self._world)
            claim = self._world.claims.get(name)
            if claim is None:
                return None
            bound_to = next((key for key, (each, _) in self._world.objects.items() if each == claim.volume_id), None)
            joined = self._world.joined_at.get(name, self._world.ebs.now) <= self._world.ebs.now
            ending = name in self._world.terminating
            return SeenClaim(name, bound_to, claim.volume_id, ending, "Bound" if joined else "Pending")

        return self._line.call("GetClaim", read)

    def objects_of(self, volume_id: str) -> tuple[SeenVolumeObject, ...]:
        def read() -> tuple[SeenVolumeObject, ...]:
            _answers(self._world)
            found = self._world.objects.items()
            return tuple(SeenVolumeObject(key, each, False, name) for key, (each, name) in found if each == volume_id)

        return self._line.call("ListVolumes", read)


class BindingPort:
    """The port ``Binding``: each object is made only where there is none of its name."""

    def __init__(self, line: Line) -> None:
        self._line, self._world = line, line.world

    def bind(self, bond: HomeBond) -> Bond:
        name, world = bond.claim_name, self._world

        def make_volume() -> None:
            _answers(world)
            if world.objects.setdefault(bond.persistent_volume_name, (bond.volume_id, name)) != (bond.volume_id, name):
                raise HomeTaken(bond.persistent_volume_name)

        def make_claim() -> None:
            _answers(world)
            if name not in world.claims:
                world.promises.claim_made(name, bond.volume_id)
                world.claims[name] = Claim("jupyter", name, f"uid-{bond.persistent_volume_name}", bond.volume_id)
                world.joined_at[name] = world.ebs.now + JOINS
            if world.claims[name].volume_id != bond.volume_id:
                raise HomeTaken(name)

        self._line.call("CreatePersistentVolume", make_volume)
        self._line.call("CreateClaim", make_claim)
        return Bond.BOUND if world.joined_at.get(name, world.ebs.now) <= world.ebs.now else Bond.BINDING


class HoldsPort:
    """The port ``Holds``."""

    def __init__(self, line: Line) -> None:
        self._line, self._holds = line, line.world.holds

    def hold(self, _cluster_name: str, claim_name: str, holder: str, why: str, until_at: datetime) -> None:
        def put() -> None:
            held = self._standing(claim_name)
            if held is not None and held.holder != holder:
                raise HomeHeld(held.why)
            self._holds[claim_name] = Hold(holder, why, until_at)

        self._line.call("PutHold", put)

    def release(self, _cluster_name: str, claim_name: str, holder: str) -> None:
        def delete() -> None:
            if claim_name in self._holds and self._holds[claim_name].holder == holder:
                del self._holds[claim_name]

        self._line.call("DeleteHold", delete)

    def read(self, _cluster_name: str, claim_name: str) -> Hold | None:
        return self._line.call("GetHold", lambda: self._standing(claim_name))

    def _standing(self, claim_name: str) -> Hold | None:
        held = self._holds.get(claim_name)
        return held if held and held.until_at > self._line.world.ebs.now else None


class MakingsPort:
    """The port ``Makings``."""

    def __init__(self, line: Line) -> None:
        self._line, self._makings = line, line.world.makings

    def last(self, _cluster_name: str, claim_name: str) -> Making | None:
        return self._line.call("QueryMakings", lambda: self._makings[claim_name][-1] if self._makings[claim_name] else None)

    def begin(self, _cluster_name: str, making: Making) -> bool:
        def put() -> bool:
            there = any(each.number == making.number for each in self._makings[making.claim_name])
            if not there:
                self._makings[making.claim_name].append(making)
            return not there

        return self._line.call("PutMaking", put)

    def note(self, _cluster_name: str, making: Making, volume_id: str, now: datetime) -> None:
        self._write(making, volume_id=volume_id, made_at=now)

    def end(self, _cluster_name: str, making: Making, volume_id: str, now: datetime) -> None:
        self._write(making, ended_at=now)

    def _write(self, making: Making, **fields: object) -> None:
        def update() -> None:
            mine = self._makings[making.claim_name]
            place = next(at for at, each in enumerate(mine) if each.number == making.number)
            mine[place] = replace(mine[place], **fields)  # type: ignore[arg-type]

        self._line.call("UpdateMaking", update)


class NobodyNew:
    """The port ``People``: everybody here is on record."""

    def pin(self, record: UserRecord) -> bool:
        raise AssertionError(record)


class SpawnEbs(EbsPort):
    """What a spawn writes on a volume."""

    def tag_volume(self, volume_id: str, tags: Mapping[str, str]) -> None:
        self._line.ec2("CreateTags", lambda: self._line.world.ebs.tag(volume_id, tags))


@dataclass
class Spawn:
    """One person's server, from the first question to a yes, a no, or a hub that waits no longer.

    ``meanwhile``: at which call of the first question what happens in between.
    """

    world: World
    person: Person
    troubles: Troubles = field(default_factory=Troubles)
    meanwhile: dict[int, Callable[[], object]] = field(default_factory=dict)
    calls: int = 0
    plans: list[HomePlan] = field(default_factory=list)

    def run(self) -> bool:
        """Ask until it ends, and mount what the answer allows. Whether the person works then."""
        if self.person.volume_id is not None:
            return False
        until = self.world.ebs.now + HUB_WAITS
        while self.world.ebs.now < until:
            plan = self.ask()
            if plan is not None and plan.retry_seconds is None:
                return self._begin(plan)
            self.world.ebs.advance(timedelta(seconds=plan.retry_seconds if plan and plan.retry_seconds else AFTER_FAILURE))
        return False

    def ask(self) -> HomePlan | None:
        """One invocation; None where it was killed or failed, after which the hub asks again."""
        line = _SpawnLine(self.world, self.troubles, self)
        try:
            self.plans.append(give_home(self._facts(), lambda: _tools(line)))
        except (Crash, HubplaneError):
            return None
        return self.plans[-1]

    def _begin(self, plan: HomePlan) -> bool:
        if not plan.allowed or self.person.volume_id is not None:
            return False
        if plan.action is HomeAction.CREATE:
            self.world.make_home(self.person)
        return self.world.mount(self.person)

    def _facts(self) -> HomeFacts:
        name = self.person.name
        record = UserRecord(name, self.person.sub, "", Status.APPROVED, (CLUSTER,))
        return HomeFacts(CLUSTER, ACCOUNT, name, self.person.claim_name, ZONE, 10, record, {self.person.claim_name: name})


@dataclass
class _SpawnLine(Line):
    """A line whose calls count on over all questions of a spawn; the trouble comes at one of them."""

    spawn: Spawn | None = None

    def __init__(self, world: World, troubles: Troubles, spawn: Spawn) -> None:
        super().__init__(world, troubles)
        self.spawn, self.calls = spawn, spawn.calls

    def call(self, name: str, deed: Callable[[], object]) -> object:  # type: ignore[override]
        assert self.spawn is not None
        self.spawn.calls += 1
        come = self.spawn.meanwhile.pop(self.spawn.calls, None)
        if come is not None:
            come()
        return super().call(name, deed)


def _tools(line: Line) -> Tools:
    token = f"{next(_numbers):032x}"
    return Tools(
        storage=SpawnEbs(line),
        volumes=HomeVolumesPort(line),
        claims=HomeClaimsPort(line),
        binding=BindingPort(line),
        holds=HoldsPort(line),
        makings=MakingsPort(line),
        people=NobodyNew(),
        clock=ClockPort(line.world),
        holder=f"spawn {token}",
        token=token,
    )


def _answers(world: World) -> None:
    if not world.cluster_answers:
        raise NotYet("the API server does not answer")
