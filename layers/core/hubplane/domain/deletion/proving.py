"""Every volume of a cluster proved to lie in a completed snapshot, before anything of the cluster goes. Deletes nothing.

The proof is the storage day's own, and so is what is remembered between looks: the cluster's sightings. A home that rested for
days is proved at once, by the snapshot of the last night; one that was just in use, a quarter of an hour after that
(``storage.last_use.SETTLE``) by a snapshot that is started for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hubplane.domain.storage.last_copy import Disks, prove_home
from hubplane.domain.storage.last_use import sight
from hubplane.domain.storage.leaving_home import Home
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Sighting, Snapshot, UseEvent, Volume
from hubplane.domain.storage.tags import read_tags
from hubplane.domain.storage.view import GONE_STATES

__all__ = ["Proving", "prove_volumes", "sighted"]


@dataclass(frozen=True)
class Proving:
    """``homes``: every volume after this look. ``started``: snapshots of now."""

    homes: tuple[Home, ...]
    started: tuple[str, ...]

    @property
    def open_ends(self) -> list[str]:
        """Why the volumes without a proof have none yet, one sentence each."""
        return [home.said for home in self.homes if home.proof is None]


def sighted(
    volumes: Iterable[Volume], sightings: Iterable[Sighting], uses: Iterable[UseEvent], policy: StoragePolicy, now: datetime
) -> tuple[Sighting, ...]:
    """What is to be remembered of this look, before a snapshot is started on the strength of it: one that was started by a call
    which was killed then proves its volume to the next call. Sightings of other volumes are handed on as they are."""
    seen, by_volume = {sighting.volume_id: sighting for sighting in sightings}, _by_volume(uses)
    for volume in volumes:
        if volume.state not in GONE_STATES:
            tags, previous = read_tags(volume.tags, policy.protection_tag), seen.get(volume.volume_id)
            seen[volume.volume_id] = sight(volume, tags, previous, tuple(by_volume.get(volume.volume_id, ())), now)
    return tuple(seen.values())


def prove_volumes(
    cluster_name: str,
    volumes: Sequence[Volume],
    disks: Disks,
    sightings: Iterable[Sighting],
    policy: StoragePolicy,
    uses: Iterable[UseEvent],
    *,
    account_id: str,
    run_id: str,
    now: datetime,
) -> Proving:
    """Look at each volume once more; start the snapshots that are due. Repeatable.

    ``disks`` is asked for all volumes at once, so that calls grow with pages. ``sightings`` are those of ``sighted``, and were
    written down. Raises ``HomeNotProved`` where no further look can help.
    """
    seen = {sighting.volume_id: sighting for sighting in sightings}
    standing = [volume for volume in volumes if volume.state not in GONE_STATES]
    looked = _Looked(disks, standing)
    by_volume, homes, started = _by_volume(uses), [], []
    for volume in standing:
        known = seen.get(volume.volume_id)
        home = Home(
            volume.volume_id,
            cluster_name,
            volume.size_gib,
            first_seen_at=known.first_seen_at if known else None,
            unattached_since=known.unattached_since if known else None,
        )
        mine = by_volume.get(volume.volume_id, ())
        found, created = prove_home(home, looked, policy, mine, account_id=account_id, run_id=run_id, now=now)
        homes.append(found)
        started += [created] if created else []
    return Proving(tuple(homes), tuple(started))


def _by_volume(uses: Iterable[UseEvent]) -> dict[str, list[UseEvent]]:
    found: dict[str, list[UseEvent]] = {}
    for use in uses:
        found.setdefault(use.volume_id, []).append(use)
    return found


class _Looked:
    """The port ``storage.last_copy.Disks`` over one look at all volumes; only a new snapshot is asked of ``disks`` itself."""

    def __init__(self, disks: Disks, volumes: Sequence[Volume]) -> None:
        self._disks = disks
        self._volumes = {volume.volume_id: volume for volume in volumes}
        of: dict[str, list[Snapshot]] = {}
        for snapshot in disks.snapshots_of(list(self._volumes)) if volumes else ():
            of.setdefault(snapshot.volume_id, []).append(snapshot)
        self._snapshots_of = of
        sources = sorted({volume.source_snapshot_id for volume in volumes if volume.source_snapshot_id})
        self._snapshots = {item.snapshot_id: item for item in (disks.snapshots(sources) if sources else ())}
        self._pending: tuple[Snapshot, ...] | None = None

    def volumes(self, volume_ids: Sequence[str]) -> tuple[Volume, ...]:
        return tuple(self._volumes[key] for key in volume_ids if key in self._volumes)

    def snapshots(self, snapshot_ids: Sequence[str]) -> tuple[Snapshot, ...]:
        return tuple(self._snapshots[key] for key in snapshot_ids if key in self._snapshots)

    def snapshots_of(self, volume_ids: Sequence[str]) -> tuple[Snapshot, ...]:
        return tuple(item for key in volume_ids for item in self._snapshots_of.get(key, ()))

    def pending(self) -> tuple[Snapshot, ...]:
        if self._pending is None:
            self._pending = tuple(self._disks.pending())
        return self._pending

    def create_snapshot(self, volume_id: str, tags: Mapping[str, str]) -> str:
        created = self._disks.create_snapshot(volume_id, tags)
        volume = self._volumes[volume_id]
        # Only counted: asking again after each start would cost a call a home.
        started = Snapshot(created, volume_id, "pending", volume.created_at, volume.size_gib, "", tags)
        self._pending = (*self.pending(), started)
        return created
