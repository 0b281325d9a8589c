"""The oracle: what design page 4 promises, told by the truth alone.

It reads no plan and shares no code with the planners, save the policy's figures. A breach carries the promise's number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import AcceptedWarning, Claim, Snapshot, Volume
from tests.simulation.ebs import ACCOUNT, PENDING_LIMIT, Ebs

USE_TAGS = ("server-start-time", "server-stop-time", "jupyter-volume-stopping-time")
TIME_TAGS = (*USE_TAGS, "volume-delete-time", "snapshot-delete-time")
CLAIM_TAG = "kubernetes.io/created-for/pvc/name"
OWNER_TAG = "hubplane:owner-sub"


class PromiseBroken(AssertionError):
    """A promise does not hold; ``number`` is its number on the design page."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(f"promise {number}: {what}")
        self.number = number


class Promises:
    """Watches every snapshot, delete and mail, and after each step that nobody's last byte is lost.

    Number 10 is the pace: design page 4 speaks of it below its nine promises.
    """

    def __init__(self, ebs: Ebs, policy: StoragePolicy, claims: Mapping[str, Claim]) -> None:
        self.ebs, self.policy, self.claims = ebs, policy, claims
        self.sub_of: dict[int, str] = {}
        self.used_at: dict[int, datetime] = {}
        self.mails: list[AcceptedWarning] = []
        self.expired: set[int] = set()
        self.approved: set[str] = set()
        self.owner_of: dict[str, str] = {}
        self.is_known: Callable[[str], bool] = lambda _sub: True
        self.last_of: dict[str, int] = {}
        self.deletes: dict[str, list[tuple[datetime, str]]] = {"volumes": [], "snapshots": []}
        ebs.on_delete_volume = self._volume_deleted
        ebs.on_delete_snapshot = self._snapshot_deleted
        ebs.on_create_snapshot = self._snapshot_started
        ebs.on_create_volume = self._volume_made

    def used(self, node: int, sub: str) -> None:
        """A person wrote."""
        self.sub_of[node] = sub
        self.last_of[sub] = node
        self.used_at[node] = self.ebs.now

    def ended(self, volume_id: str) -> None:
        """A session on the volume is over."""
        self.used_at[self.ebs.node_of[volume_id]] = self.ebs.now

    def mounted(self, volume_id: str, sub: str) -> None:
        """What a spawn mounts: the newest data of that person that stands (7), and not a byte of anybody else's (8)."""
        node = self.ebs.node_of[volume_id]
        others = {self.sub_of[each] for each in (node, *self._line(node)) if each in self.sub_of} - {sub}
        if others:
            raise PromiseBroken(8, f"{sub} mounts the home of {', '.join(sorted(others))}")
        newest = self._newest_of(sub)
        if newest is not None and not self._holds(node, newest):
            raise PromiseBroken(7, f"{sub} mounts {volume_id}, which does not hold their newest data")

    def made_empty(self, sub: str) -> None:
        """The hub is told to make an empty home: only for who has no data anywhere (7)."""
        if self._newest_of(sub) is not None:
            raise PromiseBroken(7, f"{sub} gets an empty home, and data of theirs stands")

    def claim_made(self, claim_name: str, volume_id: str) -> None:
        """A claim is given to a volume: one that there is (7)."""
        if volume_id not in self.ebs.volumes:
            raise PromiseBroken(7, f"{claim_name} is bound to {volume_id}, which is gone: its server never starts")

    def came_back(self, sub: str, is_there: bool) -> None:
        """A play's end: the person who had to get the home has it (7)."""
        if not is_there:
            raise PromiseBroken(7, f"{sub} never gets the home back")

    def nothing_is_lost(self) -> None:
        """Promise 2, at every moment."""
        lost = self.ebs.leaves - self.ebs.held() - self.expired
        for node in lost:
            reason = self._too_early(node)
            if reason is not None:
                raise PromiseBroken(2, f"the last bytes of {self.sub_of.get(node, 'the hub')} are gone: {reason}")
            self._outlived_the_others(node)
            self.expired.add(node)

    def deleted_since(self, now: datetime, noun: str) -> int:
        """How many of these the control plane has deleted in the night of ``now``: what its ledger says."""
        night = self._night(now)
        return sum(1 for at, _ in self.deletes[noun] if at >= night)

    def mail_accepted(self, mail: AcceptedWarning) -> None:
        """Each mail once (6), to the person whose data it is about (8)."""
        key = (mail.snapshot_id, mail.last_used_at, mail.days_before)
        if any((other.snapshot_id, other.last_used_at, other.days_before) == key for other in self.mails):
            raise PromiseBroken(6, f"the same mail twice: {key}")
        if self.sub_of.get(self.ebs.node_of[mail.snapshot_id]) != mail.owner_sub:
            raise PromiseBroken(8, f"{mail.owner_sub} was told of somebody else's home")
        self.mails.append(mail)

    def claim_deleted(self, claim: Claim) -> None:
        """The control plane deletes a claim: never one in use."""
        if claim.in_use:
            raise PromiseBroken(4, f"claim {claim.name} was deleted while a pod uses it")

    def deleted_through_ec2(self, volume_id: str) -> None:
        """The control plane calls DeleteVolume: never for what a cluster knows."""
        if any(claim.volume_id == volume_id for claim in self.claims.values()):
            raise PromiseBroken(9, f"{volume_id} was deleted behind its claim's back")

    def owners_are_told(self, told: Mapping[str, str]) -> None:
        """Every volume that the control plane deleted from a person who is known has made a mail due (6)."""
        for _, volume_id in self.deletes["volumes"]:
            if volume_id in self.owner_of and volume_id not in told:
                raise PromiseBroken(6, f"{self.owner_of[volume_id]} is never told that {volume_id} was deleted")

    def the_pace_was_kept(self) -> None:
        """EC2 never had to ask for a slower pace (10)."""
        if self.ebs.throttled:
            raise PromiseBroken(10, f"{self.ebs.throttled} requests were throttled")

    def _volume_made(self, made: Volume) -> None:
        """A restore makes the home's only volume (7, 3): with a second one nobody could choose."""
        name = made.tags.get(CLAIM_TAG)
        beside = [other.volume_id for other in self.ebs.volumes.values() if other.tags.get(CLAIM_TAG) == name]
        if beside:
            raise PromiseBroken(7, f"{made.volume_id} was made beside {beside[0]} for {name}")

    def _newest_of(self, sub: str) -> int | None:
        """The last write of a person, where anything that stands holds it, or a pending snapshot is going to; else the last one
        before it that something holds."""
        held = self.ebs.held() | {self.ebs.node_of[key] for key in self.ebs.pending_ids}
        node = self.last_of.get(sub)
        while node is not None and self.sub_of.get(node) == sub:
            if any(self._holds(each, node) for each in held):
                return node
            node = self.ebs.parent_of.get(node)
        return None

    def _snapshot_started(self, volume: Volume) -> None:
        """The control plane starts a snapshot: no second one of a volume while EC2 shows a pending one (6), and never so many
        that the account has no room for others (10)."""
        mine = (self.ebs.snapshots[key] for key in self.ebs.snapshots_of[volume.volume_id])
        shown = [item.snapshot_id for item in mine if item.state == "pending" and item.started_at <= self.ebs.now - self.ebs.lag]
        if shown:
            raise PromiseBroken(6, f"a second snapshot of {volume.volume_id} was started beside {shown[0]}")
        if self.ebs.pending >= PENDING_LIMIT - self.policy.pending_reserve:
            raise PromiseBroken(10, f"a snapshot was started while {self.ebs.pending} were pending in the account")

    def _volume_deleted(self, volume: Volume) -> None:
        volume_id, claim_name = volume.volume_id, volume.tags.get(CLAIM_TAG)
        self._spared(volume_id, volume.tags)
        if sum(1 for other in self.ebs.volumes.values() if other.tags.get(CLAIM_TAG) == claim_name) > 1:
            raise PromiseBroken(3, f"{volume_id} was chosen of two volumes of {claim_name}")
        if self.ebs.now < self.ebs.detached_at[volume_id] + timedelta(days=self.policy.volume_idle_days):
            raise PromiseBroken(3, f"{volume_id} was used too recently")
        if not any(self._proves(snapshot, volume) for snapshot in self.ebs.snapshots.values()):
            raise PromiseBroken(1, f"{volume_id} was deleted without a proof")
        sub = volume.tags.get(OWNER_TAG)
        if sub is not None and self.is_known(sub):
            self.owner_of[volume_id] = sub
        self._count("volumes", volume_id, len(self.ebs.volumes))

    def _proves(self, snapshot: Snapshot, volume: Volume) -> bool:
        return (
            snapshot.volume_id == volume.volume_id
            and snapshot.state == "completed"
            and snapshot.owner_id == ACCOUNT
            and snapshot.started_at >= self.ebs.detached_at[volume.volume_id]
            and snapshot.size_gib >= volume.size_gib
        )

    def _snapshot_deleted(self, snapshot: Snapshot) -> None:
        self._spared(snapshot.snapshot_id, snapshot.tags)
        if snapshot.state == "pending":
            raise PromiseBroken(3, f"{snapshot.snapshot_id} was deleted while pending")
        if snapshot.state == "completed" and not self._held_elsewhere(snapshot):
            reason = self._too_early(self.ebs.node_of[snapshot.snapshot_id])
            if reason is not None:
                raise PromiseBroken(2, f"{snapshot.snapshot_id} was deleted, and no good snapshot holds as much: {reason}")
            night = self._night(self.ebs.now)
            if any(at >= night and key == snapshot.volume_id for at, key in self.deletes["volumes"]):
                raise PromiseBroken(1, f"{snapshot.snapshot_id} was deleted in the night of the delete that it proved")
        self._count("snapshots", snapshot.snapshot_id, len(self.ebs.snapshots))

    def _held_elsewhere(self, snapshot: Snapshot) -> bool:
        """Whether another good snapshot holds all that this one holds. A standing volume does not count."""
        node = self.ebs.node_of[snapshot.snapshot_id]
        good = (item for item in self.ebs.snapshots.values() if item.state == "completed" and item.owner_id == ACCOUNT)
        return any(item is not snapshot and self._holds(self.ebs.node_of[item.snapshot_id], node) for item in good)

    def _holds(self, node: int, earlier: int) -> bool:
        while node > earlier and node in self.ebs.parent_of:
            node = self.ebs.parent_of[node]
        return node == earlier

    def _spared(self, key: str, tags: Mapping[str, str]) -> None:
        if any(name.lower() == self.policy.protection_tag for name in tags):
            raise PromiseBroken(3, f"{key} is protected")
        if tags.get(CLAIM_TAG) == "hub-db-dir":
            raise PromiseBroken(3, f"{key} is the hub's database")
        if any(name in tags and not tags[name][:4].isdigit() for name in TIME_TAGS):
            raise PromiseBroken(3, f"{key} has tags that cannot be read")

    def _count(self, noun: str, key: str, now_there: int) -> None:
        tonight = self.deleted_since(self.ebs.now, noun)
        night = self._night(self.ebs.now)
        unapproved = 1 + sum(1 for at, other in self.deletes[noun] if at >= night and other not in self.approved)
        if key not in self.approved and unapproved > self.policy.largest_share * (now_there + tonight):
            raise PromiseBroken(5, f"{unapproved} of {now_there + tonight} {noun} were deleted in one night and nobody was asked")
        self.deletes[noun].append((self.ebs.now, key))

    def _too_early(self, node: int) -> str | None:
        if node not in self.used_at or self.policy.end_of_retention_days is None:
            return "they are kept for ever"
        now, used_at = self.ebs.now, self.used_at[node]
        if now < used_at + timedelta(days=self.policy.end_of_retention_days):
            return "the retention is not over"
        mails = [mail for mail in self.mails if self.ebs.node_of[mail.snapshot_id] == node and mail.accepted_at >= used_at]
        last = [mail.accepted_at for mail in mails if mail.days_before == min(self.policy.warning_days)]
        if not last:
            return "the last warning was not accepted"
        if now < max(last) + timedelta(days=self.policy.grace_days):
            return "the grace is not over"
        told = max(mail.announced_delete_at for mail in mails)
        if now < max(told, mails[0].accepted_at + timedelta(days=max(self.policy.warning_days))):
            return "the first warning came too late for it, or a later day was announced"
        return None

    def _outlived_the_others(self, node: int) -> None:
        """What the gone copy came after must be gone too, unless something else that stands came of it as well."""
        older = self._line(node)
        good = {key: self.ebs.node_of[key] for key, item in self.ebs.snapshots.items() if item.state == "completed"}
        branches = set(good.values()) | {self.ebs.node_of[key] for key in self.ebs.volumes}
        needed = {earlier for other in branches - older for earlier in self._line(other)}
        left = [key for key, earlier in good.items() if earlier in older - needed]
        if left:
            raise PromiseBroken(2, f"the newest copy went before the older {left}")

    def _line(self, node: int) -> set[int]:
        found: set[int] = set()
        while node in self.ebs.parent_of:
            node = self.ebs.parent_of[node]
            found.add(node)
        return found

    def _night(self, now: datetime) -> datetime:
        hour = now.replace(hour=self.policy.snapshot_hour, minute=0, second=0, microsecond=0)
        return hour if hour <= now else hour - timedelta(days=1)
