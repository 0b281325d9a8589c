"""Which snapshots go, why the others stay, and whom to warn.

The guards speak first. A snapshot that another one supersedes is the ladder's to decide; a last copy goes only when its retention
is over, after everything else of its line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from hubplane.domain.storage import copies, retention
from hubplane.domain.storage.actions import Action, Plan, PlannedAction, PlannedWarning
from hubplane.domain.storage.blast_radius import hold_if_too_many
from hubplane.domain.storage.copies import Copies
from hubplane.domain.storage.ladder import rungs
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Inventory, Snapshot
from hubplane.domain.storage.view import StorageView, view_of
from hubplane.domain.storage.wording import minute

__all__ = ["GUARDS", "SnapshotGuard", "SnapshotPlanner", "plan_snapshot_pruning", "snapshots_due"]

SnapshotGuard = Callable[[StorageView, Snapshot], str | None]


def plan_snapshot_pruning(
    inventory: Inventory, policy: StoragePolicy, now: datetime, approved: frozenset[str] = frozenset()
) -> Plan:
    """Delete, hold or keep: one action for each snapshot in scope, last copies at the end; and the warnings that are due.

    ``approved`` are snapshot ids that a person allowed after a stop. Safe to repeat: an accepted warning is not planned again.
    """
    view = view_of(inventory, policy, now)
    planner = SnapshotPlanner.of(view)
    actions: list[PlannedAction] = []
    warnings: list[PlannedWarning] = []
    for snapshot in view.snapshots.values():
        action, warning = planner.decide(snapshot)
        actions.append(action)
        if warning is not None:
            warnings.append(warning)
    actions.sort(key=lambda action: action.last_copy)
    plan = Plan(tuple(actions), warnings=tuple(warnings))
    already = inventory.snapshots_deleted_tonight
    plan = hold_if_too_many(plan, "snapshots", len(view.snapshots) + already, already, policy, approved)
    return _hold_last_copies(plan, policy, approved)


def snapshots_due(view: StorageView) -> frozenset[str]:
    """The ids of snapshots that pruning would delete now; a volume's deletion must not rest on them."""
    planner = SnapshotPlanner.of(view)
    return frozenset(
        snapshot.snapshot_id
        for snapshot in view.snapshots.values()
        if planner.decide(snapshot)[0].action is Action.DELETE_SNAPSHOT
    )


