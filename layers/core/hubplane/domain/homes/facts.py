"""What was seen of one person's home, and the plan that was made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hubplane.domain.registration.records import UserRecord
from hubplane.domain.storage.records import Snapshot, Volume


class HomeAction(StrEnum):
    """``USE`` what the claim is bound to, ``ADOPT`` a volume that has no claim, ``RESTORE`` a snapshot, ``CREATE`` an empty
    volume, ``REFUSE`` the spawn until somebody has looked, ``WAIT`` and ask again."""

    USE = "use"
    ADOPT = "adopt"
    RESTORE = "restore"
    CREATE = "create"
    REFUSE = "refuse"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class SeenClaim:
    """A persistent volume claim as the cluster has it now.

    ``bound_to`` is the PersistentVolume's name, ``volume_id`` its EBS volume: None where there is none, or where it is of another
    kind of storage. ``ending``: it is being deleted. ``phase`` is Kubernetes' own: only ``Bound`` holds what ``bound_to`` names.
    """

    name: str
    bound_to: str | None = None
    volume_id: str | None = None
    ending: bool = False
    phase: str = "Bound"


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """Everything that decides about one spawn.

    ``claim_name`` is the claim that the hub is going to mount, ``zone`` the cluster's only zone, ``requested_gib`` the
    size of a new home, ``storage_class_name`` its class. ``record`` and ``claim_holders`` (claim to username) are the Users
    table's. ``claims`` are those of this person's claims, under every scheme, that the cluster has; ``volumes`` and ``snapshots``
    all that carry one of their names in any cluster, and what the claims are bound to. ``subject`` is the sub of who is signed
    in, as records write it, None where the hub knows none; ``is_new``: ``record`` is not written yet, and is by the first home.
    """

    cluster_name: str
    account_id: str
    username: str
    claim_name: str
    zone: str | None
    requested_gib: int
    record: UserRecord | None
    claim_holders: Mapping[str, str] = field(default_factory=dict)
    claims: tuple[SeenClaim, ...] = ()
    volumes: tuple[Volume, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    protection_tag: str = "do-not-delete"
    storage_class_name: str = "gp3"
    subject: str | None = None
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class HomePlan:
    """What to do, and one sentence about it for the person who waits.

    ``volume_id`` is what is going to be mounted (USE, ADOPT), ``snapshot_id`` and ``size_gib`` what it is made of (RESTORE).
    ``mark_owner``: the volume says nobody's name yet and is to get this person's sub. ``retry_seconds``: of WAIT, and of what is
    being carried out. ``cause``: for the log, where it says more than the sentence.
    """

    action: HomeAction
    sentence: str
    volume_id: str | None = None
    snapshot_id: str | None = None
    size_gib: int | None = None
    mark_owner: bool = False
    retry_seconds: int | None = None
    cause: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the spawn may go on now: the claim holds the home, or the hub may make an empty one."""
        return self.action in (HomeAction.USE, HomeAction.CREATE)
