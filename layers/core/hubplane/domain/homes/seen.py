"""The facts of one home in order: what of all that carries its name is in question, whose it is and what it descends from."""

from __future__ import annotations

from dataclasses import dataclass

from hubplane.domain.homes.facts import HomeFacts, SeenClaim
from hubplane.domain.names import claims_of
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import TagFacts, read_tags

Thing = Volume | Snapshot

GONE, PASSING = "deleted", frozenset({"creating", "deleting"})


@dataclass(frozen=True)
class SeenHome:
    """``volumes`` stand, ``passing`` are being made or removed; ``strays`` name no cluster, ``strangers`` are other accounts'."""

    subs: frozenset[str]
    claim: SeenClaim | None
    claims: tuple[SeenClaim, ...]
    volumes: tuple[Volume, ...]
    passing: tuple[Volume, ...]
    snapshots: tuple[Snapshot, ...]
    strays: tuple[str, ...]
    strangers: tuple[str, ...]
    facts_of: dict[str, TagFacts]

    @property
    def bound_volume(self) -> Volume | None:
        """The volume that the hub's claim is bound to, where it exists."""
        wanted = self.claim.volume_id if self.claim else None
        return next((volume for volume in self.volumes if volume.volume_id == wanted), None)

    @property
    def claim_names(self) -> frozenset[str]:
        """The claims that the data in question was made for, and those that there are."""
        things: tuple[Thing, ...] = (*self.volumes, *self.snapshots)
        named = {self.claim_of(thing) for thing in things}
        return frozenset(name for name in named if name) | {claim.name for claim in self.claims}

    def owner_of(self, thing: Thing) -> str | None:
        """The sub in its tags."""
        return self.facts_of[_id(thing)].owner_sub

    def claim_of(self, thing: Thing) -> str | None:
        """The claim in its tags."""
        return self.facts_of[_id(thing)].claim_name

    def clusters_of(self, thing: Thing) -> frozenset[str]:
        """The clusters in its tags."""
        return self.facts_of[_id(thing)].clusters

    def is_mine(self, thing: Thing) -> bool:
        """Whether it is marked as one of this person's accounts'."""
        return self.owner_of(thing) in self.subs

    def is_foreign(self, thing: Thing) -> bool:
        """Whether it is marked as somebody else's."""
        return self.owner_of(thing) is not None and not self.is_mine(thing)

    @property
    def foreign(self) -> tuple[str, ...]:
        """Ids of all that is marked as somebody else's, passing volumes too."""
        things: tuple[Thing, ...] = (*self.volumes, *self.passing, *self.snapshots)
        return tuple(_id(thing) for thing in things if self.is_foreign(thing))

    def holds_all_of(self, copy: Snapshot, failed: Snapshot) -> bool:
        """Whether ``copy`` was started after the last use that ``failed`` (of the same volume) tells of: it misses nothing."""
        told = self.facts_of[failed.snapshot_id]
        same = failed.state == "error" and failed.volume_id == copy.volume_id and not told.unparsable
        return same and bool(told.used_at) and max(told.used_at) <= copy.started_at

    def unrelated_to(self, volume_id: str) -> Snapshot | None:
        """A copy of a volume that this one's data did not come through: another line of data under the same name (fault 6)."""
        related = self.came_through(volume_id)
        others = (copy for copy in self.snapshots if copy.volume_id not in related and copy.state != "error")
        return max(others, key=lambda copy: copy.started_at, default=None)

    def came_through(self, volume_id: str) -> set[str]:
        """The volume itself and all that its data came through."""
        related, new = set[str](), {volume_id}
        while new:
            related |= new
            new = {ancestor for each in new for ancestor in self._parents(each)} - related
        return related

    def _parents(self, volume_id: str) -> set[str]:
        things: tuple[Thing, ...] = (*self.volumes, *self.snapshots)
        by_tag = {
            entry.partition("@")[0]
            for thing in things
            if thing.volume_id == volume_id
            for entry in (self.facts_of[_id(thing)].ancestry or "").split(",")
            if entry
        }
        made_from = {volume.source_snapshot_id for volume in self.volumes if volume.volume_id == volume_id}
        return by_tag | {copy.volume_id for copy in self.snapshots if copy.snapshot_id in made_from}


def see(facts: HomeFacts) -> SeenHome:
    """What is in question: all that carries one of the person's claims in this cluster or in none, and what is bound."""
    mine = claims_of(facts.username).all
    claims = tuple(claim for claim in facts.claims if claim.name in mine)
    bound = {claim.volume_id for claim in claims}
    things: tuple[Thing, ...] = (*facts.volumes, *facts.snapshots)
    tags = {_id(thing): read_tags(thing.tags, facts.protection_tag) for thing in things}

    def is_here(thing: Thing) -> bool:
        told = tags[_id(thing)]
        return _id(thing) in bound or (told.claim_name in mine and (not told.clusters or facts.cluster_name in told.clusters))

    volumes = tuple(volume for volume in facts.volumes if volume.state != GONE and is_here(volume))
    snapshots = tuple(snapshot for snapshot in facts.snapshots if is_here(snapshot))
    record = facts.record
    return SeenHome(
        subs=frozenset(record.subs) if record else frozenset(),
        claim=next((claim for claim in claims if claim.name == facts.claim_name), None),
        claims=claims,
        volumes=tuple(volume for volume in volumes if volume.state not in PASSING),
        passing=tuple(volume for volume in volumes if volume.state in PASSING),
        snapshots=tuple(snapshot for snapshot in snapshots if snapshot.owner_id == facts.account_id),
        strays=tuple(
            _id(thing)
            for thing in things
            if thing.state != GONE and is_here(thing) and not tags[_id(thing)].clusters and _id(thing) not in bound
        ),
        strangers=tuple(snapshot.snapshot_id for snapshot in snapshots if snapshot.owner_id != facts.account_id),
        facts_of=tags,
    )


def _id(thing: Thing) -> str:
    return thing.volume_id if isinstance(thing, Volume) else thing.snapshot_id
