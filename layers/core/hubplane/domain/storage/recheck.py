"""Promise 4: the look right before each delete. What changed since the plan is skipped, with the reason.

The same decision is made again from what is seen now, over a small inventory: for a volume its claim's volumes, their snapshots
and claims; for a snapshot its line's snapshots and the volumes that stand. Only the same action on the same grounds goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hubplane.domain.storage import proof
from hubplane.domain.storage.actions import Action, PlannedAction
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Inventory
from hubplane.domain.storage.snapshot_pruning import SnapshotPlanner, snapshots_due
from hubplane.domain.storage.snapshotting import SNAPSHOTTABLE_STATES
from hubplane.domain.storage.view import StorageView, view_of
from hubplane.domain.storage.volume_pruning import decide_volume

__all__ = ["Go", "Skip", "recheck"]


@dataclass(frozen=True)
class Go:
    """Nothing that matters has changed: act."""


@dataclass(frozen=True)
class Skip:
    """Leave it. ``gone``: somebody was faster, which is success and no fault."""

    reason: str
    gone: bool = False


def recheck(planned: PlannedAction, seen: Inventory, policy: StoragePolicy, now: datetime) -> Go | Skip:
    """Whether the executor may do ``planned``, judged by ``seen``, which must have been read after the plan was made.

    ``seen`` may cover one resource or a batch. Raises ``ValueError`` for an action that does nothing.
    """
    view = view_of(seen, policy, now)
    if planned.action in (Action.DELETE_CLAIM, Action.DELETE_VOLUME):
        return _recheck_volume(planned, view)
    if planned.action is Action.DELETE_SNAPSHOT:
        return _recheck_snapshot(planned, view)
    if planned.action is Action.CREATE_SNAPSHOT:
        return _recheck_new_snapshot(planned, view)
    raise ValueError(
        f"{planned.resource_id}: the action {planned.action} does nothing and needs no second look; filter the plan first"
    )


def _recheck_volume(planned: PlannedAction, view: StorageView) -> Go | Skip:
    volume = view.volumes.get(planned.resource_id)
    if volume is None:
        return Skip("It is already gone.", gone=True)
    if planned.proof_snapshot_id not in view.snapshots:
        return Skip(f"Its proof {planned.proof_snapshot_id} is no longer there.")
    return _same(planned, decide_volume(view, volume, snapshots_due(view)))


def _recheck_snapshot(planned: PlannedAction, view: StorageView) -> Go | Skip:
    snapshot = view.snapshots.get(planned.resource_id)
    if snapshot is None:
        return Skip("It is already gone.", gone=True)
    decided, _ = SnapshotPlanner.of(view).decide(snapshot)
    return _same(planned, decided)


def _recheck_new_snapshot(planned: PlannedAction, view: StorageView) -> Go | Skip:
    volume = view.volumes.get(planned.resource_id)
    if volume is None:
        return Skip("It is already gone.", gone=True)
    if volume.state not in SNAPSHOTTABLE_STATES:
        return Skip(f"It is {volume.state} now.")
    mine = view.snapshots_of_volume.get(volume.volume_id, ())
    pending = next((item for item in mine if item.state == "pending" and item.owner_id == view.inventory.account_id), None)
    if pending is not None:
        return Skip(f"{pending.snapshot_id} of it is already pending.")
    held, found = proof.find_proof(view, volume)
    if held is not None:
        return Skip(f"It needs none any more: {found}.")
    if view.inventory.pending_in_account >= view.policy.pending_snapshots:
        return Skip(f"{view.inventory.pending_in_account} snapshots are pending in the account; left for the next sweep.")
    return Go()


def _same(planned: PlannedAction, decided: PlannedAction) -> Go | Skip:
    if decided.action is not planned.action:
        return Skip(f"It has changed since the plan: {decided.reason}")
    if decided.claim != planned.claim:
        return Skip(f"Its claim has changed since the plan: {decided.reason}")
    if decided.last_copy and not planned.last_copy:
        return Skip("It has become a last copy since the plan.")
    return Go()
