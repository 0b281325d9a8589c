"""The last snapshot of a home whose person leaves: started once the volume rests, and proved as a volume's delete would ask.

Nothing is deleted here. A volume counts as resting only after the control plane itself saw it unattached, a quarter of an hour
after the last sign of use; so this is called again and again with what it remembered, until every home has its proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from hubplane.domain.errors import HomeNotProved
from hubplane.domain.storage import copies, last_use
from hubplane.domain.storage.leaving_home import Home
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.ports import Refusal, Refused
from hubplane.domain.storage.proof import find_proof
from hubplane.domain.storage.records import Inventory, Sighting, Snapshot, UseEvent, Volume
from hubplane.domain.storage.snapshotting import new_tags
from hubplane.domain.storage.tags import LARGEST_TAG_COUNT, RUN_TAG, read_tags
from hubplane.domain.storage.view import GONE_STATES, StorageView, view_of

MOST_ERRORS: Final = 3
"""Snapshots of one volume in ``error`` that one run makes before it gives up: the fault is not one of the moment."""


class Disks(Protocol):
    """What is asked of EBS."""

    def volumes(self, volume_ids: Sequence[str]) -> tuple[Volume, ...]:
        """Those of these volumes that exist."""

    def snapshots(self, snapshot_ids: Sequence[str]) -> tuple[Snapshot, ...]:
        """Those of these snapshots that exist."""

    def snapshots_of(self, volume_ids: Sequence[str]) -> tuple[Snapshot, ...]:
        """All snapshots of these volumes."""

    def pending(self) -> Sequence[Snapshot]:
        """Pending snapshots of the account."""

    def create_snapshot(self, volume_id: str, tags: Mapping[str, str]) -> str:
        """Start a snapshot, tagged in the same call."""


def prove_home(
    home: Home, disks: Disks, policy: StoragePolicy, uses: Sequence[UseEvent], *, account_id: str, run_id: str, now: datetime
) -> tuple[Home, str | None]:
    """The home after another look, and the id of a snapshot that was started now, if one was.

    Repeatable. Raises ``HomeNotProved`` where no further look can help: the volume is gone without a copy, or its snapshots
    end in error.
    """
    snapshots = disks.snapshots_of([home.volume_id])
    volume = next(iter(disks.volumes([home.volume_id])), None)
    if volume is None or volume.state in GONE_STATES:
        return _gone(home, snapshots, account_id), None
    sources = disks.snapshots([volume.source_snapshot_id]) if volume.source_snapshot_id else ()
    mine = tuple(use for use in uses if use.volume_id == home.volume_id)
    previous = Sighting(home.volume_id, home.first_seen_at, home.unattached_since) if home.first_seen_at else None
    sighting = last_use.sight(volume, read_tags(volume.tags, policy.protection_tag), previous, mine, now)
    inventory = Inventory(
        cluster_name=home.cluster_name,
        account_id=account_id,
        volumes=(volume,),
        snapshots=(*snapshots, *(item for item in sources if item.volume_id != home.volume_id)),
        sightings=(sighting,),
        events=mine,
    )
    view = view_of(inventory, policy, now)
    if home.volume_id not in view.volumes:
        raise HomeNotProved(f"{home.volume_id} does not carry the tags of cluster {home.cluster_name} any more: look at it")

    def found(said: str, proof: str | None = None) -> Home:
        since = sighting.unattached_since
        return Home(home.volume_id, home.cluster_name, volume.size_gib, sighting.first_seen_at, since, proof, said)

    proof, clause = find_proof(view, volume)
    if proof is not None:
        return found(clause, proof.snapshot_id), None
    obstacle = _why_not_now(view, volume, snapshots, run_id)
    if obstacle is not None:
        return found(obstacle), None
    return _start(view, volume, disks, policy, run_id, found)


def _gone(home: Home, snapshots: Sequence[Snapshot], account_id: str) -> Home:
    """Pruning deletes a volume on the strength of a proof, which then is the home."""
    good = [item for item in snapshots if copies.is_good_copy(item, account_id) and item.size_gib >= home.size_gib]
    newest = max(good, key=lambda item: item.started_at, default=None)
    if newest is None:
        raise HomeNotProved(f"{home.volume_id} is gone, and no completed snapshot of it is to be seen: look into the Recycle Bin")
    said = f"the volume is gone, {newest.snapshot_id} is its newest completed snapshot"
    return Home(home.volume_id, home.cluster_name, home.size_gib, proof=newest.snapshot_id, said=said)


def _why_not_now(view: StorageView, volume: Volume, snapshots: Sequence[Snapshot], run_id: str) -> str | None:
    """Why no snapshot is started now, or None."""
    if volume.attached or volume.state != "available":
        return f"{volume.volume_id} is still {volume.state}: a server or a pod has it"
    since = view.unattached_since(volume)
    if since is None:
        return f"{volume.volume_id} is left alone until {last_use.SETTLE} after its last sign of use"
    pending = next((item for item in snapshots if item.state == "pending" and item.started_at >= since), None)
    if pending is not None:
        return f"{pending.snapshot_id} of {volume.volume_id} is pending"
    failed = [item for item in snapshots if item.state == "error" and item.tags.get(RUN_TAG) == run_id]
    if len(failed) >= MOST_ERRORS:
        raise HomeNotProved(f"{len(failed)} snapshots of {volume.volume_id} ended in error: ask AWS Support, then start again")
    return None


def _start(
    view: StorageView, volume: Volume, disks: Disks, policy: StoragePolicy, run_id: str, found: Callable[[str], Home]
) -> tuple[Home, str | None]:
    pending = len(disks.pending())
    if pending >= policy.pending_snapshots:
        return found(f"{pending} snapshots are pending in the account, and Hubplane goes no higher"), None
    tags = {**dict(list(new_tags(view, volume).items())[: LARGEST_TAG_COUNT - 1]), RUN_TAG: run_id}
    try:
        created = disks.create_snapshot(volume.volume_id, tags)
    except Refused as refusal:
        if refusal.kind in (Refusal.NO_ROOM, Refusal.TOO_SOON, Refusal.LOST, Refusal.GONE):
            return found(f"no snapshot of {volume.volume_id} was started now: {refusal}"), None
        raise HomeNotProved(f"no snapshot of {volume.volume_id} can be started: {refusal}") from refusal
    return found(f"{created} of {volume.volume_id} was started"), created
