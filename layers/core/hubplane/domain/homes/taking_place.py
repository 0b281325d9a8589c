"""Carrying out what ``switching`` decides: look at the place, decide one deed, do it. One deed a call, called until done.

The look is taken anew for every deed and nothing else is remembered, so a call may be killed anywhere; what came between a look
and its deed makes the deed fail softly, and the next look decides anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hubplane.domain.errors import HomeChangeRefused
from hubplane.domain.homes.binding import HomeBond
from hubplane.domain.homes.changes import HomeChange
from hubplane.domain.homes.copying import used_since
from hubplane.domain.homes.facts import SeenClaim
from hubplane.domain.homes.marks import NAMESPACE, home_tags, set_aside_tags
from hubplane.domain.homes.ports import Binding
from hubplane.domain.homes.switching import Deed, DeedKind, SeenPlace, SeenVolumeObject, next_deed
from hubplane.domain.storage.actions import ClaimReference
from hubplane.domain.storage.ports import ClaimNow, Refusal, Refused
from hubplane.domain.storage.records import Snapshot, UseEvent, Volume
from hubplane.domain.storage.tags import read_tags

__all__ = ["Claims", "Storage", "Taking", "Tools", "look", "take_next_step"]

CAME_BETWEEN = (Refusal.CHANGED, Refusal.GONE, Refusal.LOST)


class Storage(Protocol):
    """EBS; ``adapters.ebs.Ebs``."""

    def volumes(self, volume_ids: Collection[str]) -> tuple[Volume, ...]:
        """Those of these volumes that exist."""

    def snapshots(self, snapshot_ids: Collection[str]) -> tuple[Snapshot, ...]:
        """Those of these snapshots that exist."""

    def tag_volume(self, volume_id: str, tags: Mapping[str, str]) -> None:
        """Write tags on a volume, over older ones of their names."""

    def tag(self, resource_ids: Collection[str], tags: Mapping[str, str]) -> None:
        """The same on several things at once."""


class Claims(Protocol):
    """``adapters.claims.Claims``."""

    def read_claim(self, namespace: str, name: str) -> ClaimNow | None:
        """One claim and whether a pod names it; None where there is none."""

    def see(self, name: str) -> SeenClaim | None:
        """A home's claim and its volume; None where there is no such claim."""

    def objects_of(self, volume_id: str) -> tuple[SeenVolumeObject, ...]:
        """Every PersistentVolume of the cluster that stands for this EBS volume."""

    def retain(self, name: str) -> None:
        """Tell a PersistentVolume to leave its EBS volume alone when its claim goes."""

    def forget(self, name: str) -> bool:
        """Remove a PersistentVolume that retains its EBS volume; False where it is another by now."""

    def delete_claim(self, claim: ClaimReference, version: str) -> None:
        """Delete exactly this claim in exactly this version. Raises ``Refused``."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What it is done with. ``uses``: every sign of use that the Ledger has."""

    storage: Storage
    claims: Claims
    binding: Binding
    uses: Callable[[], Sequence[UseEvent]]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Taking:
    """Which volume takes which home's place. ``copy_id``: the snapshot that holds all of the former volume, None without one."""

    change: HomeChange
    volume_id: str
    copy_id: str | None
    account_id: str
    protection_tag: str
    storage_class_name: str


def take_next_step(taking: Taking, tools: Tools) -> tuple[Deed, bool]:
    """The deed that was due, and whether it was done: False for waiting, and where something came between.

    Repeatable until the deed is ``DONE``. Raises ``HomeChangeRefused`` where a person has to look, and what the ports raise.
    """
    claim, place = look(taking, tools)
    deed = next_deed(place)
    if deed.kind is DeedKind.REFUSE:
        raise HomeChangeRefused(deed.sentence)
    return deed, _did(deed.kind, taking, claim, place, tools)


def look(taking: Taking, tools: Tools) -> tuple[ClaimNow | None, SeenPlace]:
    """The home's claim, and the place as it is now."""
    change, storage = taking.change, tools.storage
    claim = tools.claims.read_claim(NAMESPACE, change.claim_name)
    volumes = {item.volume_id: item for item in storage.volumes([each for each in (taking.volume_id, change.present_id) if each])}
    former = volumes.get(change.present_id or "")
    copy = next(iter(storage.snapshots([taking.copy_id])), None) if taking.copy_id else None
    uses = tools.uses() if former and copy else ()
    seen = tools.claims.see(change.claim_name) if claim else None
    is_bound = seen is not None and seen.phase == "Bound"
    return claim, SeenPlace(
        cluster_name=change.cluster_name,
        claim_name=change.claim_name,
        account_id=taking.account_id,
        new=volumes.get(taking.volume_id),
        former_id=change.present_id,
        former=former,
        copy=copy,
        used_since_copy=bool(former and copy and used_since(former, uses, copy.started_at)),
        claim_exists=claim is not None,
        bound_to=claim.claim.volume_id if claim and is_bound else None,
        waits_for_new=seen is not None and not is_bound and seen.bound_to == taking.volume_id,
        ending=bool(claim and claim.ending),
        in_use=bool(claim and claim.claim.in_use),
        objects=tools.claims.objects_of(change.present_id) if change.present_id else (),
    )


def _did(kind: DeedKind, taking: Taking, claim: ClaimNow | None, place: SeenPlace, tools: Tools) -> bool:
    """One deed; False where there was none to do, or something came between."""
    if kind is DeedKind.RETAIN:
        tools.claims.retain(next(item.name for item in place.objects if not item.retains))
    elif kind is DeedKind.FREE:
        return _freed(claim, tools.claims)
    elif kind is DeedKind.NAME:
        tools.storage.tag_volume(taking.volume_id, _home_tags(taking, place.former))
    elif kind is DeedKind.SET_ASIDE:
        at = place.copy.started_at if place.copy else tools.now()
        ids = [*([place.copy.snapshot_id] if place.copy else []), *([place.former.volume_id] if place.former else [])]
        tools.storage.tag(ids, set_aside_tags(place.claim_name, at))
    elif kind is DeedKind.BIND:
        tools.binding.bind(_bond(taking, place))
    elif kind is DeedKind.FORGET:
        return tools.claims.forget(place.objects[0].name)
    else:
        return False
    return True


def _freed(claim: ClaimNow | None, claims: Claims) -> bool:
    if claim is None:
        return False
    held = claim.claim
    try:
        claims.delete_claim(ClaimReference(held.namespace, held.name, held.uid), claim.version)
    except Refused as refusal:
        if refusal.kind in CAME_BETWEEN:
            return False
        raise
    return True


def _home_tags(taking: Taking, former: Volume | None) -> dict[str, str]:
    """What makes the new volume the home; it is protected where the former one was."""
    change, tag = taking.change, taking.protection_tag
    protected = former is not None and read_tags(former.tags, tag).protected
    tags = home_tags(change.cluster_name, change.claim_name, change.owner_sub, taking.volume_id)
    return {**tags, **({tag: "true"} if protected else {})}


def _bond(taking: Taking, place: SeenPlace) -> HomeBond:
    new = place.new
    assert new is not None  # noqa: S101 - without it next_deed refuses
    return HomeBond(
        claim_name=taking.change.claim_name,
        username=taking.change.username,
        volume_id=new.volume_id,
        persistent_volume_name=new.volume_id,
        size_gib=new.size_gib,
        zone=new.zone,
        storage_class_name=taking.storage_class_name,
    )