@dataclass(frozen=True)
class SnapshotPlanner:
    """One view with its copies found and its lines laid out. A line is a last copy and all that it supersedes."""

    view: StorageView
    copies: Copies
    lines: dict[str, list[Snapshot]]
    rungs: dict[str, str]
    retentions: dict[str, retention.Retention]
    ended: dict[str, bool]
    reasons: dict[str, str]

    @classmethod
    def of(cls, view: StorageView) -> SnapshotPlanner:
        """Lay out the lines of a view."""
        found = copies.find_copies(view)
        lines: dict[str, list[Snapshot]] = defaultdict(list)
        for snapshot in view.snapshots.values():
            if copies.is_good_copy(snapshot, view.inventory.account_id):
                lines[last_copy_of(found, snapshot.snapshot_id)].append(snapshot)
        kept = {key: words for line in lines.values() for key, words in rungs(line, view.policy).items()}
        return cls(view, found, dict(lines), kept, {}, {}, {})

    def decide(self, snapshot: Snapshot) -> tuple[PlannedAction, PlannedWarning | None]:
        """The decision for one snapshot, the blast radius aside, and the mail that is due because of it."""
        for guard in GUARDS:
            reason = guard(self.view, snapshot)
            if reason is not None:
                return _keep(snapshot, reason, attention=guard in WORTH_A_LOOK), None
        if not self._is_good(snapshot):
            return self._decide_failed(snapshot), None
        if self.copies.is_last(snapshot.snapshot_id):
            return self._decide_last_copy(snapshot)
        return self._decide_superseded(snapshot), None

    def _decide_failed(self, snapshot: Snapshot) -> PlannedAction:
        """What ended in ``error`` holds nothing; it stays only where it is all that tells of a volume."""
        others = self.view.snapshots_of_volume[snapshot.volume_id]
        better = next((item.snapshot_id for item in others if self._is_good(item)), None)
        if snapshot.volume_id in self.view.volumes or better is not None:
            return PlannedAction(
                snapshot.snapshot_id, Action.DELETE_SNAPSHOT, f"Deleted: it ended in {snapshot.state} and is no copy."
            )
        return _keep(snapshot, f"it ended in {snapshot.state}, and nothing else is left of {snapshot.volume_id}", attention=True)

    def _decide_superseded(self, snapshot: Snapshot) -> PlannedAction:
        rung = self.rungs.get(snapshot.snapshot_id)
        root = last_copy_of(self.copies, snapshot.snapshot_id)
        if self._is_over(root):
            return self._delete(snapshot, f"the retention of its home is over, and {root} is newer")
        if rung is not None:
            return PlannedAction(snapshot.snapshot_id, Action.KEEP, self._once(f"Kept: {rung} of its line."))
        holder = self.copies.superseded_by[snapshot.snapshot_id]
        return self._delete(snapshot, f"{holder} is newer, and no rung of the ladder needs it")

    def _decide_last_copy(self, snapshot: Snapshot) -> tuple[PlannedAction, PlannedWarning | None]:
        standing = self.copies.volumes_holding.get(snapshot.snapshot_id)
        if standing:
            return _keep(
                snapshot, f"it is the newest completed copy of {', '.join(standing)}, which stands", last_copy=True
            ), None
        if self.view.snapshot_facts[snapshot.snapshot_id].volume_was_protected:
            return _keep(snapshot, "it is the last copy of a volume that was protected", last_copy=True), None
        state = self._retention(snapshot)
        if not state.over:
            return _keep(snapshot, state.reason, last_copy=True, attention=state.attention), self._warning(snapshot, state)
        older = len(self.lines[snapshot.snapshot_id]) - 1
        if older:
            return _keep(
                snapshot, f"its retention is over, but it outlives the {older} older copies of its line", last_copy=True
            ), None
        return PlannedAction(
            snapshot.snapshot_id, Action.DELETE_SNAPSHOT, f"Deleted, the last copy: {state.reason}.", last_copy=True
        ), None

    def _delete(self, snapshot: Snapshot, reason: str) -> PlannedAction:
        return PlannedAction(snapshot.snapshot_id, Action.DELETE_SNAPSHOT, self._once(f"Deleted: {reason}."))

    def _is_good(self, snapshot: Snapshot) -> bool:
        return copies.is_good_copy(snapshot, self.view.inventory.account_id)

    def _once(self, reason: str) -> str:
        """The one object for a reason that all of a line, or many lines, are told."""
        return self.reasons.setdefault(reason, reason)

    def _is_over(self, root: str) -> bool:
        known = self.ended.get(root)
        if known is None:
            known = self.ended[root] = self._find_over(root)
        return known

    def _find_over(self, root: str) -> bool:
        snapshot = self.view.snapshots[root]
        if self.copies.volumes_holding.get(root) or any(guard(self.view, snapshot) is not None for guard in GUARDS):
            return False
        if self.view.snapshot_facts[root].volume_was_protected:
            return False
        return self._retention(snapshot).over

    def _retention(self, snapshot: Snapshot) -> retention.Retention:
        known = self.retentions.get(snapshot.snapshot_id)
        if known is None:
            known = self.retentions[snapshot.snapshot_id] = retention.retention_of(self.view, snapshot)
        return known

    def _warning(self, snapshot: Snapshot, state: retention.Retention) -> PlannedWarning | None:
        if state.warn_days_before is None or state.owner is None or state.delete_at is None:
            return None
        return PlannedWarning(
            snapshot_id=snapshot.snapshot_id,
            owner_sub=state.owner.sub,
            claim_name=state.owner.claim_name,
            last_used_at=state.last_used_at,
            days_before=state.warn_days_before,
            delete_at=state.delete_at,
            reason=f"Unused since {state.last_used_at:%Y-%m-%d}, to go at {minute(state.delete_at)} at the earliest.",
        )


