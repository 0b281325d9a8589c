"""An event-driven model of EBS: what it refuses, what takes time, and what one sees of it too late.

Figures: a first full snapshot moves about 50 GB/h; 100 pending snapshots per account; 15 s between snapshots of one gp3 volume
(Amazon EBS User Guide and "Amazon EBS endpoints and quotas"); 100 requests of a kind at once and 5 more a second, 20 for reads
(EC2 Developer Guide, "Request throttling"). Error codes are those of the EC2 API Reference. A write is a node of a tree: a copy
holds a write if its own node is that one or comes after it, so what nobody has written after must be held.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hubplane.domain.homes.volumes import WantedVolume
from hubplane.domain.storage.records import Snapshot, UseEvent, Volume

ACCOUNT = "111122223333"
START = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
CALL = timedelta(seconds=1)
SPACING = timedelta(seconds=15)
PENDING_LIMIT = 100
FIRST_GIB_PER_HOUR = 50
LATER_SNAPSHOT = timedelta(minutes=30)
VOLUME_TAKES = timedelta(seconds=8)
ZONE = "us-east-1d"

Record = Volume | Snapshot

BURST = 100.0
CHANGES_PER_SECOND = 5.0
READS_PER_SECOND = 20.0


class ApiError(Exception):
    """What EC2 answers; ``code`` is its error code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Bucket:
    """A request bucket; ``take`` is False for a request too many."""

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self.tokens = BURST
        self.filled_at = START

    def drain(self, now: datetime, per_second: float) -> None:
        """Let time pass in which others take so many requests a second."""
        passed = (now - self.filled_at).total_seconds()
        self.tokens = min(BURST, max(0.0, self.tokens + passed * (self.per_second - per_second)))
        self.filled_at = now

    def take(self, now: datetime) -> bool:
        """One request at ``now``."""
        self.drain(now, 0)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Ebs:
    """One account's volumes and snapshots. The truth is in ``volumes`` and ``snapshots``; ``describe`` shows it ``lag`` late."""

    def __init__(self) -> None:
        self.now = START
        self.volumes: dict[str, Volume] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.node_of: dict[str, int] = {}
        self.parent_of: dict[int, int] = {}
        self.leaves: set[int] = set()
        self.events: list[UseEvent] = []
        self.detached_at: dict[str, datetime] = {}
        self.lag = timedelta(0)
        self.others_pending = 0
        self.next_snapshot_fails = False
        self.failing: set[str] = set()
        self.trail_on = False
        self.on_delete_volume: Callable[[Volume], None] = lambda _volume: None
        self.on_delete_snapshot: Callable[[Snapshot], None] = lambda _snapshot: None
        self.on_create_snapshot: Callable[[Volume], None] = lambda _volume: None
        self.on_create_volume: Callable[[Volume], None] = lambda _volume: None
        self.made: dict[str, tuple[WantedVolume, str]] = {}
        self.no_room = False
        self.first_takes: Callable[[Volume], timedelta] = lambda volume: timedelta(hours=volume.size_gib / FIRST_GIB_PER_HOUR)
        self.later_takes: Callable[[Volume], timedelta] = lambda _volume: LATER_SNAPSHOT
        self.requests: Counter[str] = Counter()
        self.throttled = 0
        self.most_pending = 0
        self.snapshots_of: dict[str, dict[str, None]] = defaultdict(dict)
        self._buckets: dict[str, Bucket] = {}
        self._history: dict[str, list[tuple[datetime, Record | None]]] = {}
        self._due: list[tuple[datetime, str, str]] = []
        self.pending_ids: set[str] = set()
        self._started: dict[str, datetime] = {}
        self._count = 0

    # -- time -----------------------------------------------------------------------------------------------------------------

    def advance(self, by: timedelta) -> None:
        """Let time pass; snapshots end in it."""
        self.now += by
        while self._due and self._due[0][0] <= self.now:
            at, snapshot_id, outcome = heapq.heappop(self._due)
            self.pending_ids.discard(snapshot_id)
            if snapshot_id in self.volumes:
                self._put(replace(self.volumes[snapshot_id], state=outcome), at)
            elif snapshot_id in self.snapshots:
                self._put(replace(self.snapshots[snapshot_id], state=outcome), at)

    # -- what the control plane calls -----------------------------------------------------------------------------------------

    def request(self, operation: str) -> None:
        """Count a request against its bucket."""
        self.requests[operation] += 1
        if not self.bucket(operation).take(self.now):
            self.throttled += 1
            raise ApiError("RequestLimitExceeded")

    def bucket(self, operation: str) -> Bucket:
        """The bucket of one kind of request."""
        if operation not in self._buckets:
            self._buckets[operation] = Bucket(READS_PER_SECOND if operation.startswith("Describe") else CHANGES_PER_SECOND)
        return self._buckets[operation]

    def describe(self) -> tuple[list[Volume], list[Snapshot]]:
        """All volumes and snapshots as they were ``lag`` ago."""
        if not self.lag:
            return list(self.volumes.values()), list(self.snapshots.values())
        at = self.now - self.lag
        volumes: list[Volume] = []
        snapshots: list[Snapshot] = []
        for entries in self._history.values():
            record = next((record for since, record in reversed(entries) if since <= at), None)
            if isinstance(record, Volume):
                volumes.append(record)
            elif record is not None:
                snapshots.append(record)
        return volumes, snapshots

    @property
    def pending(self) -> int:
        """The account's pending snapshots, those of others too."""
        return self.others_pending + len(self.pending_ids)

    def create_snapshot(self, volume_id: str, tags: dict[str, str]) -> str:
        """Start a snapshot of what the volume holds this moment."""
        volume = self._volume(volume_id)
        if self.pending >= PENDING_LIMIT:
            raise ApiError("PendingSnapshotLimitExceeded")
        if self.now - self._started.get(volume_id, START - SPACING) < SPACING:
            raise ApiError("SnapshotCreationPerVolumeRateExceeded")
        self.on_create_snapshot(volume)
        takes = self.later_takes(volume) if volume_id in self._started else self.first_takes(volume)
        self._started[volume_id] = self.now
        fails, self.next_snapshot_fails = self.next_snapshot_fails or volume_id in self.failing, False
        outcome = "error" if fails else "completed"
        snapshot_id = self._name("snap")
        self.node_of[snapshot_id] = self.node_of[volume_id]
        self._put(Snapshot(snapshot_id, volume_id, "pending", self.now, volume.size_gib, ACCOUNT, tags), self.now)
        heapq.heappush(self._due, (self.now + takes, snapshot_id, outcome))
        self.pending_ids.add(snapshot_id)
        self.most_pending = max(self.most_pending, self.pending)
        return snapshot_id

    def make_volume(self, wanted: WantedVolume) -> str:
        """A volume from a snapshot, ``creating`` at first. A token answers the same volume for ever, also where it is gone."""
        if wanted.client_token in self.made:
            before, volume_id = self.made[wanted.client_token]
            if before != wanted:
                raise ApiError("IdempotentParameterMismatch")
            return volume_id
        source = self.snapshots.get(wanted.snapshot_id)
        if source is None or source.owner_id != ACCOUNT:
            raise ApiError("InvalidSnapshot.NotFound")
        if source.state != "completed":
            raise ApiError("IncorrectState")
        if self.no_room:
            raise ApiError("VolumeLimitExceeded")
        volume_id = self._name("vol")
        self.node_of[volume_id] = self.node_of[wanted.snapshot_id]
        made = Volume(
            volume_id, wanted.size_gib, "creating", self.now, wanted.tags, False, wanted.snapshot_id, "gp3", wanted.zone
        )
        self.on_create_volume(made)
        self._put(made, self.now)
        self.detached_at[volume_id] = self.now
        heapq.heappush(self._due, (self.now + VOLUME_TAKES, volume_id, "available"))
        self.made[wanted.client_token] = (wanted, volume_id)
        return volume_id

    def delete_volume(self, volume_id: str) -> None:
        """Refused while attached; what is gone is not found."""
        volume = self._volume(volume_id)
        if volume.attached:
            raise ApiError("VolumeInUse")
        self.on_delete_volume(volume)
        self._remove(volume_id)

    def delete_snapshot(self, snapshot_id: str) -> None:
        """What is gone is not found, and a foreign one is not ours."""
        snapshot = self.snapshots.get(snapshot_id)
        if snapshot is None:
            raise ApiError("InvalidSnapshot.NotFound")
        if snapshot.owner_id != ACCOUNT:
            raise ApiError("UnauthorizedOperation")
        self.on_delete_snapshot(snapshot)
        self._remove(snapshot_id)

    # -- what people and clusters do ------------------------------------------------------------------------------------------

    def create_volume(self, size_gib: int, tags: dict[str, str], source: str | None = None) -> str:
        """A new volume, empty or made from a completed snapshot."""
        if source is not None and self.snapshots[source].state != "completed":
            raise ApiError("IncorrectState")
        volume_id = self._name("vol")
        self.node_of[volume_id] = self.node_of[source] if source else self._root()
        self._put(Volume(volume_id, size_gib, "available", self.now, tags, False, source, "gp3", ZONE), self.now)
        return volume_id

    def attach(self, volume_id: str) -> None:
        """To an instance; CloudTrail tells of it where it is on."""
        volume = self._volume(volume_id)
        if volume.attached:
            raise ApiError("VolumeInUse")
        self._put(replace(volume, attached=True, state="in-use"), self.now)
        self._trail(volume_id, "attach")

    def detach(self, volume_id: str) -> None:
        """From its instance."""
        self._put(replace(self._volume(volume_id), attached=False, state="available"), self.now)
        self.detached_at[volume_id] = self.now
        self._trail(volume_id, "detach")

    def write(self, volume_id: str) -> int:
        """A user writes the last byte for now; returns the write."""
        before = self.node_of[volume_id]
        node = self._root()
        self.parent_of[node] = before
        self.leaves.discard(before)
        self.leaves.add(node)
        self.node_of[volume_id] = node
        return node

    def change(self, record: Record, **fields: object) -> None:
        """Tags, size and what else a person changes by hand."""
        self._put(replace(record, **fields), self.now)  # type: ignore[arg-type]

    def tag(self, volume_id: str, tags: Mapping[str, str]) -> None:
        """Tags over older ones of their names; EC2 takes none for what is gone, whatever it shows."""
        volume = self._volume(volume_id)
        self._put(replace(volume, tags={**volume.tags, **tags}), self.now)

    def remove_by_hand(self, volume_id: str) -> None:
        """A person deletes a volume; no promise of the control plane is asked."""
        self._remove(volume_id)

    def share(self, snapshot: Snapshot) -> None:
        """A foreign account's snapshot becomes visible."""
        self.node_of[snapshot.snapshot_id] = 0
        self._put(snapshot, self.now)

    def held(self) -> set[int]:
        """Every write that some volume or completed snapshot of this account ends with."""
        found = {self.node_of[volume_id] for volume_id in self.volumes}
        found.update(
            self.node_of[key] for key, item in self.snapshots.items() if item.state == "completed" and item.owner_id == ACCOUNT
        )
        return found

    def _volume(self, volume_id: str) -> Volume:
        if volume_id not in self.volumes:
            raise ApiError("InvalidVolume.NotFound")
        return self.volumes[volume_id]

    def _trail(self, volume_id: str, kind: str) -> None:
        if self.trail_on:
            self.events.append(UseEvent(volume_id, kind, self.now))  # type: ignore[arg-type]

    def _put(self, record: Record, at: datetime) -> None:
        if isinstance(record, Volume):
            key = record.volume_id
            self.volumes[key] = record
        else:
            key = record.snapshot_id
            self.snapshots[key] = record
            self.snapshots_of[record.volume_id][key] = None
        entries = self._history.setdefault(key, [])
        entries.append((at, record))
        del entries[:-8]

    def _remove(self, key: str) -> None:
        self.volumes.pop(key, None)
        snapshot = self.snapshots.pop(key, None)
        if snapshot is not None:
            self.pending_ids.discard(key)
            del self.snapshots_of[snapshot.volume_id][key]
        self._history.setdefault(key, []).append((self.now, None))

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count:04}"

    def _root(self) -> int:
        self._count += 1
        return self._count
