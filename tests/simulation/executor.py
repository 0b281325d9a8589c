"""One storage day, done through the model: planners decide, ``recheck`` looks again, anything may fail between two calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hubplane.domain.provider_errors import THROTTLING_CODES
from hubplane.domain.storage import recheck as second_look
from hubplane.domain.storage.actions import DELETES, Action, Plan, PlannedAction
from hubplane.domain.storage.records import AcceptedWarning, Inventory
from hubplane.domain.storage.snapshot_pruning import plan_snapshot_pruning
from hubplane.domain.storage.snapshotting import plan_snapshots
from hubplane.domain.storage.view import observe
from hubplane.domain.storage.volume_pruning import plan_volume_pruning
from tests.simulation.ebs import CALL, ApiError
from tests.simulation.world import POLICY, World

T = TypeVar("T")
NOT_FOUND = frozenset({"InvalidVolume.NotFound", "InvalidSnapshot.NotFound"})
REFUSED = frozenset({"VolumeInUse", "PendingSnapshotLimitExceeded", "SnapshotCreationPerVolumeRateExceeded"})
TRIES = 3


class Crash(Exception):
    """The process is killed."""


@dataclass
class Troubles:
    """What goes wrong in one run, by number of the call: killed before or after it, throttled, or used meanwhile."""

    crash_at: int | None = None
    after_effect: bool = False
    throttle_at: int | None = None
    before_delete: Callable[[str], None] | None = None


@dataclass
class Day:
    """One run of the storage day. ``calls`` counts what went to the provider, ``changes`` what changed something there."""

    world: World
    troubles: Troubles
    approve: bool = False
    calls: int = 0
    changes: int = 0

    def run(self, wait: Callable[[], None] = lambda: None) -> None:
        """Snapshot, wait, prune volumes, prune snapshots. A crash ends it; whatever was done stays done."""
        try:
            self._snapshot_volumes()
            wait()
            self._prune_volumes()
            self._prune_snapshots()
        except Crash:
            return

    def _snapshot_volumes(self) -> None:
        seen = self._sweep()
        plan = plan_snapshots(seen, POLICY, self.world.ebs.now)
        self._apply(plan.having(Action.CREATE_SNAPSHOT))

    def _prune_volumes(self) -> None:
        plan = self._asked(plan_volume_pruning, self._sweep())
        self._apply(plan.having(*DELETES, Action.CREATE_SNAPSHOT))

    def _prune_snapshots(self) -> None:
        plan = self._asked(plan_snapshot_pruning, self._sweep())
        for warning in plan.warnings:
            now = self.world.ebs.now
            mail = AcceptedWarning(
                warning.snapshot_id, warning.owner_sub, warning.last_used_at, warning.days_before, now, warning.delete_at
            )
            if self.world.mail_works:
                self._call(lambda mail=mail: self.world.accept(mail))  # type: ignore[misc]
        self._apply(plan.having(*DELETES))

    def _asked(self, planner: Callable[..., Plan], seen: Inventory) -> Plan:
        plan = planner(seen, POLICY, self.world.ebs.now)
        if plan.stop is None or not self.approve:
            return plan
        self.world.promises.approved.update(plan.stop.resource_ids)
        return planner(self._sweep(), POLICY, self.world.ebs.now, frozenset(plan.stop.resource_ids))

    def _apply(self, actions: tuple[PlannedAction, ...]) -> None:
        for action in actions:
            if action.action in DELETES and self.troubles.before_delete is not None:
                self.troubles.before_delete(action.resource_id)
            # EC2 is read first and may be late; the cluster is read last, together with the deed, and is not.
            self._call(lambda: None)
            verdict = second_look.recheck(action, self.world.inventory(), POLICY, self.world.ebs.now)
            if isinstance(verdict, second_look.Go):
                self._do(action)

    def _do(self, action: PlannedAction) -> None:
        ebs, promises = self.world.ebs, self.world.promises
        if action.action is Action.CREATE_SNAPSHOT:
            self._change(lambda: ebs.create_snapshot(action.resource_id, dict(action.tags)))
        elif action.action is Action.DELETE_CLAIM and action.claim is not None:
            claim = action.claim
            self._change(lambda: self.world.delete_claim(claim.name, claim.uid))
        elif action.action is Action.DELETE_VOLUME:

            def delete_volume() -> None:
                promises.deleted_through_ec2(action.resource_id)
                ebs.delete_volume(action.resource_id)

            self._change(delete_volume)
        elif action.action is Action.DELETE_SNAPSHOT:
            self._change(lambda: ebs.delete_snapshot(action.resource_id))
        promises.nothing_is_lost()

    def _change(self, deed: Callable[[], object]) -> None:
        try:
            self._call(deed)
            self.changes += 1
        except ApiError as error:
            if error.code not in NOT_FOUND | REFUSED:
                raise

    def _sweep(self) -> Inventory:
        """One sweep, and what the control plane remembers of it."""
        seen = self._call(self.world.inventory)
        for sighting in observe(seen, POLICY, self.world.ebs.now):
            self.world.sightings[sighting.volume_id] = sighting
        return self.world.inventory()

    def _call(self, deed: Callable[[], T]) -> T:
        """One call."""
        self.calls += 1
        number, troubles = self.calls, self.troubles
        self.world.ebs.advance(CALL)
        if number == troubles.crash_at and not troubles.after_effect:
            raise Crash
        for _ in range(TRIES):
            try:
                if number == troubles.throttle_at:
                    troubles.throttle_at = None
                    raise ApiError("RequestLimitExceeded")
                answer = deed()
                break
            except ApiError as error:
                if error.code not in THROTTLING_CODES:
                    raise
                self.world.ebs.advance(CALL)
        if number == troubles.crash_at:
            raise Crash
        return answer
