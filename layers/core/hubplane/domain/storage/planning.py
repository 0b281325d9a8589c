"""From an inventory to what lies in S3 of a step's plan: a line for everything in scope, batches of changes, the stop."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final

from hubplane.domain.storage.actions import DELETES, Action, BlastRadiusStop, Plan, PlannedAction
from hubplane.domain.storage.documents import action_to_json
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Inventory, Snapshot, Volume
from hubplane.domain.storage.snapshot_pruning import plan_snapshot_pruning
from hubplane.domain.storage.snapshotting import plan_snapshots
from hubplane.domain.storage.tags import CLAIM_NAME_TAG
from hubplane.domain.storage.volume_pruning import plan_volume_pruning

__all__ = ["BATCH_SIZE", "Things", "action_counts", "batches_of", "counts_in_words", "plan_step", "stop_hash"]

# At 3 changes a second a batch takes some 70 s, a tenth of what Lambda gives it, and one look of it costs a handful of calls.
BATCH_SIZE: Final = 200
# A deferred snapshot is started as soon as there is room for it, so it is a change as well.
WORDS: Final[Mapping[Action, str]] = {
    Action.KEEP: "kept",
    Action.CREATE_SNAPSHOT: "to snapshot",
    Action.DEFER: "to snapshot as soon as there is room",
    Action.DELETE_CLAIM: "to delete through their claims",
    Action.DELETE_VOLUME: "to delete through EC2",
    Action.DELETE_SNAPSHOT: "to delete",
    Action.HOLD: "held for approval",
}
CHANGES: Final = DELETES | {Action.CREATE_SNAPSHOT, Action.DEFER}


def plan_step(
    step: str, inventory: Inventory, policy: StoragePolicy, now: datetime, approved: frozenset[str] = frozenset()
) -> Plan:
    """The plan of ``snapshot_volumes``, ``prune_volumes`` or ``prune_snapshots``; ``ValueError`` for another step."""
    if step == "snapshot_volumes":
        return plan_snapshots(inventory, policy, now)
    if step == "prune_volumes":
        return plan_volume_pruning(inventory, policy, now, approved)
    if step == "prune_snapshots":
        return plan_snapshot_pruning(inventory, policy, now, approved)
    raise ValueError(f"step = {step!r}: must be snapshot_volumes, prune_volumes or prune_snapshots, which have a plan")


class Things:
    """The volumes and snapshots of an inventory by id, for what is told of them beside their action."""

    def __init__(self, inventory: Inventory) -> None:
        self._volumes = {volume.volume_id: volume for volume in inventory.volumes}
        self._snapshots = {snapshot.snapshot_id: snapshot for snapshot in inventory.snapshots}

    def line(self, action: PlannedAction) -> dict[str, Any]:
        """One line of the plan: the action, size and claim; of a snapshot its volume too, by which its neighbours are found."""
        thing: Volume | Snapshot | None = self._snapshots.get(action.resource_id) or self._volumes.get(action.resource_id)
        if thing is None:
            return action_to_json(action)
        claim_name = action.claim.name if action.claim is not None else thing.tags.get(CLAIM_NAME_TAG) or None
        volume_id = thing.volume_id if isinstance(thing, Snapshot) else None
        return action_to_json(action, size_gib=thing.size_gib, claim_name=claim_name, volume_id=volume_id)

    def order(self, action: PlannedAction) -> tuple[bool, str]:
        """Where a deletion of a snapshot stands: a volume's snapshots together, last copies at the end."""
        snapshot = self._snapshots.get(action.resource_id)
        return (action.last_copy, snapshot.volume_id if snapshot else "")


def batches_of(plan: Plan, things: Things) -> Iterator[list[dict[str, Any]]]:
    """The changes of a plan as lines, 200 at a time, in plan order; the deletions of one volume's snapshots follow each other.

    What is held for approval is no change.
    """
    changes = [action for action in plan.actions if action.action in CHANGES]
    deletions = sorted((action for action in changes if action.action is Action.DELETE_SNAPSHOT), key=things.order)
    others = [action for action in changes if action.action is not Action.DELETE_SNAPSHOT]
    return _batches(map(things.line, [*others, *deletions]))


def action_counts(plan: Plan) -> dict[str, int]:
    """How many things have each action, every action named; and how many of them a person should look at."""
    found = Counter(action.action.value for action in plan.actions)
    return {
        **{action.value: found[action.value] for action in Action},
        "attention": sum(1 for action in plan.actions if action.attention),
    }


def counts_in_words(counts: Mapping[str, int]) -> str:
    """``12 kept, 22 to snapshot; 1 worth a look.``: what ``action_counts`` found, without what there is none of."""
    told = ", ".join(f"{counts[action.value]} {words}" for action, words in WORDS.items() if counts[action.value])
    look = f"; {counts['attention']} worth a look" if counts["attention"] else ""
    return f"{told or 'nothing is in scope'}{look}."


def stop_hash(stop: BlastRadiusStop) -> str:
    """A name for exactly these ids: what was approved under it can never be something else later."""
    return hashlib.sha256(json.dumps(stop.resource_ids).encode()).hexdigest()[:16]


def _batches(lines: Iterable[Mapping[str, Any]]) -> Iterator[list[Any]]:
    rest = iter(lines)
    while batch := list(islice(rest, BATCH_SIZE)):
        yield batch
