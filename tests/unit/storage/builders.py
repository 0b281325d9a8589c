"""Volumes, snapshots and people for the storage tables: whole by default, each test changes what it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hubplane.domain.storage.records import AcceptedWarning, Claim, Inventory, Owner, Sighting, Snapshot, Volume

ACCOUNT = "111122223333"
CLUSTER = "lab"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ENDING_DAYS = 30


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def tags(claim: str | None = "claim-ann", **more: str) -> dict[str, str]:
    named = {"kubernetes.io/created-for/pvc/name": claim, "kubernetes.io/created-for/pvc/namespace": "jupyter"} if claim else {}
    return {f"kubernetes.io/cluster/{CLUSTER}": "owned", **named, **more}


def volume(
    volume_id: str = "vol-1", *, stopped: datetime | None = None, more: dict[str, str] | None = None, **fields: Any
) -> Volume:
    """An unattached volume of Ann's, last used 10 days ago."""
    stop = {"server-stop-time": str(stopped or ago(10))}
    whole = {"size_gib": 500, "state": "available", "created_at": ago(400), "tags": tags(**{**stop, **(more or {})})}
    return Volume(volume_id=volume_id, **{**whole, **fields})


def snapshot(snapshot_id: str = "snap-1", volume_id: str = "vol-1", days_old: float = 9, **fields: Any) -> Snapshot:
    """A completed snapshot of Ann's volume, full size, of this account."""
    whole = {"state": "completed", "size_gib": 500, "owner_id": ACCOUNT, "tags": tags()}
    return Snapshot(snapshot_id=snapshot_id, volume_id=volume_id, started_at=ago(days_old), **{**whole, **fields})


def sighting(volume_id: str = "vol-1", since_days: float | None = 9.5) -> Sighting:
    return Sighting(volume_id, ago(300), None if since_days is None else ago(since_days))


def claim(volume_id: str | None = "vol-1", name: str = "claim-ann", **fields: Any) -> Claim:
    return Claim(namespace="jupyter", name=name, uid=f"uid-{name}", volume_id=volume_id, **fields)


ANN = Owner(sub="sub-ann", username="ann", claim_name="claim-ann")


def inventory(*things: Volume | Snapshot | Sighting | Claim | Owner | AcceptedWarning, **fields: Any) -> Inventory:
    """Everything by kind. Claims are known (and none) unless given; Ann is the owner unless other owners are given."""

    def of(kind: type) -> tuple[Any, ...]:
        return tuple(thing for thing in things if isinstance(thing, kind))

    whole: dict[str, Any] = {
        "cluster_name": CLUSTER,
        "account_id": ACCOUNT,
        "volumes": of(Volume),
        "snapshots": of(Snapshot),
        "claims": of(Claim),
        "owners": of(Owner) or (ANN,),
        "sightings": of(Sighting),
        "warnings": of(AcceptedWarning),
    }
    return Inventory(**{**whole, **fields})
