"""The executors' ports over the model: every call takes time and may be throttled, lose its answer, or be the last one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from hubplane.domain.errors import HubplaneError, NotYet, ProviderError, Throttled
from hubplane.domain.provider_errors import THROTTLING_CODES
from hubplane.domain.storage.actions import ClaimReference
from hubplane.domain.storage.outcomes import Intent, Outcome
from hubplane.domain.storage.ports import REFUSAL_OF_CODE, ClaimNow, Entry, Refusal, Refused
from hubplane.domain.storage.records import Claim, Snapshot, Volume
from tests.simulation.ebs import ACCOUNT, CALL, START, ApiError
from tests.simulation.world import World

T = TypeVar("T")
SNAPSHOTS_PER_PAGE = 1000
OTHERS = Snapshot("snap-others", "vol-others", "pending", START, 8, ACCOUNT)


class Crash(Exception):
    """The process is killed."""


@dataclass
class Troubles:
    """What goes wrong in one run, by number of the call: killed before or after it, throttled, its answer lost; or somebody comes
    right before a claim is looked at for the last time."""

    crash_at: int | None = None
    after_effect: bool = False
    throttle_at: int | None = None
    lose_at: int | None = None
    before_delete: Callable[[str], None] | None = None


@dataclass
class Line:
    """The line to the providers, as one function's run has it. ``calls`` counts what went over it."""

    world: World
    troubles: Troubles
    latency: timedelta = CALL
    calls: int = 0
    before_claim_delete: Callable[[Line], None] | None = None
    log: list[str] = field(default_factory=list)

    def call(self, name: str, deed: Callable[[], T]) -> T:
        """One call."""
        self.calls += 1
        self.log.append(name)
        number, troubles = self.calls, self.troubles
        self.world.ebs.advance(self.latency)
        if number == troubles.crash_at and not troubles.after_effect:
            troubles.crash_at = None
            raise Crash
        if number == troubles.throttle_at:
            raise Throttled(name)
        answer = deed()
        if number == troubles.crash_at:
            troubles.crash_at = None
            raise Crash
        return answer

    def ec2(self, operation: str, deed: Callable[[], T]) -> T:
        """A call to EC2, with its buckets, its refusals and answers that get lost."""

        def send() -> T:
            try:
                self.world.ebs.request(operation)
                return deed()
            except ApiError as error:
                raise _translated(error) from None

        answer = self.call(operation, send)
        if self.calls == self.troubles.lose_at and not operation.startswith("Describe"):
            raise Refused(Refusal.LOST, operation)
        return answer


def _translated(error: ApiError) -> HubplaneError:
    if error.code in THROTTLING_CODES:
        return Throttled(error.code)
    if error.code in REFUSAL_OF_CODE:
        return Refused(REFUSAL_OF_CODE[error.code], error.code)
    return ProviderError(error.code)


