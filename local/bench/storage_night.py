"""A fleet's night in the model of EBS, at the real limits: how long it takes, whether EC2 ever says no, and what it is asked.

Planners and executors are the real ones; the model is that of ``tests/simulation``. The fleet is in a steady state: homes stand
until they have been unused for 30 days, one in twenty is used on a day, each keeps what the default ladder keeps. As many
volumes go as come back.

Counted are EC2, DynamoDB and S3, and the CSI driver's DeleteVolume for each claim. The least possible are the pages of three
sweeps (one before each step, because each decides on what the one before it did) and one call per change. Pages of the tables
(owners, uses) belong to both and are left out; Kubernetes is no AWS service.
"""

from __future__ import annotations

import gc
import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from hubplane.domain.storage.actions import Action, Plan, PlannedAction
from hubplane.domain.storage.deleting import apply_batch
from hubplane.domain.storage.executing import Tools
from hubplane.domain.storage.ladder import rungs
from hubplane.domain.storage.looking import Known
from hubplane.domain.storage.outcomes import Outcome
from hubplane.domain.storage.pacing import Pace
from hubplane.domain.storage.planning import Things, batches_of
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.ports import Entry
from hubplane.domain.storage.records import Claim, Inventory, Sighting, Snapshot, Volume
from hubplane.domain.storage.snapshot_pruning import plan_snapshot_pruning
from hubplane.domain.storage.snapshotting import plan_snapshots
from hubplane.domain.storage.starting import start_from
from hubplane.domain.storage.taking_inventory import PAGE_BYTES
from hubplane.domain.storage.view import observe
from hubplane.domain.storage.volume_pruning import plan_volume_pruning
from tests.simulation.ebs import ACCOUNT, START, Ebs
from tests.simulation.ports import ClaimsPort, ClockPort, EbsPort, LedgerPort, Line, Troubles

FLEET: Final = 100_000
USED_A_DAY: Final = 0.05
LARGEST_CALL_RATIO: Final = 1.05
MOST_PENDING: Final = 80
CLUSTER: Final = "opensarlab"
POLICY: Final = StoragePolicy(volume_idle_days=30, prune=True)
BETWEEN_USES: Final = timedelta(days=1 / USED_A_DAY)
USES: Final = 40
LONGEST_IDLE_DAYS: Final = POLICY.volume_idle_days + 1

LATENCY: Final = timedelta(milliseconds=100)
# 2 GiB of a day's work at 50 GB/h, and what EBS needs besides; the model's guess, on which the hours depend in proportion.
SNAPSHOT_TAKES: Final = timedelta(minutes=4)
POLL: Final = timedelta(seconds=240)
"""``SnapshotPollSeconds`` of template.yaml."""
# The CSI driver meanwhile: it draws this many requests a second from each bucket of changes, for restores and visits.
OTHERS_PER_SECOND: Final = 1.0

VOLUMES_PER_PAGE: Final = 500
SNAPSHOTS_PER_PAGE: Final = 1000
INVENTORY_BYTES_PER_SNAPSHOT: Final = 40


@dataclass(frozen=True)
class NightFigures:
    """One night of so many volumes. ``calls`` by service and operation; ``least`` what could not be left out."""

    volumes: int
    hours: float
    throttled: int
    most_pending: int
    started: int
    volumes_deleted: int
    snapshots_deleted: int
    calls: Counter[str]
    pages: int
    processor_seconds: float

    @property
    def least(self) -> int:
        """Pages and one call per change."""
        return self.pages + self.started + self.snapshots_deleted + self.volumes_deleted

    @property
    def call_ratio(self) -> float:
        """All calls against the least."""
        return self.calls.total() / self.least

    @property
    def is_within_goal(self) -> bool:
        """No throttle error, the reserve kept, hardly a call more than needed."""
        return self.throttled == 0 and self.most_pending <= MOST_PENDING and self.call_ratio <= LARGEST_CALL_RATIO