def last_copy_of(found: Copies, snapshot_id: str) -> str:
    """The last copy that holds all that this good copy holds."""
    while snapshot_id in found.superseded_by:
        snapshot_id = found.superseded_by[snapshot_id]
    return snapshot_id


def is_foreign(view: StorageView, snapshot: Snapshot) -> str | None:
    """A snapshot that another account shares is not ours to delete, and no copy of ours."""
    return None if snapshot.owner_id == view.inventory.account_id else f"it belongs to account {snapshot.owner_id}"


def is_unmarked(view: StorageView, snapshot: Snapshot) -> str | None:
    """A snapshot without the cluster's tag was made by a person or another tool, who decides about it."""
    clusters = view.snapshot_facts[snapshot.snapshot_id].clusters
    return None if view.inventory.cluster_name in clusters else "it carries no tag of this cluster, so whoever made it decides"


def is_of_several_clusters(view: StorageView, snapshot: Snapshot) -> str | None:
    """Two clusters' tags leave open whose it is."""
    clusters = view.snapshot_facts[snapshot.snapshot_id].clusters
    return f"it carries the tags of several clusters ({', '.join(sorted(clusters))})" if len(clusters) > 1 else None


def is_protected(view: StorageView, snapshot: Snapshot) -> str | None:
    """The tag's presence counts, not its value."""
    return f"it carries {view.policy.protection_tag}" if view.snapshot_facts[snapshot.snapshot_id].protected else None


def is_of_hub_database(view: StorageView, snapshot: Snapshot) -> str | None:
    """Snapshotted, never pruned."""
    named = view.snapshot_facts[snapshot.snapshot_id].claim_name
    volume = view.volume_facts.get(snapshot.volume_id)
    names = {named, volume.claim_name if volume else None}
    return "it is of the hub's database" if view.policy.hub_database_claim in names else None


def has_unreadable_tags(view: StorageView, snapshot: Snapshot) -> str | None:
    """What cannot be read is kept and reported."""
    facts = view.snapshot_facts[snapshot.snapshot_id]
    return f"its tag {facts.unparsable[0]} is no time; correct or remove it" if facts.unparsable else None


def is_unfinished(_view: StorageView, snapshot: Snapshot) -> str | None:
    """Pending, or in the hands of the Recycle Bin."""
    return None if snapshot.state in ("completed", "error") else f"it is {snapshot.state}"


GUARDS: tuple[SnapshotGuard, ...] = (
    is_foreign,
    is_unmarked,
    is_of_several_clusters,
    is_protected,
    is_of_hub_database,
    has_unreadable_tags,
    is_unfinished,
)

WORTH_A_LOOK = frozenset({is_foreign, is_of_several_clusters, has_unreadable_tags})


def _keep(snapshot: Snapshot, reason: str, *, last_copy: bool = False, attention: bool = False) -> PlannedAction:
    return PlannedAction(snapshot.snapshot_id, Action.KEEP, f"Kept: {reason}.", attention=attention, last_copy=last_copy)


def _hold_last_copies(plan: Plan, policy: StoragePolicy, approved: frozenset[str]) -> Plan:
    """The share of homes that end in one night is limited as well: many small ladders would hide them."""
    last_copies = tuple(action for action in plan.actions if action.last_copy)
    held = hold_if_too_many(Plan(last_copies), "homes", len(last_copies), 0, policy, approved)
    if held.stop is None:
        return plan
    by_id = {action.resource_id: action for action in held.actions}
    return replace(
        plan, actions=tuple(by_id.get(action.resource_id, action) for action in plan.actions), stop=plan.stop or held.stop
    )
