"""Which volumes a volume's data came through, kept in one tag of its snapshots.

EC2 forgets what a volume was made from once the volume is gone, and the ladder prunes the snapshot in between one day. So each
snapshot carries its ancestry, nearest first: ``vol-b@1767607200000,vol-a@1767002400000`` says that the data was ``vol-b``'s until
that moment (in milliseconds), and ``vol-a``'s before. A tag holds 256 characters, seven ancestors; what is older stays as a copy
of its own, which errs on the side of keeping.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import ANCESTRY_TAG
from hubplane.domain.storage.view import StorageView

__all__ = ["Ancestor", "ancestry_of", "ancestry_tag", "ancestry_through", "milliseconds"]

# EC2 tag values end at 256 characters (EC2 User Guide, "Tag restrictions").
LONGEST_TAG_VALUE = 256

Ancestor = tuple[str, int]


def milliseconds(moment: datetime) -> int:
    """The precision in which EC2 tells a snapshot's start."""
    return int(moment.timestamp() * 1000)


def ancestry_of(view: StorageView, volume_id: str) -> tuple[Ancestor, ...]:
    """The volumes that this one's data came through and until when, nearest first: by EC2 while it knows, else by tag.

    A volume that Hubplane made from a snapshot carries the tag itself, lest that snapshot goes before the first one of its own.
    """
    volume: Volume | None = view.volumes.get(volume_id)
    source = view.snapshots.get(volume.source_snapshot_id) if volume and volume.source_snapshot_id else None
    if source is not None:
        further = _read(view.snapshot_facts[source.snapshot_id].ancestry)
        return ((source.volume_id, milliseconds(source.started_at)), *further)
    for snapshot in view.snapshots_of_volume.get(volume_id, ()):
        known = _read(view.snapshot_facts[snapshot.snapshot_id].ancestry)
        if known:
            return known
    return _read(view.volume_facts[volume_id].ancestry) if volume else ()


def ancestry_through(source: Snapshot) -> str:
    """The tag's value for a volume that is made from this snapshot."""
    entries = [(source.volume_id, milliseconds(source.started_at)), *_read(source.tags.get(ANCESTRY_TAG))]
    return _written(entries)


def ancestry_tag(view: StorageView, volume_id: str) -> str | None:
    """The tag's value for a new snapshot of the volume; None for a volume that was made empty."""
    return _written(ancestry_of(view, volume_id)) or None


def _written(ancestors: Iterable[Ancestor]) -> str:
    entries = [f"{ancestor}@{until}" for ancestor, until in ancestors]
    while len(",".join(entries)) > LONGEST_TAG_VALUE:
        entries.pop()
    return ",".join(entries)


def _read(text: str | None) -> tuple[Ancestor, ...]:
    found: list[Ancestor] = []
    for entry in (text or "").split(","):
        ancestor, _, until = entry.partition("@")
        if not ancestor or not until.isdigit():
            break
        found.append((ancestor, int(until)))
    return tuple(found)
