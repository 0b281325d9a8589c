"""Which snapshots are copies, and which of them is the last one of some data.

Claim names do not tell whose data a snapshot holds: a claim may have been given an empty volume after a failed restore, or to
another person of the same name. So data is followed from volume to volume: a snapshot is superseded by a later good one of the
same VolumeId, or by a good one of a volume that was made from it. What nothing supersedes is a *last copy*, and there may be
several of them under one claim name.
"""

from __future__ import annotations

from dataclasses import dataclass

from hubplane.domain.storage.ancestry import ancestry_of, milliseconds
from hubplane.domain.storage.records import Snapshot
from hubplane.domain.storage.view import StorageView

__all__ = ["Copies", "find_copies", "is_good_copy"]


def is_good_copy(snapshot: Snapshot, account_id: str) -> bool:
    """Whether this account can restore from it: ``completed`` and its own. ``error`` and ``pending`` are no copies."""
    return snapshot.state == "completed" and snapshot.owner_id == account_id


@dataclass(frozen=True)
class Copies:
    """``superseded_by``: for each good copy that is not a last copy, one that holds all of it.

    ``volumes_holding``: for each last copy, the standing volumes that were made from it or that it was made from.
    """

    superseded_by: dict[str, str]
    volumes_holding: dict[str, list[str]]

    def is_last(self, snapshot_id: str) -> bool:
        """Whether no other snapshot holds all that this good copy holds."""
        return snapshot_id not in self.superseded_by


def find_copies(view: StorageView) -> Copies:
    """Follow the data through every snapshot in scope. Linear in the number of snapshots."""
    account_id = view.inventory.account_id
    superseded: dict[str, str] = {}
    holding: dict[str, list[str]] = {}
    newest: dict[str, Snapshot] = {}
    for volume_id, group in view.snapshots_of_volume.items():
        good = [snapshot for snapshot in group if is_good_copy(snapshot, account_id)]
        if good:
            newest[volume_id] = good[0]
            superseded.update((older.snapshot_id, good[0].snapshot_id) for older in good[1:])
    for volume_id, snapshot in newest.items():
        for ancestor, until in ancestry_of(view, volume_id):
            former = newest.get(ancestor)
            # What came of a copy is later than it; a tag that says otherwise is wrong, and could close a circle.
            if former and milliseconds(former.started_at) <= until and former.started_at < snapshot.started_at:
                superseded.setdefault(former.snapshot_id, snapshot.snapshot_id)
    for volume_id, volume in view.volumes.items():
        for held in (newest[volume_id].snapshot_id if volume_id in newest else None, volume.source_snapshot_id):
            if held is not None:
                holding.setdefault(held, []).append(volume_id)
    return Copies(superseded_by=superseded, volumes_holding=holding)
