"""A home whose place another volume takes, as EC2 and Kubernetes hold it, behind the ports of ``taking_place``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hubplane.domain.homes.binding import Bond, HomeBond
from hubplane.domain.homes.changes import HomeChange, Kind
from hubplane.domain.homes.facts import SeenClaim
from hubplane.domain.homes.marks import copy_tags
from hubplane.domain.homes.switching import SeenPlace, SeenVolumeObject
from hubplane.domain.homes.taking_place import Taking, Tools, look
from hubplane.domain.storage.actions import ClaimReference
from hubplane.domain.storage.ports import ClaimNow, Refusal, Refused
from hubplane.domain.storage.records import Claim, Snapshot, Volume
from tests.unit.homes.homes import MINE, ZONE, copy_of, home_volume
from tests.unit.storage.builders import ACCOUNT, CLUSTER, NOW, volume

OLD = copy_of("snap-old", days_old=20)
BEFORE = copy_of("snap-before", days_old=0.01, more={"do-not-delete": "true"})
LATER = (copy_of("snap-15", days_old=15), copy_of("snap-12", days_old=12))


def made() -> Volume:
    tags = copy_tags(
        CLUSTER,
        "claim-ann",
        MINE,
        OLD,
        "claim-ann-new",
        made_for=str(Kind.INSTEAD),
        replaces="vol-1",
        protection_tag="do-not-delete",
    )
    return volume("vol-2", tags=tags, zone=ZONE, created_at=NOW, source_snapshot_id="snap-old")


CHANGE = HomeChange(
    Kind.INSTEAD, CLUSTER, "ann", MINE, "claim-ann", "claim-ann-new", ZONE, 20, snapshot_id="snap-old", present_id="vol-1"
)
TAKING = Taking(CHANGE, "vol-2", "snap-before", ACCOUNT, "do-not-delete", "gp3")


@dataclass
class World:
    """The place, as EC2 and Kubernetes hold it, and what their calls do there. ``came_between``: what a delete is refused for."""

    former: Volume | None = field(default_factory=home_volume)
    new: Volume = field(default_factory=made)
    copy: Snapshot | None = BEFORE
    bound_to: str | None = "vol-1"
    claim: bool = True
    retains: bool = False
    object_there: bool = True
    came_between: Refusal | None = None

    def place(self, **fields: Any) -> SeenPlace:
        return replace(look(TAKING, self.tools())[1], **fields)

    def tools(self) -> Tools:
        return Tools(Ec2(self), Cluster(self), Cluster(self), uses=tuple, now=lambda: NOW)

    def volumes(self) -> tuple[Volume, ...]:
        return (*((self.former,) if self.former else ()), self.new)

    def snapshots(self) -> tuple[Snapshot, ...]:
        return (OLD, *LATER, *((self.copy,) if self.copy else ()))


@dataclass(frozen=True)
class Ec2:
    """The port ``Storage`` on a world."""

    world: World

    def volumes(self, volume_ids: Collection[str]) -> tuple[Volume, ...]:
        return tuple(item for item in self.world.volumes() if item.volume_id in volume_ids)

    def snapshots(self, snapshot_ids: Collection[str]) -> tuple[Snapshot, ...]:
        return tuple(item for item in self.world.snapshots() if item.snapshot_id in snapshot_ids)

    def tag_volume(self, volume_id: str, tags: Mapping[str, str]) -> None:
        assert volume_id == "vol-2"
        self.world.new = replace(self.world.new, tags={**self.world.new.tags, **tags})

    def tag(self, resource_ids: Collection[str], tags: Mapping[str, str]) -> None:
        world = self.world
        assert world.former is not None
        assert world.copy is not None
        assert set(resource_ids) == {"vol-1", "snap-before"}
        world.former = replace(world.former, tags={**world.former.tags, **tags})
        world.copy = replace(world.copy, tags={**world.copy.tags, **tags})


@dataclass(frozen=True)
class Cluster:
    """The ports ``Claims`` and ``Binding`` on a world."""

    world: World

    def read_claim(self, namespace: str, name: str) -> ClaimNow | None:
        return ClaimNow(Claim(namespace, name, "uid-1", self.world.bound_to), "7") if self.world.claim else None

    def see(self, name: str) -> SeenClaim | None:
        bound_to = self.world.bound_to
        return SeenClaim(name, bound_to, bound_to, phase="Bound" if bound_to else "Pending") if self.world.claim else None

    def objects_of(self, volume_id: str) -> tuple[SeenVolumeObject, ...]:
        world = self.world
        held = "claim-ann" if world.claim and world.bound_to == volume_id else None
        return (SeenVolumeObject("pv-1", volume_id, world.retains, held),) if world.object_there else ()

    def retain(self, name: str) -> None:
        assert name == "pv-1"
        self.world.retains = True

    def forget(self, name: str) -> bool:
        assert name == "pv-1"
        assert self.world.retains, "the volume would go with its object"
        self.world.object_there = False
        return True

    def delete_claim(self, claim: ClaimReference, version: str) -> None:
        assert (claim.uid, version) == ("uid-1", "7")
        if self.world.came_between is not None:
            raise Refused(self.world.came_between, "not now")
        self.world.claim, self.world.bound_to = False, None
        if not self.world.retains:
            self.world.former = None  # what Kubernetes does with a claim whose volume it may delete

    def bind(self, bond: HomeBond) -> Bond:
        assert (bond.claim_name, bond.persistent_volume_name) == ("claim-ann", "vol-2")
        self.world.claim, self.world.bound_to = True, bond.volume_id
        return Bond.BOUND
