"""One storage day, done through the model: planners and executors are the real ones, anything may fail between two calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import TypeVar

from hubplane.domain.errors import Throttled
from hubplane.domain.storage.actions import DELETES, Action, Plan, PlannedAction
from hubplane.domain.storage.deleting import apply_batch
from hubplane.domain.storage.executing import Tools
from hubplane.domain.storage.looking import Known
from hubplane.domain.storage.outcomes import Outcome, Result
from hubplane.domain.storage.pacing import Pace
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import AcceptedWarning, Inventory
from hubplane.domain.storage.snapshot_pruning import plan_snapshot_pruning
from hubplane.domain.storage.snapshotting import plan_snapshots
from hubplane.domain.storage.starting import Progress, start_from
from hubplane.domain.storage.view import observe
from hubplane.domain.storage.volume_pruning import plan_volume_pruning
from tests.simulation.ports import ClaimsPort, ClockPort, Crash, EbsPort, LedgerPort, Line, Troubles
from tests.simulation.world import POLICY, World

__all__ = ["Crash", "Day", "Troubles"]

T = TypeVar("T")
WORK = timedelta(seconds=780)
POLL = timedelta(minutes=20)
TRIES = 4


@dataclass
class Day:
    """One run of the storage day. ``again``: the machine tries a function again that was killed; otherwise the day ends there.

    ``changes`` counts what changed something, ``polls`` how often more snapshots may be waited for.
    """

    world: World
    troubles: Troubles
    approve: bool = False
    again: bool = False
    batch_size: int = 4
    polls: int = 3
    poll: timedelta = POLL
    policy: StoragePolicy = POLICY
    outcomes: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.run_id = ""
        self.line = Line(self.world, self.troubles)
        self._mails_before = len(self.world.accepted)

    @property
    def calls(self) -> int:
        """What went to the providers."""
        return self.line.calls

    @property
    def changes(self) -> int:
        """What was started and deleted."""
        return sum(1 for outcome in self.outcomes if outcome.result in (Result.STARTED, Result.DELETED))

    def run(self, wait: Callable[[], None] = lambda: None) -> None:
        """Snapshot, wait, prune volumes, prune snapshots. A crash ends it unless ``again``; whatever was done stays done."""
        try:
            self._snapshot_volumes()
            wait()
            self._prune_volumes()
            self._prune_snapshots()
        except Crash:
            return

    def _begin(self) -> None:
        """Each step is an execution of its own, in the night in which it began."""
        self.world.runs += 1
        self.run_id = f"{self.world.night}/run-{self.world.runs}"

    def _snapshot_volumes(self) -> None:
        self._begin()
        seen = self._sweep()
        plan = plan_snapshots(seen, self.policy, self.world.ebs.now)
        batches = [lambda part=part: part for part in self._split(plan.having(Action.CREATE_SNAPSHOT, Action.DEFER))]
        known, at = Known(seen), Progress(0, 0, (), "")
        for _ in range(self.polls):
            batch, start = at.batch or 0, at.start
            at = self._tried(
                lambda batch=batch, start=start: start_from(  # type: ignore[misc]
                    batch, start, batches, lambda _name, _outcomes: None, known, self.policy, self._tools(), self.run_id
                )
            )
            self._keep(at.outcomes)
            if at.batch is None:
                return
            self.world.ebs.advance(self.poll)

    def _prune_volumes(self) -> None:
        self._begin()
        seen = self._sweep()
        plan, seen = self._asked(plan_volume_pruning, seen)
        self._apply("volumes", plan.having(*DELETES, Action.CREATE_SNAPSHOT), seen)

    def _prune_snapshots(self) -> None:
        self._begin()
        plan, seen = self._asked(plan_snapshot_pruning, self._sweep())
        for warning in plan.warnings:
            mail = AcceptedWarning(
                warning.snapshot_id,
                warning.owner_sub,
                warning.last_used_at,
                warning.days_before,
                self.world.ebs.now,
                warning.delete_at,
            )
            if self.world.mail_works:
                self._tried(lambda mail=mail: self.line.call("SendMail", lambda: self._send(mail)))  # type: ignore[misc]
        self._apply("snapshots", plan.having(*DELETES), seen)

    def _send(self, mail: AcceptedWarning) -> None:
        """A message that the queue delivers twice is one mail."""
        if mail not in self.world.accepted[self._mails_before :]:
            self.world.accept(mail)

    def _asked(self, planner: Callable[..., Plan], seen: Inventory) -> tuple[Plan, Inventory]:
        plan = planner(seen, self.policy, self.world.ebs.now)
        if plan.stop is None or not self.approve:
            return plan, seen
        self.world.promises.approved.update(plan.stop.resource_ids)
        seen = self._sweep()
        return planner(seen, self.policy, self.world.ebs.now, frozenset(plan.stop.resource_ids)), seen

    def _apply(self, step: str, actions: Sequence[PlannedAction], seen: Inventory) -> None:
        known = Known(seen)
        for number, part in zip(count(1), self._split(actions), strict=False):
            outcomes = self._tried(
                lambda name=f"{step}-{number:05}", part=part: apply_batch(  # type: ignore[misc]
                    name, part, known, self.policy, self._tools(), self.run_id
                )
            )
            self._keep(outcomes)
            for outcome in outcomes:
                self.world.tell(outcome)

    def _keep(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes.extend(outcomes)
        self.world.promises.nothing_is_lost()

    def _split(self, actions: Sequence[PlannedAction]) -> list[Sequence[PlannedAction]]:
        return [actions[start : start + self.batch_size] for start in range(0, len(actions), self.batch_size)]

    def _tools(self) -> Tools:
        clock, line = ClockPort(self.world), self.line
        ledger = LedgerPort(line, self.run_id)
        return Tools(EbsPort(line), ClaimsPort(line), ledger, clock, Pace(clock), self.world.ebs.now + WORK)

    def _sweep(self) -> Inventory:
        """One sweep, and what the control plane remembers of it."""
        seen = self._tried(lambda: self.line.call("Sweep", self.world.inventory))
        for sighting in observe(seen, self.policy, self.world.ebs.now):
            self.world.sightings[sighting.volume_id] = sighting
        return replace(seen, sightings=tuple(self.world.sightings.values()))

    def _tried(self, work: Callable[[], T]) -> T:
        """One function, as the machine calls it: again after a throttle error, and, where ``again``, after a crash."""
        for _ in range(TRIES):
            try:
                return work()
            except Throttled:
                self.world.ebs.advance(timedelta(seconds=30))
            except Crash:
                if not self.again:
                    raise
        return work()
