"""Which volumes get a snapshot now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from hubplane.domain.storage import copies, proof
from hubplane.domain.storage.actions import Action, Plan, PlannedAction
from hubplane.domain.storage.ancestry import ancestry_tag
from hubplane.domain.storage.policy import StoragePolicy, snapshot_boundary
from hubplane.domain.storage.records import Inventory, Snapshot, Volume
from hubplane.domain.storage.tags import copied_tags
from hubplane.domain.storage.view import StorageView, view_of
from hubplane.domain.storage.wording import minute

__all__ = ["decide_snapshot_of", "plan_snapshots"]


SNAPSHOTTABLE_STATES = frozenset({"available", "in-use"})


def plan_snapshots(inventory: Inventory, policy: StoragePolicy, now: datetime) -> Plan:
    """Start, defer or leave: one action for each volume in scope, the most endangered first.

    No more snapshots are started at once than the account may have pending, less the policy's reserve; the rest is deferred, with
    all that is needed to start it once there is room. Safe to repeat: a volume whose snapshot is on its way gets no second one.
    """
    view = view_of(inventory, policy, now)
    decided = [decide_snapshot_of(view, volume) for volume in view.volumes.values()]
    room = max(0, policy.pending_snapshots - inventory.pending_in_account)
    wanted = sorted(
        (action for action in decided if action.action is Action.CREATE_SNAPSHOT), key=lambda action: _urgency(view, action)
    )
    deferred = {action.resource_id for action in wanted[room:]}
    rest = (action for action in decided if action.action is not Action.CREATE_SNAPSHOT)
    return Plan(actions=(*(_defer(view, action) if action.resource_id in deferred else action for action in wanted), *rest))


def decide_snapshot_of(view: StorageView, volume: Volume) -> PlannedAction:
    """The decision for one volume, the room in the account aside."""
    volume_id = volume.volume_id
    if volume.state not in SNAPSHOTTABLE_STATES:
        return PlannedAction(
            volume_id, Action.KEEP, f"No snapshot can be taken of a volume that is {volume.state}.", attention=True
        )
    mine = [item for item in view.snapshots_of_volume.get(volume_id, ()) if item.owner_id == view.inventory.account_id]
    pending = next((item for item in mine if item.state == "pending"), None)
    if pending is not None:
        return PlannedAction(
            volume_id, Action.KEEP, f"{pending.snapshot_id} of it is still pending since {minute(pending.started_at)}."
        )
    held, found = proof.find_proof(view, volume)
    if held is not None:
        return PlannedAction(volume_id, Action.KEEP, f"Nothing has been written since its last snapshot: {found}.")
    newest = next((item for item in mine if copies.is_good_copy(item, view.inventory.account_id)), None)
    boundary = snapshot_boundary(view.policy, view.now)
    if newest is not None and newest.started_at >= boundary and newest.size_gib >= volume.size_gib:
        return PlannedAction(volume_id, Action.KEEP, f"Tonight's snapshot {newest.snapshot_id} is completed.")
    return PlannedAction(
        volume_id,
        Action.CREATE_SNAPSHOT,
        _why(newest, mine),
        attention=bool(mine and mine[0].state == "error"),
        tags=new_tags(view, volume),
    )


def new_tags(view: StorageView, volume: Volume) -> dict[str, str]:
    """The tags that a new snapshot of the volume carries."""
    return copied_tags(volume.tags, view.policy.protection_tag, ancestry_tag(view, volume.volume_id))


def _why(newest: Snapshot | None, mine: list[Snapshot]) -> str:
    failed = f" ({mine[0].snapshot_id} ended in error)" if mine and mine[0].state == "error" else ""
    if newest is None:
        return f"It has no completed snapshot{failed}."
    return f"Its newest completed snapshot is of {minute(newest.started_at)}, before tonight{failed}."


def _urgency(view: StorageView, action: PlannedAction) -> tuple[datetime, str]:
    """Volumes without any good copy first, then those whose copy is the oldest."""
    good = (
        item
        for item in view.snapshots_of_volume.get(action.resource_id, ())
        if copies.is_good_copy(item, view.inventory.account_id)
    )
    newest = next(good, None)
    return (newest.started_at if newest else datetime.min.replace(tzinfo=view.now.tzinfo), action.resource_id)


def _defer(view: StorageView, action: PlannedAction) -> PlannedAction:
    pending, most = view.inventory.pending_in_account, view.policy.pending_snapshots
    reason = f"Its turn comes later: {pending} snapshots are pending in the account, and Hubplane goes no higher than {most}."
    return replace(action, action=Action.DEFER, reason=f"{action.reason} {reason}")
