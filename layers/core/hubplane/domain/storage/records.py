"""What was seen: volumes, snapshots, claims, owners and signs of use. All times are aware UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

__all__ = ["AcceptedWarning", "Claim", "Inventory", "Owner", "Sighting", "Snapshot", "UseEvent", "Volume"]


@dataclass(frozen=True, slots=True)
class Volume:
    """An EBS volume as DescribeVolumes shows it. ``source_snapshot_id`` is the snapshot that it was made from, if any.

    ``volume_type`` (``gp3``) and ``zone`` (``us-east-1d``) are for the report: what it costs, where it lies. Empty: not told.
    """

    volume_id: str
    size_gib: int
    state: str
    created_at: datetime
    tags: Mapping[str, str] = field(default_factory=dict)
    attached: bool = False
    source_snapshot_id: str | None = None
    volume_type: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An EBS snapshot as DescribeSnapshots shows it; ``size_gib`` is the size of its volume when it was started."""

    snapshot_id: str
    volume_id: str
    state: str
    started_at: datetime
    size_gib: int
    owner_id: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """A persistent volume claim in the cluster and the volume that it is bound to. ``in_use``: a pod names it."""

    namespace: str
    name: str
    uid: str
    volume_id: str | None = None
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class Owner:
    """A person who may own homes. ``claim_name`` is computed forward from the name, never read back from a claim."""

    sub: str
    username: str
    claim_name: str
    last_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the control plane itself remembers of a volume; ``unattached_since`` None: it was attached when last seen."""

    volume_id: str
    first_seen_at: datetime
    unattached_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class UseEvent:
    """An AttachVolume or DetachVolume that CloudTrail reported."""

    volume_id: str
    kind: Literal["attach", "detach"]
    at: datetime


@dataclass(frozen=True, slots=True)
class AcceptedWarning:
    """A warning that the mail service accepted.

    ``last_used_at`` ties it to one spell of inactivity: a later use makes it worthless. ``announced_delete_at`` is the
    moment that the person was told; nothing is deleted earlier.
    """

    snapshot_id: str
    owner_sub: str
    last_used_at: datetime
    days_before: int
    accepted_at: datetime
    announced_delete_at: datetime


@dataclass(frozen=True)
class Inventory:
    """One sweep over a cluster's storage, and what the tables hold about it.

    ``claims`` None: the cluster could not be asked, so nobody knows what it uses. ``persistent_volume_ids`` are the volume
    ids of every PersistentVolume, claimed or not. ``pending_in_account`` counts the account's pending snapshots, those of
    others too. ``volumes_deleted_tonight`` and ``snapshots_deleted_tonight`` come from the ledger, so that a second run in one
    night does not get a second allowance.
    """

    cluster_name: str
    account_id: str
    volumes: tuple[Volume, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    claims: tuple[Claim, ...] | None = None
    persistent_volume_ids: frozenset[str] = frozenset()
    owners: tuple[Owner, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    events: tuple[UseEvent, ...] = ()
    warnings: tuple[AcceptedWarning, ...] = ()
    pending_in_account: int = 0
    volumes_deleted_tonight: int = 0
    snapshots_deleted_tonight: int = 0