class Fleet:
    """What the ports of the simulation ask of a world."""

    def __init__(self, count: int) -> None:
        self.ebs = SharedEbs()
        self.claims: dict[str, Claim] = {}
        self.terminating: set[str] = set()
        self.cluster_answers = True
        self.ledger: dict[str, dict[tuple[str, str], Entry]] = {START.date().isoformat(): {}}
        self.sightings: dict[str, Sighting] = {}
        self.ebs.now = START.replace(hour=10)
        self.ebs.later_takes = self.ebs.first_takes = lambda _volume: SNAPSHOT_TAKES
        for number, idle_days in zip(range(count), _idle_days(count), strict=True):
            self._home(number, idle_days)

    @property
    def night(self) -> str:
        return START.date().isoformat()

    def delete_claim(self, name: str, uid: str) -> bool | None:
        """Kubernetes takes the claim, and the CSI driver its volume."""
        claim = self.claims.get(name)
        if claim is None or claim.uid != uid:
            return False if claim is None else None
        del self.claims[name]
        self.ebs.request("DeleteVolume")
        self.ebs.delete_volume(str(claim.volume_id))
        return True

    def inventory(self) -> Inventory:
        """What a sweep shows."""
        return Inventory(
            cluster_name=CLUSTER,
            account_id=ACCOUNT,
            volumes=tuple(self.ebs.volumes.values()),
            snapshots=tuple(self.ebs.snapshots.values()),
            claims=tuple(self.claims.values()),
            persistent_volume_ids=frozenset(str(claim.volume_id) for claim in self.claims.values()),
            sightings=tuple(self.sightings.values()),
            pending_in_account=self.ebs.pending,
        )

    def _home(self, number: int, idle_days: int) -> None:
        volume_id, name = f"vol-{number:017x}", f"claim-user-{number}"
        # Sessions ended between 1 and 13 hours before the night, spread evenly.
        stopped_at = self.ebs.now - timedelta(days=idle_days, seconds=3600 + number % 43200)
        tags = {
            f"kubernetes.io/cluster/{CLUSTER}": "owned",
            "kubernetes.io/created-for/pvc/name": name,
            "kubernetes.io/created-for/pvc/namespace": "jupyter",
        }
        stop = {"server-stop-time": str(stopped_at.replace(microsecond=0))}
        volume = Volume(volume_id, 500, "available", self.ebs.now - timedelta(days=400), {**tags, **stop})
        self.ebs.add(volume)
        self.claims[name] = Claim("jupyter", name, f"uid-{number}", volume_id)
        last_night = self.ebs.now - timedelta(days=idle_days - 1) if idle_days else None
        if last_night is not None:
            self.sightings[volume_id] = Sighting(volume_id, volume.created_at, last_night)
        for use, night in _kept_snapshots(last_night or self.ebs.now - BETWEEN_USES):
            at = night + timedelta(seconds=number % 20000)
            self.ebs.add(Snapshot(f"snap-{number:x}-{use}", volume_id, "completed", at, 500, ACCOUNT, tags))


class SharedEbs(Ebs):
    """The model without its history, and with the CSI driver drawing from the same buckets."""

    def add(self, record: Volume | Snapshot) -> None:
        """Something that was there before the night."""
        if isinstance(record, Volume):
            self.volumes[record.volume_id] = record
            self.node_of[record.volume_id] = 0
        else:
            self.snapshots[record.snapshot_id] = record
            self.snapshots_of[record.volume_id][record.snapshot_id] = None

    def request(self, operation: str) -> None:
        """One request, after what the others took of its bucket since the last one."""
        bucket = self.bucket(operation)
        if not operation.startswith("Describe"):
            bucket.drain(self.now, OTHERS_PER_SECOND)
        super().request(operation)


