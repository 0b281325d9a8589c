"""Taking the inventory of a cluster's storage: pages of volumes, pages of snapshots, then what the tables and the cluster say.

As many pages go into the bucket as there is time for, and the cursor after the last one stored is where the next call goes on.
From any cursor it can be done again. Until the last part is written nobody can read the inventory, so a sweep that ended early
decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from hubplane.domain.errors import HubplaneError, ProviderError, Throttled
from hubplane.domain.registration.owners import owners_of
from hubplane.domain.registration.records import UserRecord
from hubplane.domain.storage.documents import SweptCluster, record_to_json
from hubplane.domain.storage.ec2_pages import Page
from hubplane.domain.storage.jsonlines import LineWriter
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import AcceptedWarning, Claim, Inventory, Owner, Sighting, Snapshot, UseEvent, Volume
from hubplane.domain.storage.sweeping import SweepCursor, is_snapshot_in_scope, remembered, strangers
from hubplane.domain.storage.tags import carries_cluster

__all__ = ["ENOUGH_FOR_A_PAGE", "ENOUGH_FOR_THE_END", "PAGE_BYTES", "Bucket", "Sources", "Sweep", "sweep_result"]

ENOUGH_FOR_A_PAGE: Final = 240
"""Seconds: one page may take eight tries with pauses of up to 20 s, and what was read has to be stored."""

ENOUGH_FOR_THE_END: Final = 420
"""Seconds: reading 1,000,000 snapshots back, and everything else of the last part."""

PAGE_BYTES: Final = 8_000_000
LOOKING: Final = frozenset({"list_homes", "adopt_homes"})
"""Steps without the storage lock: what two sweeps remember at once would be the memory of one."""


class Bucket(Protocol):
    """Where the inventory is kept; ``adapters.storage_bucket.StorageBucket`` is the real one."""

    def put_page(self, prefix: str, kind: str, number: int, lines: LineWriter) -> None:
        """Page ``number`` (from 1) of ``kind`` (``volumes`` or ``snapshots``)."""

    def volumes(self, prefix: str, pages: int) -> Iterator[Volume]:
        """The volumes of the first ``pages`` pages."""

    def snapshots(self, prefix: str, pages: int) -> Iterator[Snapshot]:
        """The snapshots of the first ``pages`` pages."""

    def sightings(self, cluster_name: str) -> tuple[Sighting, ...]:
        """What was seen of the cluster's volumes up to now."""

    def put_sightings(self, cluster_name: str, sightings: Iterable[Sighting]) -> None:
        """Replace them."""

    def put_cluster(self, prefix: str, swept: SweptCluster) -> None:
        """What makes the inventory whole."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where it is read from, each asked when its turn comes. Pages are asked from a token on, None for the first.

    ``claims`` are those of the cluster, and the volume ids of all its PersistentVolumes. ``deleted`` counts the volumes and
    snapshots that this night has deleted. ``people`` are all records, ``uses`` those of all clusters.
    """

    volume_pages: Callable[[str | None], Iterable[Page[Volume]]]
    snapshot_pages: Callable[[str | None], Iterable[Page[Snapshot]]]
    volumes_by_id: Callable[[Collection[str]], Iterable[Volume]]
    claims: Callable[[], tuple[tuple[Claim, ...], frozenset[str]]]
    people: Callable[[], Iterable[UserRecord]]
    deleted: Callable[[], tuple[int, int]]
    uses: Callable[[], Iterable[UseEvent]]
    warnings: Callable[[], tuple[AcceptedWarning, ...]]


