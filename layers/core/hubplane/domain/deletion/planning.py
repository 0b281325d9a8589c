"""What of a cluster's things goes and what stays: things and a policy make one verdict with its reason and cost for each.

Unknown means keep: what says nothing of its cluster, what two clusters share, and what nobody proved stays, and is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from hubplane.domain.deletion.costs import usd_per_month
from hubplane.domain.deletion.inputs import Homes
from hubplane.domain.deletion.things import Kind, Thing, Verdict
from hubplane.domain.report.pricing import Prices
from hubplane.domain.storage import volume_pruning as pruning
from hubplane.domain.storage.copies import Copies, is_good_copy
from hubplane.domain.storage.proof import find_proof
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.view import StorageView

__all__ = ["judge_copy", "judge_snapshot", "judge_thing", "judge_volume", "named_by", "snapshot_thing", "volume_thing"]

# Those of the storage day but for idleness, which the cluster's end takes the place of, and for the hub's database, which is
# proved like a home here.
GUARDS: Final[tuple[pruning.VolumeGuard, ...]] = (
    pruning.is_in_use,
    pruning.is_protected,
    pruning.has_unreadable_tags,
    pruning.is_of_several_clusters,
    pruning.shares_its_claim,
    pruning.is_of_an_unknown_cluster,
)


def named_by(thing_id: str, others: Mapping[str, str]) -> str | None:
    """Another cluster whose release names the thing: an image that it runs, a secret that it reads. ``others``: release texts by
    cluster."""
    return next((name for name in sorted(others) if thing_id in others[name]), None)


def judge_thing(thing: Thing, cluster_name: str, prices: Prices, others: Mapping[str, str] | None = None) -> Verdict:
    """The verdict on anything but a volume or a snapshot. ``others`` as in ``named_by``."""
    if not thing.clusters:
        return _stays(thing, "its name fits, but nothing says that it is this cluster's", prices)
    if thing.clusters != {cluster_name}:
        return _stays(thing, f"it says that it belongs to {', '.join(sorted(thing.clusters))}", prices)
    if thing.stays:
        return _stays(thing, thing.stays, prices)
    user = named_by(thing.thing_id, others or {})
    if user is not None:
        return _stays(thing, f"the release of cluster {user} names it", prices)
    return _goes(thing, f"the cluster is gone{f', but {thing.busy}' if thing.busy else ''}", prices)


def judge_volume(view: StorageView, volume: Volume, homes: Homes, prices: Prices) -> Verdict:
    """The verdict on a volume; it goes on the strength of one proof, as in the storage day."""
    thing = volume_thing(volume)
    if homes is Homes.KEEP_VOLUMES:
        return _stays(thing, "homes = keep-volumes", prices)
    for guard in GUARDS:
        reason = guard(view, volume)
        if reason is not None:
            return _stays(thing, reason, prices)
    proof, found = find_proof(view, volume)
    if proof is None:
        return _stays(thing, f"no snapshot proves to hold all of it: {found}", prices)
    return _goes(thing, found, prices, proof.snapshot_id)


def judge_copy(thing: Thing, prices: Prices) -> Verdict:
    """The verdict on what was made beside the homes and is in no plan of the storage day: nothing proves what it holds."""
    return _stays(thing, "it was made beside a home, and nothing proves what it holds: delete it when nobody needs it", prices)


def judge_snapshot(view: StorageView, copies: Copies, snapshot: Snapshot, homes: Homes, prices: Prices) -> Verdict:
    """The verdict on a snapshot: under ``delete-after-proof`` one goes of which a later good copy holds everything.

    ``copies`` are ``find_copies(view)``.
    """
    thing = snapshot_thing(snapshot)
    if homes is not Homes.DELETE_AFTER_PROOF:
        return _stays(thing, f"homes = {homes}", prices)
    facts = view.snapshot_facts[snapshot.snapshot_id]
    for stands, reason in _snapshot_guards(view, snapshot):
        if stands():
            return _stays(thing, reason, prices)
    if len(facts.clusters) != 1:
        return _stays(thing, f"it carries the tags of {len(facts.clusters)} clusters", prices)
    holder = copies.superseded_by.get(snapshot.snapshot_id)
    if holder is None:
        return _stays(thing, "it is a last copy: it goes only by prune_snapshots, which warns its owner and waits", prices)
    return _goes(thing, f"{holder} holds all of it", prices, holder)


def _snapshot_guards(view: StorageView, snapshot: Snapshot) -> tuple[tuple[Callable[[], bool], str], ...]:
    facts, account = view.snapshot_facts[snapshot.snapshot_id], view.inventory.account_id
    return (
        (
            lambda: not is_good_copy(snapshot, account),
            f"it is {snapshot.state} and of account {snapshot.owner_id}: no copy to judge",
        ),
        (lambda: facts.protected or facts.volume_was_protected, f"it, or its volume, carries {view.policy.protection_tag}"),
        (lambda: bool(facts.unparsable), f"its tag {(*facts.unparsable, '')[0]} is no time"),
        (lambda: snapshot.volume_id in view.volumes, f"its volume {snapshot.volume_id} stands"),
    )


def volume_thing(volume: Volume) -> Thing:
    """A volume as the listing has it."""
    return Thing(Kind.VOLUME, volume.volume_id, size_gib=volume.size_gib, volume_type=volume.volume_type)


def snapshot_thing(snapshot: Snapshot) -> Thing:
    """A snapshot as the listing has it."""
    return Thing(Kind.SNAPSHOT, snapshot.snapshot_id, size_gib=snapshot.size_gib)


def _stays(thing: Thing, reason: str, prices: Prices) -> Verdict:
    return Verdict(thing.kind, thing.thing_id, False, f"Kept: {reason}.", usd_per_month(thing, prices))


def _goes(thing: Thing, reason: str, prices: Prices, proof: str | None = None) -> Verdict:
    return Verdict(thing.kind, thing.thing_id, True, f"Deleted: {reason}.", usd_per_month(thing, prices), proof)
