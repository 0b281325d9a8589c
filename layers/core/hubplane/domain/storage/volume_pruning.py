"""Which volumes go, each on the strength of one proof, and why the others stay.

A guard says in a sentence why a volume is kept, or None. The first that speaks decides; when all are silent a proof is needed,
and without one a fresh snapshot is started instead.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from hubplane.domain.storage import proof
from hubplane.domain.storage.actions import Action, ClaimReference, Plan, PlannedAction
from hubplane.domain.storage.blast_radius import hold_if_too_many
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Inventory, Volume
from hubplane.domain.storage.snapshot_pruning import snapshots_due
from hubplane.domain.storage.snapshotting import new_tags
from hubplane.domain.storage.view import StorageView, view_of
from hubplane.domain.storage.wording import minute

__all__ = ["GUARDS", "VolumeGuard", "decide_volume", "plan_volume_pruning"]

VolumeGuard = Callable[[StorageView, Volume], str | None]


def plan_volume_pruning(
    inventory: Inventory, policy: StoragePolicy, now: datetime, approved: frozenset[str] = frozenset()
) -> Plan:
    """Delete, snapshot first, hold or keep: one action for each volume in scope.

    ``approved`` are volume ids that a person allowed after a stop. A plan that would delete more than the policy's share has
    every delete held. Safe to repeat; what was deleted is simply no longer there.
    """
    view = view_of(inventory, policy, now)
    due = snapshots_due(view)
    actions = tuple(decide_volume(view, volume, due) for volume in view.volumes.values())
    fleet = len(view.volumes) + inventory.volumes_deleted_tonight
    return hold_if_too_many(Plan(actions), "volumes", fleet, inventory.volumes_deleted_tonight, policy, approved)


def decide_volume(view: StorageView, volume: Volume, due: frozenset[str]) -> PlannedAction:
    """The decision for one volume, the blast radius aside. ``due``: snapshots about to be deleted, which prove nothing."""
    volume_id = volume.volume_id
    for guard in GUARDS:
        reason = guard(view, volume)
        if reason is not None:
            return PlannedAction(volume_id, Action.KEEP, f"Kept: {reason}.", attention=guard in WORTH_A_LOOK)
    snapshot, found = proof.find_proof(view, volume, due)
    if snapshot is None:
        return _snapshot_first(view, volume, found)
    idle_days = (view.now - view.last_use_of(volume)).days
    because = f"unused for {idle_days} days, and {found}"
    claim = view.claim_of_volume.get(volume_id)
    if claim is not None:
        reference = ClaimReference(claim.namespace, claim.name, claim.uid)
        reason = f"Deleted through its claim {claim.namespace}/{claim.name}: {because}."
        return PlannedAction(volume_id, Action.DELETE_CLAIM, reason, proof_snapshot_id=snapshot.snapshot_id, claim=reference)
    reason = f"Deleted through EC2, no cluster knows it: {because}."
    return PlannedAction(volume_id, Action.DELETE_VOLUME, reason, proof_snapshot_id=snapshot.snapshot_id)


def is_in_use(view: StorageView, volume: Volume) -> str | None:
    """Promise 3: attached, in a state of change, or named by a pod that may be starting this moment."""
    if volume.attached or volume.state == "in-use":
        return "it is in use"
    if volume.state != "available":
        return f"it is {volume.state}, and only an available volume may go"
    claim = view.claim_of_volume.get(volume.volume_id)
    if claim is not None and claim.in_use:
        return f"a pod uses its claim {claim.namespace}/{claim.name}"
    return None


def is_protected(view: StorageView, volume: Volume) -> str | None:
    """Promise 3: the tag's presence counts, not its value."""
    return f"it carries {view.policy.protection_tag}" if view.volume_facts[volume.volume_id].protected else None


def is_hub_database(view: StorageView, volume: Volume) -> str | None:
    """Promise 3: the hub's own claim carries the cluster's tag as well."""
    names = {view.volume_facts[volume.volume_id].claim_name}
    claim = view.claim_of_volume.get(volume.volume_id)
    if claim is not None:
        names.add(claim.name)
    return "it is the hub's database" if view.policy.hub_database_claim in names else None


def has_unreadable_tags(view: StorageView, volume: Volume) -> str | None:
    """Promise 3: what cannot be read is kept and reported."""
    facts = view.volume_facts[volume.volume_id]
    if facts.unparsable:
        return f"its tag {facts.unparsable[0]} is no time; correct it, or remove it to count from the first sighting"
    return None


def is_of_several_clusters(view: StorageView, volume: Volume) -> str | None:
    """Promise 3: two clusters' tags leave open which one uses it."""
    clusters = view.volume_facts[volume.volume_id].clusters
    return f"it carries the tags of several clusters ({', '.join(sorted(clusters))})" if len(clusters) > 1 else None


def shares_its_claim(view: StorageView, volume: Volume) -> str | None:
    """Promise 3: which of two volumes of one claim mounts is chance, so neither is chosen (domain fault 25)."""
    facts = view.volume_facts[volume.volume_id]
    if facts.claim_name is None:
        return None
    others = [item.volume_id for item in view.volumes_of_claim[facts.namespace, facts.claim_name] if item is not volume]
    return f"its claim {facts.claim_name} has another volume as well ({', '.join(sorted(others))})" if others else None


def is_of_an_unknown_cluster(view: StorageView, volume: Volume) -> str | None:
    """Promise 9: a cluster that could not be asked may be using it; a PersistentVolume without claim is a person's case."""
    if view.inventory.claims is None:
        return "the cluster could not be asked what it uses"
    if volume.volume_id in view.inventory.persistent_volume_ids and volume.volume_id not in view.claim_of_volume:
        return "a PersistentVolume of the cluster names it, but no claim is bound to that"
    return None


def is_recently_used(view: StorageView, volume: Volume) -> str | None:
    """Idle for less than the policy's days; the latest sign of use counts."""
    used_at = view.last_use_of(volume)
    ends_at = used_at + view.policy.idle
    if view.now >= ends_at:
        return None
    return f"it was in use until {minute(used_at)} and stays until {minute(ends_at)}"


def was_promised_longer(view: StorageView, volume: Volume) -> str | None:
    """The former system told its users a day for this volume; it is not deleted earlier."""
    promised = view.volume_facts[volume.volume_id].volume_delete_at
    return f"its volume-delete-time is {minute(promised)}" if promised is not None and view.now < promised else None


GUARDS: tuple[VolumeGuard, ...] = (
    is_in_use,
    is_protected,
    is_hub_database,
    has_unreadable_tags,
    is_of_several_clusters,
    shares_its_claim,
    is_of_an_unknown_cluster,
    is_recently_used,
    was_promised_longer,
)

WORTH_A_LOOK = frozenset({has_unreadable_tags, is_of_several_clusters, shares_its_claim, is_of_an_unknown_cluster})


def _snapshot_first(view: StorageView, volume: Volume, found: str) -> PlannedAction:
    mine = view.snapshots_of_volume.get(volume.volume_id, ())
    pending = next((item for item in mine if item.state == "pending" and item.owner_id == view.inventory.account_id), None)
    if pending is not None:
        return PlannedAction(volume.volume_id, Action.KEEP, f"Kept: {found}, and {pending.snapshot_id} is still pending.")
    reason = f"Kept, and a fresh snapshot is started instead: {found}."
    return PlannedAction(volume.volume_id, Action.CREATE_SNAPSHOT, reason, tags=new_tags(view, volume))