@dataclass(frozen=True, slots=True)
class Sweep:
    """One cluster's sweep. ``prefix`` is the run's part of the bucket, ``step`` what it is for."""

    cluster_name: str
    account_id: str
    prefix: str
    step: str
    policy: StoragePolicy
    bucket: Bucket
    sources: Sources
    seconds_left: Callable[[], float]

    def go_on(self, cursor: SweepCursor) -> tuple[SweepCursor, list[str] | None]:
        """The cursor as far as the time goes, and the notes for people where the inventory is whole; None before that.

        Raises what the bucket and the sources raise; a cluster or people that cannot be read are a note, throttling is not.
        """
        if cursor.stage == "volumes":
            cursor = self._volumes(cursor)
        if cursor.stage == "snapshots" and self.seconds_left() > ENOUGH_FOR_A_PAGE:
            cursor = self._snapshots(cursor)
        done = cursor.stage == "cluster" and self.seconds_left() > ENOUGH_FOR_THE_END
        return cursor, self._cluster(cursor) if done else None

    def _volumes(self, cursor: SweepCursor) -> SweepCursor:
        """Pages of the cluster's volumes, from the cursor on."""

        def keep(page: Page[Volume], at: SweepCursor) -> tuple[list[Volume], SweepCursor]:
            mine = [volume for volume in page.records if carries_cluster(volume.tags, self.cluster_name)]
            return mine, replace(at, volumes=at.volumes + len(mine))

        return self._store("volume", self.sources.volume_pages(cursor.token), keep, cursor)

    def _snapshots(self, cursor: SweepCursor) -> SweepCursor:
        """Pages of the account's snapshots; those of the cluster are stored, the pending ones of all counted."""
        volume_ids = {volume.volume_id for volume in self.bucket.volumes(self.prefix, cursor.volume_pages)}

        def keep(page: Page[Snapshot], at: SweepCursor) -> tuple[list[Snapshot], SweepCursor]:
            mine = [item for item in page.records if is_snapshot_in_scope(item, self.cluster_name, volume_ids)]
            pending = sum(1 for item in page.records if item.state == "pending")
            seen = at.seen_snapshots + len(page.records)
            return mine, replace(at, snapshots=at.snapshots + len(mine), seen_snapshots=seen, pending=at.pending + pending)

        return self._store("snapshot", self.sources.snapshot_pages(cursor.token), keep, cursor)

    def _cluster(self, cursor: SweepCursor) -> list[str]:
        """Claims, owners, uses, warnings, the night's deletions and sightings; the inventory is whole then. Notes for people."""
        swept_at = datetime.fromisoformat(cursor.swept_at)
        volumes = tuple(self.bucket.volumes(self.prefix, cursor.volume_pages))
        of_snapshots = {item.volume_id for item in self.bucket.snapshots(self.prefix, cursor.snapshot_pages)}
        claims, persistent_volume_ids, unknown = self._claims()
        owners, nobody = self._owners()
        extra = strangers(volumes, (claim.volume_id for claim in claims or ()))
        pages = cursor.volume_pages + self._store_extra(extra, cursor.volume_pages + 1)
        known = of_snapshots | extra | {volume.volume_id for volume in volumes}
        volumes_deleted, snapshots_deleted = self.sources.deleted()
        seen = Inventory(
            cluster_name=self.cluster_name,
            account_id=self.account_id,
            volumes=volumes,
            claims=claims,
            persistent_volume_ids=persistent_volume_ids,
            owners=owners,
            sightings=self.bucket.sightings(self.cluster_name),
            events=tuple(use for use in self.sources.uses() if use.volume_id in known),
            warnings=self.sources.warnings(),
            pending_in_account=cursor.pending,
            volumes_deleted_tonight=volumes_deleted,
            snapshots_deleted_tonight=snapshots_deleted,
        )
        seen = replace(seen, sightings=remembered(seen, of_snapshots, self.policy, swept_at))
        if self.step not in LOOKING:
            self.bucket.put_sightings(self.cluster_name, seen.sightings)
        self.bucket.put_cluster(self.prefix, SweptCluster(seen, swept_at, pages, cursor.snapshot_pages, unknown))
        notes = (
            ("The cluster could not be asked what it uses, so all its volumes are kept", unknown),
            ("The people could not be read, so nobody is warned and every last copy is kept", nobody),
        )
        return [f"{sentence}: {reason}" for sentence, reason in notes if reason]

    def _owners(self) -> tuple[tuple[Owner, ...], str | None]:
        """Whose homes are whose; one record that somebody has broken by hand must not end a night's snapshots."""
        try:
            return owners_of(self.sources.people(), self.cluster_name), None
        except ProviderError as error:
            return (), str(error)

    def _claims(self) -> tuple[tuple[Claim, ...] | None, frozenset[str], str | None]:
        try:
            claims, persistent_volume_ids = self.sources.claims()
        except Throttled:
            raise
        except HubplaneError as error:
            return None, frozenset(), str(error)
        return claims, persistent_volume_ids, None

    def _store_extra(self, volume_ids: frozenset[str], number: int) -> int:
        """What claims are bound to without the cluster's tag: planners leave it alone, the report tells of it. Pages stored."""
        lines = LineWriter()
        for volume in self.sources.volumes_by_id(volume_ids):
            lines.add(record_to_json(volume))
        if lines.count:
            self.bucket.put_page(self.prefix, "volumes", number, lines)
        return min(lines.count, 1)

    def _store(
        self,
        noun: str,
        pages: Iterable[Page[Any]],
        keep: Callable[[Page[Any], SweepCursor], tuple[list[Any], SweepCursor]],
        cursor: SweepCursor,
    ) -> SweepCursor:
        """Pages into the bucket, as many as there is time for; the cursor after the last one stored."""
        lines, counter = LineWriter(), f"{noun}_pages"
        for page in pages:
            mine, cursor = keep(page, cursor)
            for record in mine:
                lines.add(record_to_json(record))
            is_last, is_late = page.next_token is None, self.seconds_left() < ENOUGH_FOR_A_PAGE
            if not (is_last or is_late or lines.size >= PAGE_BYTES):
                continue
            if lines.count:
                number = getattr(cursor, counter) + 1
                self.bucket.put_page(self.prefix, f"{noun}s", number, lines)
                cursor, lines = replace(cursor, **{counter: number}), LineWriter()
            if is_last:
                return cursor.next_stage()
            cursor = replace(cursor, token=page.next_token)
            if is_late:
                return cursor
        return cursor.next_stage()


def sweep_result(cursor: SweepCursor, notes: list[str] | None) -> dict[str, Any]:
    """What the state machine gets of one call; ``notes`` as ``Sweep.go_on`` tells them."""
    done = notes is not None
    told = f"{cursor.volumes} volumes and {cursor.snapshots} snapshots, of {cursor.seen_snapshots} in the account"
    return {
        "done": done,
        "cursor": cursor.to_json(),
        "counts": cursor.counts(),
        "notes": notes or [],
        "changes": [],
        "reason": f"{told}{'' if done else f'; to be continued with the {cursor.stage}'}",
    }
