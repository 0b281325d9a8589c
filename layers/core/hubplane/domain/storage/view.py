"""An inventory with its tags read and its parts found by id: built once, in one pass, for all planners."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hubplane.domain.storage import last_use
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import AcceptedWarning, Claim, Inventory, Owner, Sighting, Snapshot, UseEvent, Volume
from hubplane.domain.storage.tags import TagFacts, read_tags

__all__ = ["ClaimKey", "StorageView", "observe", "view_of"]

ClaimKey = tuple[str | None, str]

# A volume in one of these states holds nothing, or soon will not.
GONE_STATES = frozenset({"deleting", "deleted"})


@dataclass(frozen=True)
class StorageView:
    """``inventory`` by id. Its ``volumes`` and ``snapshots`` are in scope: they, or their volume, carry this cluster's tag."""

    inventory: Inventory
    policy: StoragePolicy
    now: datetime
    volumes: dict[str, Volume]
    snapshots: dict[str, Snapshot]
    volume_facts: dict[str, TagFacts]
    snapshot_facts: dict[str, TagFacts]
    snapshots_of_volume: dict[str, list[Snapshot]]
    volumes_of_claim: dict[ClaimKey, list[Volume]]
    claim_of_volume: dict[str, Claim]
    owners_of_claim: dict[str, list[Owner]]
    sighting_of_volume: dict[str, Sighting]
    events_of_volume: dict[str, list[UseEvent]]
    warnings_of_snapshot: dict[str, list[AcceptedWarning]]

    def last_use_of(self, volume: Volume) -> datetime:
        """See ``last_use.last_use``."""
        volume_id = volume.volume_id
        facts, sighting = self.volume_facts[volume_id], self.sighting_of_volume.get(volume_id)
        return last_use.last_use(volume, facts, sighting, self.events_of_volume.get(volume_id, ()), self.now)

    def unattached_since(self, volume: Volume) -> datetime | None:
        """See ``last_use.unattached_since``."""
        volume_id = volume.volume_id
        facts, sighting = self.volume_facts[volume_id], self.sighting_of_volume.get(volume_id)
        return last_use.unattached_since(volume, facts, sighting, self.events_of_volume.get(volume_id, ()))


def view_of(inventory: Inventory, policy: StoragePolicy, now: datetime) -> StorageView:
    """The view of one inventory. Linear in its size."""
    facts_of = _facts_reader(policy.protection_tag)
    volume_facts: dict[str, TagFacts] = {}
    volumes: dict[str, Volume] = {}
    for volume in inventory.volumes:
        facts = facts_of(volume.tags)
        if inventory.cluster_name in facts.clusters and volume.state not in GONE_STATES:
            volumes[volume.volume_id], volume_facts[volume.volume_id] = volume, facts
    snapshot_facts: dict[str, TagFacts] = {}
    snapshots: dict[str, Snapshot] = {}
    of_volume: dict[str, list[Snapshot]] = defaultdict(list)
    for snapshot in inventory.snapshots:
        if snapshot.snapshot_id in snapshots:
            continue  # pages of a list that changes meanwhile may overlap, and nothing supersedes itself
        facts = facts_of(snapshot.tags)
        if inventory.cluster_name in facts.clusters or snapshot.volume_id in volumes:
            snapshots[snapshot.snapshot_id], snapshot_facts[snapshot.snapshot_id] = snapshot, facts
            of_volume[snapshot.volume_id].append(snapshot)
    for group in of_volume.values():
        group.sort(key=lambda item: (item.started_at, item.snapshot_id), reverse=True)
    return StorageView(
        inventory=inventory,
        policy=policy,
        now=now,
        volumes=volumes,
        snapshots=snapshots,
        volume_facts=volume_facts,
        snapshot_facts=snapshot_facts,
        snapshots_of_volume=dict(of_volume),
        volumes_of_claim=_volumes_of_claim(volumes, volume_facts),
        claim_of_volume={claim.volume_id: claim for claim in inventory.claims or () if claim.volume_id},
        owners_of_claim=_grouped(inventory.owners, "claim_name"),
        sighting_of_volume={sighting.volume_id: sighting for sighting in inventory.sightings},
        events_of_volume=_grouped(inventory.events, "volume_id"),
        warnings_of_snapshot=_grouped(inventory.warnings, "snapshot_id"),
    )


def observe(inventory: Inventory, policy: StoragePolicy, now: datetime) -> tuple[Sighting, ...]:
    """What the control plane should remember of this sweep, one sighting per volume in scope. Can be repeated.

    ``now`` must not be later than the moment of the sweep. Planners need the sightings in their inventory.
    """
    view = view_of(inventory, policy, now)
    return tuple(
        last_use.sight(
            volume,
            view.volume_facts[volume_id],
            view.sighting_of_volume.get(volume_id),
            view.events_of_volume.get(volume_id, ()),
            now,
        )
        for volume_id, volume in view.volumes.items()
    )


def _facts_reader(protection_tag: str) -> Callable[[Mapping[str, str]], TagFacts]:
    """``read_tags``, once for each mapping: a sweep keeps equal sets of tags as one object, and their facts are one as well."""
    known: dict[int, tuple[Mapping[str, str], TagFacts]] = {}

    def facts_of(tags: Mapping[str, str]) -> TagFacts:
        # The mapping is held as well: an id is only a mapping's own while that lives.
        found = known.get(id(tags))
        if found is None:
            found = known[id(tags)] = (tags, read_tags(tags, protection_tag))
        return found[1]

    return facts_of


def _volumes_of_claim(volumes: dict[str, Volume], facts: dict[str, TagFacts]) -> dict[ClaimKey, list[Volume]]:
    found: dict[ClaimKey, list[Volume]] = defaultdict(list)
    for volume_id, volume in volumes.items():
        claim_name = facts[volume_id].claim_name
        if claim_name:
            found[facts[volume_id].namespace, claim_name].append(volume)
    return dict(found)


def _grouped(records: Sequence[object], field: str) -> dict[str, list]:  # type: ignore[type-arg]
    found: dict[str, list[object]] = defaultdict(list)
    for record in records:
        found[getattr(record, field)].append(record)
    return dict(found)
