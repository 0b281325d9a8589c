"""Where a sweep stands, as JSON between two invocations, and what of EC2's answers it keeps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Inventory, Sighting, Snapshot, Volume
from hubplane.domain.storage.tags import carries_cluster
from hubplane.domain.storage.view import observe

__all__ = ["STAGES", "SweepCursor", "is_snapshot_in_scope", "remembered"]

# Volumes come first: whose snapshots count is known by them.
STAGES: Final = ("volumes", "snapshots", "cluster")


@dataclass(frozen=True, slots=True)
class SweepCursor:
    """What is done. ``token`` resumes within ``stage``; pages are counted as they lie in the bucket, the rest as it was seen.

    ``seen_snapshots`` and ``pending`` are of the whole account. A try that is repeated from the same cursor writes the same page
    numbers again, and what a try that was killed wrote beyond them is never read.
    """

    swept_at: str
    stage: str = "volumes"
    token: str | None = None
    volume_pages: int = 0
    snapshot_pages: int = 0
    volumes: int = 0
    snapshots: int = 0
    seen_snapshots: int = 0
    pending: int = 0

    def next_stage(self) -> SweepCursor:
        """The same at the beginning of the next stage."""
        return replace(self, stage=STAGES[STAGES.index(self.stage) + 1], token=None)

    def counts(self) -> dict[str, int]:
        """What the sweep has found so far."""
        return {
            "volumes": self.volumes,
            "snapshots": self.snapshots,
            "seen_snapshots": self.seen_snapshots,
            "pending": self.pending,
        }

    def to_json(self) -> dict[str, Any]:
        """For the state machine."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any] | None, now: datetime) -> SweepCursor:
        """The cursor of ``to_json``; a new one that begins ``now`` for None."""
        if document is None:
            return cls(swept_at=now.isoformat())
        return cls(**{item.name: document[item.name] for item in fields(cls)})


def is_snapshot_in_scope(snapshot: Snapshot, cluster_name: str, volume_ids: Collection[str]) -> bool:
    """Whether planners look at it: it carries the cluster's tag, or is of a volume that does. The same rule as ``view_of``'s."""
    return snapshot.volume_id in volume_ids or carries_cluster(snapshot.tags, cluster_name)


def remembered(
    seen: Inventory, volumes_of_snapshots: Collection[str], policy: StoragePolicy, swept_at: datetime
) -> tuple[Sighting, ...]:
    """The sightings to keep: new ones of all volumes in ``seen``, and ``seen``'s own of volumes that only snapshots tell of.

    The last use of a home whose volume is gone rests on the latter (``retention.last_use_of_copy``).
    """
    now = {sighting.volume_id: sighting for sighting in observe(seen, policy, swept_at)}
    kept = (item for item in seen.sightings if item.volume_id not in now and item.volume_id in volumes_of_snapshots)
    return (*now.values(), *kept)


def strangers(volumes: Iterable[Volume], claimed: Iterable[str | None]) -> frozenset[str]:
    """The claimed volumes that are not among ``volumes``: without the cluster's tag, or gone."""
    known = {volume.volume_id for volume in volumes}
    return frozenset(volume_id for volume_id in claimed if volume_id is not None) - known