def measure(count: int = FLEET) -> NightFigures:
    """One night of ``count`` volumes; some minutes of processor time and 1.5 GB for 100,000."""
    began = time.process_time()
    fleet = Fleet(count)
    started_at, pages, calls = fleet.ebs.now, 0, Counter[str]()
    night = _Night(fleet)
    for step in (night.snapshot_volumes, night.prune_volumes, night.prune_snapshots):
        sweep = night.sweep()
        pages += sweep["EC2 pages"]
        calls += sweep
        step()
        gc.collect()
    calls += Counter({f"EC2 {name}": times for name, times in fleet.ebs.requests.items()})
    calls += night.calls
    counted = Counter(outcome.action for outcome in night.outcomes if outcome.result in ("started", "deleted"))
    return NightFigures(
        volumes=count,
        hours=(fleet.ebs.now - started_at) / timedelta(hours=1),
        throttled=fleet.ebs.throttled,
        most_pending=fleet.ebs.most_pending,
        started=counted[Action.CREATE_SNAPSHOT],
        volumes_deleted=counted[Action.DELETE_CLAIM],
        snapshots_deleted=counted[Action.DELETE_SNAPSHOT],
        calls=calls,
        pages=pages,
        processor_seconds=time.process_time() - began,
    )


class _Night:
    """The three steps as their state machines drive them."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.seen = fleet.inventory()
        self.outcomes: list[Outcome] = []
        self.calls: Counter[str] = Counter()

    def sweep(self) -> Counter[str]:
        """Pages at a pace of their own, sightings; its calls."""
        ebs = self.fleet.ebs
        volumes = max(1, math.ceil(len(ebs.volumes) / VOLUMES_PER_PAGE))
        snapshots = max(1, math.ceil(len(ebs.snapshots) / SNAPSHOTS_PER_PAGE))
        ebs.advance(LATENCY * 5 * (volumes + snapshots))
        stored = 2 + math.ceil(len(ebs.snapshots) * INVENTORY_BYTES_PER_SNAPSHOT / PAGE_BYTES)
        seen = self.fleet.inventory()
        self.fleet.sightings.update({item.volume_id: item for item in observe(seen, POLICY, ebs.now)})
        self.seen = replace(seen, sightings=tuple(self.fleet.sightings.values()))
        # Pages written once and read for the volumes' ids, the end of the sweep and the plan; cluster and sightings beside them.
        return Counter({"EC2 pages": volumes + snapshots, "S3 PutObject": stored + 2, "S3 GetObject": 3 * stored + 2})

    def snapshot_volumes(self) -> None:
        """Start, look, wait, until all are finished."""
        plan = plan_snapshots(self.seen, POLICY, self.fleet.ebs.now)
        parts = self._planned(plan)
        batches = [lambda part=part: part for part in parts]
        self.calls["S3 GetObject"] += 2 + len(parts)  # a warm function reads each object once
        known, line, at = Known(self.seen), self._line(), (0, 0)
        while True:
            progress = start_from(*at, batches, self._keep, known, POLICY, self._tools(line, "start"), self._run_id("start"))
            self.outcomes.extend(progress.outcomes)
            if progress.batch is None:
                line.ec2("DescribeSnapshots", lambda: None)  # CheckSnapshots
                if not self.fleet.ebs.pending:
                    break
            at = (len(batches), 0) if progress.batch is None else (progress.batch, progress.start)
            self.fleet.ebs.advance(POLL)
        self._count(line)

    def prune_volumes(self) -> None:
        """The batches one after the other."""
        plan = plan_volume_pruning(self.seen, POLICY, self.fleet.ebs.now)
        self._apply("volumes", self._planned(plan), plan)

    def prune_snapshots(self) -> None:
        """The same."""
        plan = plan_snapshot_pruning(self.seen, POLICY, self.fleet.ebs.now)
        self._apply("snapshots", self._planned(plan), plan)

    def _apply(self, step: str, parts: Sequence[Sequence[PlannedAction]], plan: Plan) -> None:
        volume_of = {item.snapshot_id: item.volume_id for item in self.seen.snapshots}
        if plan.stop is not None:
            raise RuntimeError(f"the made-up night stops: {plan.stop.reason}")
        known, line = Known(self.seen), self._line()
        for number, part in enumerate(parts, 1):
            outcomes = apply_batch(f"{number:05}", part, known, POLICY, self._tools(line, step), self._run_id(step), volume_of)
            self.outcomes.extend(outcomes)
            self.calls.update(("S3 GetObject", "S3 PutObject"))
        self.calls["S3 GetObject"] += 1
        self._count(line)

    def _planned(self, plan: Plan) -> list[list[PlannedAction]]:
        """The batches, and what it costs to write them down."""
        by_id = {action.resource_id: action for action in plan.actions}
        order = [[line["resource_id"] for line in lines] for lines in batches_of(plan, Things(self.seen))]
        self.calls["S3 PutObject"] += 3 + len(order)
        return [[by_id[resource_id] for resource_id in ids] for ids in order]

    def _keep(self, _name: str, _outcomes: Sequence[Outcome]) -> None:
        self.calls["S3 PutObject"] += 1

    def _line(self) -> Line:
        return Line(self.fleet, Troubles(), LATENCY)  # type: ignore[arg-type]

    def _tools(self, line: Line, step: str) -> Tools:
        clock = ClockPort(self.fleet)  # type: ignore[arg-type]
        stop_at = self.fleet.ebs.now + timedelta(seconds=780)
        return Tools(EbsPort(line), ClaimsPort(line), LedgerPort(line, self._run_id(step)), clock, Pace(clock), stop_at)

    def _run_id(self, step: str) -> str:
        return f"{self.fleet.night}/{step}"

    def _count(self, line: Line) -> None:
        self.calls.update(f"DynamoDB {name}" for name in line.log if name in ("PutItem", "UpdateItem"))


@cache
def _kept_snapshots(newest: datetime) -> tuple[tuple[int, datetime], ...]:
    """What the ladder has left of a home's snapshots, one after each use: their numbers and times."""
    taken = [Snapshot(str(use), "", "completed", newest - BETWEEN_USES * use, 500, ACCOUNT) for use in range(USES)]
    kept = rungs(taken, POLICY)
    return tuple((use, item.started_at) for use, item in enumerate(taken) if item.snapshot_id in kept)