class EbsPort:
    """The port ``Ebs``. It shows what EC2 shows, late where EC2 is late."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._ebs = line.world.ebs

    def volumes(self, volume_ids: Collection[str]) -> tuple[Volume, ...]:
        return self._volumes(lambda found: [found[key] for key in volume_ids if key in found])

    def volumes_of_claims(self, claim_names: Collection[str]) -> tuple[Volume, ...]:
        names = set(claim_names)
        tag = "kubernetes.io/created-for/pvc/name"
        return self._volumes(lambda found: [item for item in found.values() if item.tags.get(tag) in names])

    def volumes_made_from(self, snapshot_ids: Collection[str]) -> tuple[Volume, ...]:
        ids = set(snapshot_ids)
        return self._volumes(lambda found: [item for item in found.values() if item.source_snapshot_id in ids])

    def snapshots(self, snapshot_ids: Collection[str]) -> tuple[Snapshot, ...]:
        return self._snapshots(lambda found: [found[key] for key in snapshot_ids if key in found])

    def snapshots_of(self, volume_ids: Collection[str]) -> tuple[Snapshot, ...]:
        known = self._ebs.snapshots_of

        def of(found: Mapping[str, Snapshot]) -> list[Snapshot]:
            if self._ebs.lag:
                return [item for item in found.values() if item.volume_id in volume_ids]
            return [found[key] for volume_id in volume_ids if volume_id in known for key in known[volume_id]]

        return self._snapshots(of)

    def snapshots_of_claims(self, claim_names: Collection[str]) -> tuple[Snapshot, ...]:
        names, tag = set(claim_names), "kubernetes.io/created-for/pvc/name"
        return self._snapshots(
            lambda found: [item for item in found.values() if item.tags.get(tag) in names and item.owner_id == ACCOUNT]
        )

    def snapshots_descending_from(self, volume_ids: Collection[str]) -> tuple[Snapshot, ...]:
        def of(found: Mapping[str, Snapshot]) -> list[Snapshot]:
            ancestry = ((item, item.tags.get("hubplane:ancestry", "")) for item in found.values())
            return [item for item, text in ancestry if text and any(f"{key}@" in text for key in volume_ids)]

        return self._snapshots(of)

    def pending(self) -> tuple[Snapshot, ...]:
        def of() -> tuple[Snapshot, ...]:
            found = self._seen()[1]
            if self._ebs.lag:
                mine = tuple(item for item in found.values() if item.state == "pending")
            else:
                mine = tuple(found[key] for key in self._ebs.pending_ids)
            return (*mine, *(OTHERS for _ in range(self._ebs.others_pending)))

        return self._line.ec2("DescribeSnapshots", of)

    def create_snapshot(self, volume_id: str, tags: Mapping[str, str]) -> str:
        return self._line.ec2("CreateSnapshot", lambda: self._ebs.create_snapshot(volume_id, dict(tags)))

    def delete_snapshot(self, snapshot_id: str) -> None:
        self._line.ec2("DeleteSnapshot", lambda: self._ebs.delete_snapshot(snapshot_id))

    def delete_volume(self, volume_id: str) -> None:
        def deed() -> None:
            if volume_id in self._ebs.volumes:
                self._line.world.promises.deleted_through_ec2(volume_id)
            self._ebs.delete_volume(volume_id)

        self._line.ec2("DeleteVolume", deed)

    def _volumes(self, of: Callable[[Mapping[str, Volume]], list[Volume]]) -> tuple[Volume, ...]:
        return self._line.ec2("DescribeVolumes", lambda: tuple(of(self._seen()[0])))

    def _snapshots(self, of: Callable[[Mapping[str, Snapshot]], list[Snapshot]]) -> tuple[Snapshot, ...]:
        found = self._line.ec2("DescribeSnapshots", lambda: tuple(of(self._seen()[1])))
        for _ in range(SNAPSHOTS_PER_PAGE, len(found), SNAPSHOTS_PER_PAGE):
            self._line.ec2("DescribeSnapshots", lambda: None)
        return found

    def _seen(self) -> tuple[Mapping[str, Volume], Mapping[str, Snapshot]]:
        if not self._ebs.lag:
            return self._ebs.volumes, self._ebs.snapshots
        volumes, snapshots = self._ebs.describe()
        return {item.volume_id: item for item in volumes}, {item.snapshot_id: item for item in snapshots}


class ClaimsPort:
    """The port ``Claims``: the cluster is never late, but does not always answer."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._world = line.world

    def read_claims(self) -> tuple[tuple[Claim, ...], frozenset[str]]:
        def read() -> tuple[tuple[Claim, ...], frozenset[str]]:
            self._answers()
            claims = tuple(self._world.claims.values())
            return claims, frozenset(claim.volume_id for claim in claims if claim.volume_id)

        return self._line.call("ListClaims", read)

    def read_claim(self, _namespace: str, name: str) -> ClaimNow | None:
        come = self._line.troubles.before_delete
        if come is not None and name in self._world.claims:
            come(self._world.claims[name].volume_id or "")

        def read() -> ClaimNow | None:
            self._answers()
            claim = self._world.claims.get(name)
            return ClaimNow(claim, claim.uid, name in self._world.terminating) if claim else None

        return self._line.call("GetClaim", read)

    def delete_claim(self, claim: ClaimReference, version: str) -> None:
        if self._line.before_claim_delete is not None:
            self._line.before_claim_delete(self._line)

        def delete() -> None:
            self._answers()
            deleted = self._world.delete_claim(claim.name, claim.uid)
            if deleted is None or (deleted and version != claim.uid):
                raise Refused(Refusal.CHANGED, f"{claim.name} is another claim")
            if not deleted:
                raise Refused(Refusal.GONE, f"{claim.name} is gone")

        self._line.call("DeleteClaim", delete)
        if self._line.calls == self._line.troubles.lose_at:
            raise Refused(Refusal.LOST, "DeleteClaim")

    def _answers(self) -> None:
        if not self._world.cluster_answers:
            raise NotYet("the API server does not answer")


class LedgerPort:
    """The port ``Ledger``: one run's part of the world's ledger. ``run_id`` begins with its night and a slash."""

    def __init__(self, line: Line, run_id: str) -> None:
        self._line = line
        self._run_id = run_id

    def begin(self, batch: str, intents: Sequence[Intent], now: datetime) -> Entry | None:
        ledger, key = self._entries(), (self._run_id, batch)

        def put() -> Entry | None:
            if key in ledger:
                return ledger[key]
            ledger[key] = Entry(now, tuple(intents))
            return None

        return self._line.call("PutItem", put)

    def finish(self, batch: str, outcomes: Sequence[Outcome], _now: datetime) -> None:
        ledger, key = self._entries(), (self._run_id, batch)

        def update() -> None:
            ledger[key] = replace(ledger[key], outcomes=tuple(outcomes))

        self._line.call("UpdateItem", update)

    def _entries(self) -> dict[tuple[str, str], Entry]:
        return self._line.world.ledger[self._run_id.partition("/")[0]]


class ClockPort:
    """The port ``Clock``."""

    def __init__(self, world: World) -> None:
        self._ebs = world.ebs

    def now(self) -> datetime:
        return self._ebs.now

    def pause(self, seconds: float) -> None:
        self._ebs.advance(timedelta(seconds=seconds))
