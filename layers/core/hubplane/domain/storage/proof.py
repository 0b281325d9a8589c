"""The proof that a volume may go: one snapshot that holds everything the volume holds.

Each criterion says in words why a snapshot is no proof, or None. All of them must be silent about the same snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.view import StorageView
from hubplane.domain.storage.wording import minute

__all__ = ["CRITERIA", "Criterion", "find_proof", "why_no_proof"]

Criterion = Callable[[StorageView, Volume, Snapshot], str | None]


def is_of_this_volume(_view: StorageView, volume: Volume, snapshot: Snapshot) -> str | None:
    """Same VolumeId: another generation of the same claim proves nothing (domain fault 6)."""
    return None if snapshot.volume_id == volume.volume_id else f"{snapshot.snapshot_id} is of {snapshot.volume_id}"


def is_completed(_view: StorageView, _volume: Volume, snapshot: Snapshot) -> str | None:
    """Only ``completed`` is a backup."""
    return None if snapshot.state == "completed" else f"{snapshot.snapshot_id} is {snapshot.state}"


def is_owned_here(view: StorageView, _volume: Volume, snapshot: Snapshot) -> str | None:
    """A foreign account may delete its snapshot whenever it likes."""
    ours = view.inventory.account_id
    return None if snapshot.owner_id == ours else f"{snapshot.snapshot_id} belongs to account {snapshot.owner_id}, not {ours}"


def started_after_last_detachment(view: StorageView, volume: Volume, snapshot: Snapshot) -> str | None:
    """Started while the volume was known to be unattached, and it has been so ever since."""
    since: datetime | None = view.unattached_since(volume)
    if since is None:
        return f"it is not known since when the volume is unattached, so {snapshot.snapshot_id} may miss the last writes"
    if snapshot.started_at < since:
        return f"{snapshot.snapshot_id} is of {minute(snapshot.started_at)}, before it was seen unattached at {minute(since)}"
    return None


def is_of_full_size(_view: StorageView, volume: Volume, snapshot: Snapshot) -> str | None:
    """A volume that has grown since needs a new snapshot."""
    if snapshot.size_gib >= volume.size_gib:
        return None
    return f"{snapshot.snapshot_id} holds {snapshot.size_gib} GiB of {volume.size_gib} GiB"


# Tuples, so that a test can leave one out and show that the simulation then loses data.
CRITERIA: tuple[Criterion, ...] = (is_of_this_volume, is_completed, is_owned_here, started_after_last_detachment, is_of_full_size)


def why_no_proof(view: StorageView, volume: Volume, snapshot: Snapshot) -> str | None:
    """The first thing that keeps ``snapshot`` from proving ``volume``, or None if it is a proof."""
    for criterion in CRITERIA:
        objection = criterion(view, volume, snapshot)
        if objection is not None:
            return objection
    return None


def find_proof(view: StorageView, volume: Volume, due: frozenset[str] = frozenset()) -> tuple[Snapshot | None, str]:
    """The newest proof that is not in ``due`` (ids of snapshots about to be deleted), and a clause that says what was found."""
    objection = "it has no snapshot"
    for snapshot in candidates(view, volume):
        found = why_no_proof(view, volume, snapshot)
        if found is None and snapshot.snapshot_id in due:
            found = f"{snapshot.snapshot_id} is itself due for deletion"
        if found is None:
            return snapshot, f"{snapshot.snapshot_id} of {minute(snapshot.started_at)} holds everything"
        if objection == "it has no snapshot":
            objection = found
    return None, objection


def candidates(view: StorageView, volume: Volume) -> list[Snapshot]:
    """Snapshots worth asking about: those of the volume, newest first."""
    return view.snapshots_of_volume.get(volume.volume_id, [])
