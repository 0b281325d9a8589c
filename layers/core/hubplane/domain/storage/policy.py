"""How one cluster's homes are kept: the figures that the planners compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import dacite

__all__ = ["StoragePolicy", "policy_from_json", "policy_to_json", "snapshot_boundary"]

# An EBS account may have 100 snapshots pending, not adjustable (AWS General Reference, "Amazon EBS endpoints and quotas").
PENDING_SNAPSHOT_LIMIT = 100


@dataclass(frozen=True)
class StoragePolicy:
    """The storage policy of a cluster; the defaults lose nothing.

    ``end_of_retention_days`` None means that the newest copy of a home is never deleted. ``largest_share`` is the part of
    the fleet that one night may delete without asking. ``pending_reserve`` of the account's 100 pending snapshots are left
    to the CSI driver and to people.
    """

    snapshot_hour: int = 10
    volume_idle_days: int = 5
    daily_snapshots: int = 7
    weekly_snapshots: int = 4
    monthly_snapshots: int = 6
    end_of_retention_days: int | None = None
    warning_days: tuple[int, ...] = (5, 3, 1)
    grace_days: int = 1
    largest_share: float = 0.25
    protection_tag: str = "do-not-delete"
    hub_database_claim: str = "hub-db-dir"
    pending_reserve: int = 20
    prune: bool = False

    @property
    def pending_snapshots(self) -> int:
        """How many snapshots of the account may be pending at once before no more are started."""
        return PENDING_SNAPSHOT_LIMIT - self.pending_reserve

    @property
    def idle(self) -> timedelta:
        """How long a volume is left alone after its last use."""
        return timedelta(days=self.volume_idle_days)

    @property
    def grace(self) -> timedelta:
        """What passes between the end of retention, or the last warning, and the delete."""
        return timedelta(days=self.grace_days)

    @property
    def notice(self) -> timedelta:
        """How long before the end of retention a person hears of it first."""
        return timedelta(days=max(self.warning_days))


def snapshot_boundary(policy: StoragePolicy, now: datetime) -> datetime:
    """The latest snapshot hour that is not after ``now``: a snapshot started since then is this night's."""
    today = now.replace(hour=policy.snapshot_hour, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def policy_from_json(document: Mapping[str, Any]) -> StoragePolicy:
    """The policy of a JSON document; absent fields take their defaults. Raises ``dacite.DaciteError`` on wrong types or names."""
    return dacite.from_dict(StoragePolicy, dict(document), dacite.Config(cast=[tuple], strict=True))


def policy_to_json(policy: StoragePolicy) -> dict[str, Any]:
    """The JSON document of a policy, every field written out."""
    return {**asdict(policy), "warning_days": list(policy.warning_days)}
