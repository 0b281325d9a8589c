"""The storage after the night, added up in one pass: groups with what they cost, orphans, the largest homes.

Memory grows with volumes and with lines (a line is the snapshots of one VolumeId), not with snapshots.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from hubplane.domain.report.model import Fleet, Group, Item, Listing, Orphans
from hubplane.domain.report.pricing import Prices
from hubplane.domain.report.tally import LISTED, Tally
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Claim, Snapshot, Volume
from hubplane.domain.storage.tags import TagFacts, read_tags
from hubplane.domain.storage.view import GONE_STATES

__all__ = ["FleetTally"]

LARGEST_LINES: Final = 10
GROUPS: Final = {
    "volumes_in_use": "Volumes in use",
    "volumes_idle": "Idle volumes",
    "volumes_without_claim": "Volumes without a claim",
    "volumes_hub_database": "The hub's database",
    "snapshots_of_volumes": "Snapshots of volumes that exist",
    "snapshots_last_copies": "Newest snapshots whose volume is gone",
    "snapshots_older_copies": "Older snapshots whose volume is gone",
    "snapshots_unfinished": "Snapshots pending or in error",
}


class _Line:
    __slots__ = ("claim_name", "count", "newest_at", "newest_gib", "newest_id", "size_gib")

    def __init__(self, claim_name: str | None) -> None:
        self.claim_name = claim_name
        self.count = self.size_gib = self.newest_gib = 0
        self.newest_id: str = ""
        self.newest_at: datetime | None = None


class FleetTally:
    """Takes every volume, then every snapshot, then finishes. ``gone`` are ids that the night deleted after the sweep."""

    def __init__(self, cluster_name: str, policy: StoragePolicy, prices: Prices, gone: frozenset[str] = frozenset()) -> None:
        self._cluster_name, self._policy, self._prices, self._gone = cluster_name, policy, prices, gone
        self._volumes: dict[str, tuple[Volume, TagFacts]] = {}
        self._elsewhere: set[str] = set()
        self._lines: dict[str, _Line] = {}
        self._unfinished = [0, 0]

    def add_volume(self, volume: Volume) -> None:
        """One volume of the sweep, of whatever cluster."""
        facts = read_tags(volume.tags, self._policy.protection_tag)
        if volume.state in GONE_STATES or volume.volume_id in self._gone:
            return
        if self._cluster_name in facts.clusters:
            self._volumes[volume.volume_id] = (volume, facts)
        else:
            self._elsewhere.add(volume.volume_id)

    def add_snapshot(self, snapshot: Snapshot) -> None:
        """One snapshot of the sweep, after all volumes."""
        facts = read_tags(snapshot.tags, self._policy.protection_tag)
        known = self._cluster_name in facts.clusters or snapshot.volume_id in self._volumes
        if not known or snapshot.snapshot_id in self._gone:
            return
        if snapshot.state != "completed":
            self._unfinished[0] += 1
            self._unfinished[1] += snapshot.size_gib
            return
        line = self._lines.get(snapshot.volume_id)
        if line is None:
            line = self._lines[snapshot.volume_id] = _Line(facts.claim_name)
        line.count += 1
        line.size_gib += snapshot.size_gib
        if line.newest_at is None or snapshot.started_at > line.newest_at:
            line.newest_at, line.newest_gib, line.newest_id = snapshot.started_at, snapshot.size_gib, snapshot.snapshot_id

    def finish(self, claims: tuple[Claim, ...] | None, persistent_volume_ids: frozenset[str]) -> Fleet:
        """The fleet. ``claims`` None: the cluster could not be asked."""
        claimed = None if claims is None else {claim.volume_id for claim in claims} | persistent_volume_ids
        sums: dict[str, list[float]] = {key: [0, 0, 0.0] for key in GROUPS}
        without_claim, unpriced = Tally(), set()
        usd_without_claim = 0.0
        for volume, facts in self._volumes.values():
            usd = self._prices.volume_usd(volume.volume_type, volume.size_gib)
            key = self._volume_group(volume, facts, claimed)
            _add(sums[key], 1, volume.size_gib, usd)
            if key == "volumes_without_claim":
                usd_without_claim += usd
                without_claim.add(Item(volume.volume_id, f"It is {volume.state}.", volume.size_gib, facts.claim_name))
            if not self._prices.knows(volume.volume_type):
                unpriced.add(volume.volume_type or "(not told)")
        self._add_snapshots(sums)
        groups = tuple(
            Group(key, GROUPS[key], int(count), int(gib), round(usd, 2), key.startswith("snapshots"))
            for key, (count, gib, usd) in sums.items()
        )
        volumes, snapshots = groups[:4], groups[4:]
        return Fleet(
            groups=groups,
            orphans=Orphans(
                snapshots_without_volume=self._snapshots_without_volume(),
                volumes_without_claim=None if claims is None else without_claim.listing(round(usd_without_claim, 2)),
                claims_without_volume=None if claims is None else self._claims_without_volume(claims),
                duplicates=self._duplicates(),
            ),
            largest_lines=self._listing(self._lines, LARGEST_LINES),
            volumes=len(self._volumes),
            volumes_gib=sum(group.size_gib for group in volumes),
            volumes_usd=round(sum(group.usd_per_month for group in volumes), 2),
            snapshots=sum(group.count for group in snapshots),
            snapshots_gib=sum(group.size_gib for group in snapshots),
            snapshots_usd=round(sum(group.usd_per_month for group in snapshots), 2),
            unpriced_types=tuple(sorted(unpriced)),
        )

    def _volume_group(self, volume: Volume, facts: TagFacts, claimed: set[str | None] | None) -> str:
        if facts.claim_name == self._policy.hub_database_claim:
            return "volumes_hub_database"
        if volume.attached:
            return "volumes_in_use"
        return "volumes_without_claim" if claimed is not None and volume.volume_id not in claimed else "volumes_idle"

    def _add_snapshots(self, sums: dict[str, list[float]]) -> None:
        price = self._prices.snapshot_usd
        for volume_id, line in self._lines.items():
            if volume_id in self._volumes:
                _add(sums["snapshots_of_volumes"], line.count, line.size_gib, price(line.size_gib))
            else:
                older = line.size_gib - line.newest_gib
                _add(sums["snapshots_last_copies"], 1, line.newest_gib, price(line.newest_gib))
                _add(sums["snapshots_older_copies"], line.count - 1, older, price(older))
        count, size_gib = self._unfinished
        _add(sums["snapshots_unfinished"], count, size_gib, price(size_gib))

    def _snapshots_without_volume(self) -> Listing:
        return self._listing({key: line for key, line in self._lines.items() if key not in self._volumes}, LISTED)

    def _listing(self, lines: dict[str, _Line], cap: int) -> Listing:
        """Lines as items, the largest first; counts and sizes are those of all their snapshots."""
        size = sum(line.size_gib for line in lines.values())
        largest = heapq.nlargest(cap, lines.items(), key=lambda entry: (entry[1].size_gib, entry[0]))
        return Listing(
            count=sum(line.count for line in lines.values()),
            size_gib=size,
            items=tuple(_line_item(volume_id, line) for volume_id, line in largest),
            usd_per_month=round(self._prices.snapshot_usd(size), 2),
        )

    def _claims_without_volume(self, claims: Iterable[Claim]) -> Listing:
        tally = Tally()
        for claim in claims:
            if claim.volume_id is None:
                tally.add(Item(f"{claim.namespace}/{claim.name}", "It is bound to no volume.", None, claim.name))
            elif not any(claim.volume_id in known for known in (self._volumes, self._elsewhere, self._gone)):
                tally.add(Item(f"{claim.namespace}/{claim.name}", f"Its volume {claim.volume_id} is gone.", None, claim.name))
        return tally.listing()

    def _duplicates(self) -> Listing:
        by_claim: dict[tuple[str | None, str], list[Volume]] = defaultdict(list)
        for volume, facts in self._volumes.values():
            if facts.claim_name:
                by_claim[facts.namespace, facts.claim_name].append(volume)
        tally, usd = Tally(), 0.0
        for (namespace, claim_name), volumes in by_claim.items():
            if len(volumes) > 1:
                ids = ", ".join(sorted(volume.volume_id for volume in volumes))
                usd += sum(self._prices.volume_usd(volume.volume_type, volume.size_gib) for volume in volumes)
                name = f"{namespace}/{claim_name}" if namespace else claim_name
                reason = f"{len(volumes)} volumes carry this claim: {ids}."
                tally.add(Item(name, reason, sum(volume.size_gib for volume in volumes), claim_name))
        return tally.listing(round(usd, 2))


def _line_item(volume_id: str, line: _Line) -> Item:
    newest = f", the newest of {line.newest_at:%Y-%m-%d}" if line.newest_at else ""
    reason = f"{line.count} snapshot{'s' * (line.count != 1)} of {volume_id}{newest}."
    return Item(line.newest_id, reason, line.size_gib, line.claim_name)


def _add(sums: list[float], count: int, size_gib: int, usd: float) -> None:
    sums[0] += count
    sums[1] += size_gib
    sums[2] += usd
