"""SweepStorage: every volume and snapshot of the cluster into S3, page by page, then what the tables and the cluster say.

Event: ``run``, ``cursor`` (null at first). Result: ``done``; ``cursor``, with which the next invocation goes on; ``counts``;
``notes``. Repeatable from any cursor. A cluster that cannot be asked is written down as unknown, and its volumes are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters import ebs_sweep, ledger_table, volume_use
from hubplane.adapters.claims import Claims
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.errors import HubplaneError, ProviderError, Throttled
from hubplane.domain.registration.owners import owners_of
from hubplane.domain.storage.documents import SweptCluster, record_to_json
from hubplane.domain.storage.ec2_pages import Page
from hubplane.domain.storage.jsonlines import LineWriter
from hubplane.domain.storage.policy import StoragePolicy, policy_from_json
from hubplane.domain.storage.records import Claim, Inventory, Owner, Snapshot, Volume
from hubplane.domain.storage.sweeping import SweepCursor, is_snapshot_in_scope, remembered, strangers
from hubplane.domain.storage.tags import carries_cluster, is_for_planners
from hubplane.entrypoint import SecondsLeft, timed_task
from hubplane.memory import collecting_seldom
from hubplane.settings import read_settings

# One page may take eight tries with pauses of up to 20 s, and what was read has to be stored.
ENOUGH_FOR_A_PAGE = 240
# Reading 1,000,000 snapshots back, and everything else of the last part.
ENOUGH_FOR_THE_END = 420
PAGE_BYTES = 8_000_000
# They hold no storage lock, and what two sweeps remember at once would be the memory of one.
LOOKING = frozenset({"list_homes", "adopt_homes"})


@dataclass(frozen=True)
class Settings:
    storage_bucket_name: str
    ledger_table_name: str
    users_table_name: str


SETTINGS = read_settings(Settings)
collecting_seldom()
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
sweep_client = ebs_sweep.sweep_client


@timed_task
def handler(event: dict[str, Any], seconds_left: SecondsLeft) -> dict[str, Any]:
    cluster_name, run = event["cluster_name"], event["run"]
    cursor = SweepCursor.from_json(event.get("cursor"), datetime.now(UTC))
    sweep = Sweep(cluster_name, run, policy_from_json(run["policy"]), seconds_left)
    if cursor.stage == "volumes":
        cursor = sweep.volumes(cursor)
    if cursor.stage == "snapshots" and seconds_left() > ENOUGH_FOR_A_PAGE:
        cursor = sweep.snapshots(cursor)
    done = cursor.stage == "cluster" and seconds_left() > ENOUGH_FOR_THE_END
    notes = sweep.cluster(cursor) if done else []
    told = f"{cursor.volumes} volumes and {cursor.snapshots} snapshots, of {cursor.seen_snapshots} in the account"
    return {
        "done": done,
        "cursor": cursor.to_json(),
        "counts": cursor.counts(),
        "notes": notes,
        "changes": [],
        "reason": f"{told}{'' if done else f'; to be continued with the {cursor.stage}'}",
    }


class Sweep:
    """The three stages of one cluster's sweep."""

    def __init__(self, cluster_name: str, run: dict[str, Any], policy: StoragePolicy, seconds_left: SecondsLeft) -> None:
        self.cluster_name, self.run, self.policy, self.seconds_left = cluster_name, run, policy, seconds_left
        self.prefix: str = run["prefix"]
        self.bucket = StorageBucket(client("s3"), SETTINGS.storage_bucket_name)
        self.ec2 = sweep_client(lambda key: is_for_planners(key, policy.protection_tag))

    def volumes(self, cursor: SweepCursor) -> SweepCursor:
        """Pages of the cluster's volumes, from the cursor on."""

        def keep(page: Page[Volume], at: SweepCursor) -> tuple[list[Volume], SweepCursor]:
            mine = [volume for volume in page.records if carries_cluster(volume.tags, self.cluster_name)]
            return mine, replace(at, volumes=at.volumes + len(mine))

        return self._store("volume", ebs_sweep.volume_pages(self.ec2, self.cluster_name, cursor.token), keep, cursor)

    def snapshots(self, cursor: SweepCursor) -> SweepCursor:
        """Pages of the account's snapshots; those of the cluster are stored, the pending ones of all counted."""
        volume_ids = {volume.volume_id for volume in self.bucket.volumes(self.prefix, cursor.volume_pages)}

        def keep(page: Page[Snapshot], at: SweepCursor) -> tuple[list[Snapshot], SweepCursor]:
            mine = [item for item in page.records if is_snapshot_in_scope(item, self.cluster_name, volume_ids)]
            pending = sum(1 for item in page.records if item.state == "pending")
            seen = at.seen_snapshots + len(page.records)
            return mine, replace(at, snapshots=at.snapshots + len(mine), seen_snapshots=seen, pending=at.pending + pending)

        return self._store("snapshot", ebs_sweep.snapshot_pages(self.ec2, cursor.token), keep, cursor)

    def cluster(self, cursor: SweepCursor) -> list[str]:
        """Claims, owners, uses, warnings, the night's deletions and sightings; the inventory is whole then. Notes for people."""
        dynamodb, night = client("dynamodb"), self.run["night_at"][:10]
        swept_at = datetime.fromisoformat(cursor.swept_at)
        volumes = tuple(self.bucket.volumes(self.prefix, cursor.volume_pages))
        of_snapshots = {item.volume_id for item in self.bucket.snapshots(self.prefix, cursor.snapshot_pages)}
        claims, persistent_volume_ids, unknown = self._claims()
        owners, nobody = self._owners()
        extra = strangers(volumes, (claim.volume_id for claim in claims or ()))
        pages = cursor.volume_pages + self._store_extra(extra, cursor.volume_pages + 1)
        known = of_snapshots | extra | {volume.volume_id for volume in volumes}
        deleted = ledger_table.deleted_tonight(dynamodb, SETTINGS.ledger_table_name, self.cluster_name, night)
        seen = Inventory(
            cluster_name=self.cluster_name,
            account_id=self.run["account_id"],
            volumes=volumes,
            claims=claims,
            persistent_volume_ids=persistent_volume_ids,
            owners=owners,
            sightings=self.bucket.sightings(self.cluster_name),
            events=tuple(use for use in volume_use.read_uses(dynamodb, SETTINGS.ledger_table_name) if use.volume_id in known),
            warnings=ledger_table.accepted_warnings(dynamodb, SETTINGS.ledger_table_name, self.cluster_name),
            pending_in_account=cursor.pending,
            volumes_deleted_tonight=deleted.volumes,
            snapshots_deleted_tonight=deleted.snapshots,
        )
        seen = replace(seen, sightings=remembered(seen, of_snapshots, self.policy, swept_at))
        if self.run["step"] not in LOOKING:
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
            return owners_of(UsersTable(client("dynamodb"), SETTINGS.users_table_name).records(), self.cluster_name), None
        except ProviderError as error:
            return (), str(error)

    def _claims(self) -> tuple[tuple[Claim, ...] | None, frozenset[str], str | None]:
        try:
            connection = cluster_connection(client("eks"), boto3.Session(), self.cluster_name)
            claims, persistent_volume_ids = Claims(Kubernetes(connection)).read_claims()
        except Throttled:
            raise
        except HubplaneError as error:
            return None, frozenset(), str(error)
        return claims, persistent_volume_ids, None

    def _store_extra(self, volume_ids: frozenset[str], number: int) -> int:
        """What claims are bound to without the cluster's tag: planners leave it alone, the report tells of it. Pages stored."""
        lines = LineWriter()
        for volume in ebs_sweep.volumes_by_id(self.ec2, volume_ids):
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