def _idle_days(count: int) -> Iterator[int]:
    """For so many homes the days since their last use, 0 to 31: each day's share is the one before's less those who came back."""
    shares = [(1 - USED_A_DAY) ** day for day in range(LONGEST_IDLE_DAYS + 1)]
    whole, given = sum(shares), 0
    for day, share in enumerate(shares):
        here = count - given if day == LONGEST_IDLE_DAYS else round(count * share / whole)
        given += here
        yield from (day for _ in range(here))


def rows(figures: NightFigures) -> Iterator[tuple[str, str, str]]:
    """What the bench prints: figure, value, goal."""
    calls, ratio = figures.calls.total(), figures.call_ratio
    yield "volumes, used a day", f"{figures.volumes:,}, {USED_A_DAY:.0%}", "-"
    yield (
        "snapshots started, deleted; volumes deleted",
        (f"{figures.started:,}, {figures.snapshots_deleted:,}; {figures.volumes_deleted:,}"),
        "-",
    )
    yield "hours of the night", f"{figures.hours:.1f}", "-"
    yield "requests throttled", str(figures.throttled), "0"
    yield "most snapshots pending", str(figures.most_pending), f"<= {MOST_PENDING}"
    yield "AWS calls / least possible", f"{calls:,} / {figures.least:,} = {ratio:.3f}", f"<= {LARGEST_CALL_RATIO}"
    most = ", ".join(f"{name} {times:,}" for name, times in figures.calls.most_common(8))
    yield "most frequent", most, "-"


def table(figures: NightFigures) -> Any:
    """The rows for the console."""
    from rich.table import Table  # noqa: PLC0415 - whoever only measures needs no console

    found = Table(title="a fleet's night in the model of EBS", title_justify="left")
    for heading in ("figure", "measured", "goal"):
        found.add_column(heading)
    for row in rows(figures):
        found.add_row(*row)
    return found


if __name__ == "__main__":
    for name, value, goal in rows(measure()):
        print(f"{name}: {value} ({goal})")
