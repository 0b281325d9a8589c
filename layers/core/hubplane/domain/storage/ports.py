"""What executors act through: EBS, the cluster's claims, the ledger and a clock. The adapters are the real ones.

A call that the other side refuses for a reason that the executor must understand raises ``Refused``; ``Throttled`` asks for a
slower pace; every other error is a ``HubplaneError`` with the other side's words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from hubplane.domain.errors import HubplaneError

if TYPE_CHECKING:  # adapters that need a Refusal alone would load every record of a plan: a tenth of what boto3 takes
    from hubplane.domain.storage.actions import ClaimReference
    from hubplane.domain.storage.outcomes import Intent, Outcome
    from hubplane.domain.storage.records import Claim, Snapshot, Volume

__all__ = ["REFUSAL_OF_CODE", "ClaimNow", "Claims", "Clock", "Ebs", "Entry", "Ledger", "Refusal", "Refused"]


class Refusal(StrEnum):
    """Why a call did not do what it was to do. ``LOST``: the answer never came, so it may have done it all the same."""

    GONE = "gone"
    IN_USE = "in use"
    NO_ROOM = "no room"
    TOO_SOON = "too soon"
    CHANGED = "changed"
    LOST = "lost"


# EC2 API Reference, "Error codes"; botocore models none of them.
REFUSAL_OF_CODE: Mapping[str, Refusal] = {
    "InvalidVolume.NotFound": Refusal.GONE,
    "InvalidSnapshot.NotFound": Refusal.GONE,
    "VolumeInUse": Refusal.IN_USE,
    "InvalidSnapshot.InUse": Refusal.IN_USE,
    "PendingSnapshotLimitExceeded": Refusal.NO_ROOM,
    "SnapshotCreationPerVolumeRateExceeded": Refusal.TOO_SOON,
    "ConcurrentSnapshotLimitExceeded": Refusal.TOO_SOON,
}


class Refused(HubplaneError):
    """The other side understood and did not; never leaves an executor."""

    def __init__(self, kind: Refusal, words: str) -> None:
        super().__init__(words)
        self.kind = kind


class Ebs(Protocol):
    """EBS of one account and Region; ``adapters.ebs.Ebs`` is the real one. Looks take up to 200 values, more in several calls."""

    def volumes(self, volume_ids: Collection[str]) -> tuple[Volume, ...]:
        """Those of these volumes that exist."""

    def volumes_of_claims(self, claim_names: Collection[str]) -> tuple[Volume, ...]:
        """All volumes that carry one of these claims' names."""

    def volumes_made_from(self, snapshot_ids: Collection[str]) -> tuple[Volume, ...]:
        """All volumes that were made from one of these snapshots."""

    def snapshots(self, snapshot_ids: Collection[str]) -> tuple[Snapshot, ...]:
        """Those of these snapshots that exist."""

    def snapshots_of(self, volume_ids: Collection[str]) -> tuple[Snapshot, ...]:
        """All snapshots of these volumes, of every state, foreign ones that are shared too."""

    def snapshots_descending_from(self, volume_ids: Collection[str]) -> tuple[Snapshot, ...]:
        """All snapshots whose ancestry names one of these volumes."""

    def pending(self) -> tuple[Snapshot, ...]:
        """All of the account's pending snapshots, whoever started them: at most 100."""

    def create_snapshot(self, volume_id: str, tags: Mapping[str, str]) -> str:
        """Start a snapshot that carries these tags from its first moment; its id. Not repeatable: look first."""

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Delete one snapshot."""

    def delete_volume(self, volume_id: str) -> None:
        """Delete one volume that no cluster knows."""


@dataclass(frozen=True, slots=True)
class ClaimNow:
    """A claim as it is this moment. ``version`` changes with every write to it; ``ending``: its delete was asked for already."""

    claim: Claim
    version: str
    ending: bool = False


class Claims(Protocol):
    """The claims of one cluster's homes; ``adapters.claims.Claims`` is the real one."""

    def read_claims(self) -> tuple[tuple[Claim, ...], frozenset[str]]:
        """All claims, and the volume ids of all PersistentVolumes, claimed or not."""

    def read_claim(self, namespace: str, name: str) -> ClaimNow | None:
        """One claim and whether a pod names it, read now; None where there is none."""

    def delete_claim(self, claim: ClaimReference, version: str) -> None:
        """Delete exactly this claim in exactly this version; ``Refused`` with ``GONE`` or ``CHANGED`` otherwise."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch in the ledger. ``outcomes`` None: it was begun and never finished."""

    begun_at: datetime
    intents: tuple[Intent, ...]
    outcomes: tuple[Outcome, ...] | None = None


class Ledger(Protocol):
    """One run's part of the ledger; ``adapters.ledger_table.StorageLedger`` is the real one."""

    def begin(self, batch: str, intents: Sequence[Intent], now: datetime) -> Entry | None:
        """Write the intents, None; or, where the batch has an entry already, that one, and nothing is written."""

    def finish(self, batch: str, outcomes: Sequence[Outcome], now: datetime) -> None:
        """Write what became of a begun batch. Repeatable."""


class Clock(Protocol):
    """Time, and pauses of a few seconds at most: longer waiting is a Wait state's."""

    def now(self) -> datetime:
        """Aware UTC."""

    def pause(self, seconds: float) -> None:
        """Do nothing for so long."""
