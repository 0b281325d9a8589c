"""A cluster as the control plane has it on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hubplane.domain.errors import ClusterBusy, ClusterUnknown
from hubplane.domain.locks import Lock
from hubplane.domain.storage.policy import StoragePolicy

DELETED: Final = "DELETED"
ENDING: Final = frozenset({"DELETING", "DELETION_FAILED", DELETED})
"""What delete_cluster makes of a status; only a build takes it back."""


@dataclass(frozen=True, slots=True)
class ClusterRecord:
    """What is known of a cluster. ``availability_zone`` is set by the first build and never changes.

    ``storage_policy`` and ``hub_url`` are those of the last recorded release, None before the first. ``storage_lock`` is a lock
    of its own: a build must not keep a night's snapshots from being taken. ``upgrade_lock`` is held over all builds of an
    upgrade, each of which takes ``lock`` itself. ``home_size_gib`` is what a new home gets,
    of the class ``storage_class_name``; ``sign_in_url`` is where people sign in, ``has_given_client``
    whether the specification names the OAuth client for that.
    """

    cluster_name: str
    status: str | None
    lock: Lock | None
    availability_zone: str | None
    storage_lock: Lock | None = None
    upgrade_lock: Lock | None = None
    storage_policy: StoragePolicy | None = None
    hub_url: str | None = None
    home_size_gib: int | None = None
    storage_class_name: str | None = None
    sign_in_url: str | None = None
    has_given_client: bool = False

    @property
    def is_ending(self) -> bool:
        """Whether the cluster is being deleted, was, or was left half-deleted: nobody mounts a home there."""
        return self.status in ENDING

    def policy(self) -> StoragePolicy:
        """The storage policy of the last release. Raises ``ClusterUnknown`` where there was none yet."""
        if self.storage_policy is None:
            raise ClusterUnknown(f"cluster {self.cluster_name} was never built here: start build_cluster first, or mend the name")
        return self.storage_policy

    def refuse_where_ending(self) -> None:
        """Raises ``ClusterBusy`` where the cluster is being deleted or was: no home of it is changed any more."""
        if self.is_ending:
            raise ClusterBusy(f"cluster {self.cluster_name} is {self.status}: build it again before a home of it is changed")

    @property
    def protection_tag(self) -> str:
        """The tag that keeps a volume or a snapshot from every deletion; the usual one before the first release."""
        return (self.storage_policy or StoragePolicy()).protection_tag

    @property
    def home_class(self) -> str:
        """The StorageClass of homes; the usual one before the first release."""
        return self.storage_class_name or "gp3"


@dataclass(frozen=True, slots=True)
class BuiltCluster:
    """A cluster with a recorded release: its name and where people reach its hub."""

    cluster_name: str
    hub_url: str
