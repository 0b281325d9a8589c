"""What bringing a home back acts through; the adapters are the real ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hubplane.domain.homes.binding import Bond, HomeBond
from hubplane.domain.homes.facts import SeenClaim
from hubplane.domain.homes.holds import Hold
from hubplane.domain.homes.making import Making
from hubplane.domain.homes.switching import SeenVolumeObject
from hubplane.domain.homes.volumes import WantedVolume
from hubplane.domain.registration.records import UserRecord
from hubplane.domain.storage.records import Snapshot, Volume

__all__ = ["Binding", "Claims", "Holds", "Makings", "People", "Storage", "Tools", "Volumes"]


class Storage(Protocol):
    """EBS, looked at; ``adapters.ebs.Ebs``."""

    def volumes(self, volume_ids: Collection[str]) -> tuple[Volume, ...]:
        """Those of these volumes that exist."""

    def volumes_of_claims(self, claim_names: Collection[str]) -> tuple[Volume, ...]:
        """All volumes that carry one of these claims' names."""

    def snapshots_of_claims(self, claim_names: Collection[str]) -> tuple[Snapshot, ...]:
        """All snapshots that carry one of these claims' names."""

    def tag_volume(self, volume_id: str, tags: Mapping[str, str]) -> None:
        """Write tags on a volume, over older ones of their names."""


class Volumes(Protocol):
    """``adapters.home_volumes.HomeVolumes``."""

    def create(self, wanted: WantedVolume) -> str:
        """The id of the volume; repeatable with the same request, also where that volume is gone by now."""


class Claims(Protocol):
    """``adapters.claims.Claims``."""

    def see(self, name: str) -> SeenClaim | None:
        """A home's claim and its volume; None where there is no such claim."""

    def objects_of(self, volume_id: str) -> tuple[SeenVolumeObject, ...]:
        """Every PersistentVolume of the cluster that stands for this EBS volume."""


class Binding(Protocol):
    """``adapters.home_binding.HomeBinding``."""

    def bind(self, bond: HomeBond) -> Bond:
        """Make the PersistentVolume and then the claim, each where it is not there yet. Raises ``HomeTaken``."""


class Holds(Protocol):
    """``adapters.home_holds.HomeHolder``."""

    def hold(self, cluster_name: str, claim_name: str, holder: str, why: str, until_at: datetime) -> None:
        """Hold the home. Raises ``HomeHeld`` where another does, ``ClusterBusy`` where the cluster ends."""

    def release(self, cluster_name: str, claim_name: str, holder: str) -> None:
        """Give the hold back, where it is this holder's."""

    def read(self, cluster_name: str, claim_name: str) -> Hold | None:
        """The hold that stands now."""


class Makings(Protocol):
    """The generations of one home in the Ledger; ``adapters.home_makings.HomeMakings``."""

    def last(self, cluster_name: str, claim_name: str) -> Making | None:
        """The newest generation."""

    def begin(self, cluster_name: str, making: Making) -> bool:
        """Write a generation; False, and nothing is written, where there is one of its number already."""

    def note(self, cluster_name: str, making: Making, volume_id: str, now: datetime) -> None:
        """Write down which volume it made. Repeatable."""

    def end(self, cluster_name: str, making: Making, volume_id: str, now: datetime) -> None:
        """Write down that the claim holds this volume. Repeatable."""


class People(Protocol):
    """The records of people."""

    def pin(self, record: UserRecord) -> bool:
        """Write down who a name is from now on; False where somebody else came first. Repeatable."""


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """Aware UTC."""


@dataclass(frozen=True, slots=True)
class Tools:
    """All of them for one spawn. ``holder`` names this call and no other; so does ``token``, of up to 40 hexadecimal digits."""

    storage: Storage
    volumes: Volumes
    claims: Claims
    binding: Binding
    holds: Holds
    makings: Makings
    people: People
    clock: Clock
    holder: str
    token: str
