"""A home that becomes larger: whether it may, what would be done, and the next deed. Pure; nothing here shrinks anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from hubplane.domain.errors import HomeChangeRefused
from hubplane.domain.homes.operator_inputs import ExpandInput
from hubplane.domain.registration.records import UserRecord
from hubplane.domain.storage.records import Volume
from hubplane.domain.storage.tags import OWNER_TAG

__all__ = [
    "Deed",
    "Growth",
    "GrowthFacts",
    "Modification",
    "SeenClass",
    "SeenHome",
    "growth_from_json",
    "next_deed",
    "plan_growth",
]

LARGEST_GIB: Final[Mapping[str, int]] = {
    "gp2": 16384,
    "gp3": 65536,
    "io1": 16384,
    "io2": 65536,
    "st1": 16384,
    "sc1": 16384,
    "standard": 1024,
}
"""EC2 API reference, ModifyVolume, Size: "supported volumes sizes for each volume type" (gp3 since 2025)."""

COOL_DOWN: Final = timedelta(hours=6)
"""Between the starts of two modifications of a volume. EC2 allows four in 24 hours and tells only of the latest, so that nobody
can count them; six hours keep clear of that, and are the rule itself where the older one holds (EC2 API, ModifyVolume)."""

UNDER_WAY: Final = frozenset({"modifying", "optimizing"})
USABLE: Final = frozenset({"optimizing", "completed"})
"""From ``optimizing`` on a volume has its new size (EBS User Guide, "Monitor the progress of volume modifications")."""


@dataclass(frozen=True, slots=True)
class Modification:
    """The latest change of a volume that was asked of EC2: ``modifying``, ``optimizing``, ``completed`` or ``failed``."""

    state: str
    target_gib: int
    started_at: datetime
    progress: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class SeenHome:
    """A claim and what holds it, as the cluster has them. ``asked_gib`` is what the claim asks for, ``capacity_gib`` the
    PersistentVolume's. ``volume_id`` None: it is bound to no EBS volume of the CSI driver."""

    claim_name: str
    uid: str
    asked_gib: int
    phase: str
    class_name: str | None
    volume_id: str | None = None
    capacity_gib: int = 0
    ending: bool = False
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class SeenClass:
    """A StorageClass, as far as growing goes."""

    name: str
    expands: bool


@dataclass(frozen=True, slots=True)
class GrowthFacts:
    """Everything that decides. ``others``: volumes beside the bound one that carry the claim's name. ``begun``: an earlier run
    for this very size was not finished, so that equal sizes are its work and not a mistake."""

    record: UserRecord | None
    home: SeenHome | None
    storage_class: SeenClass | None
    volume: Volume | None
    modification: Modification | None
    others: tuple[str, ...] = ()
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Growth:
    """What is to happen, decided once. ``needed`` False: all is as large already, and only telling is left."""

    cluster_name: str
    username: str
    owner_sub: str
    claim_name: str
    claim_uid: str
    volume_id: str
    from_gib: int
    to_gib: int
    needed: bool
    steps: tuple[str, ...]
    reason: str

    def to_json(self) -> dict[str, Any]:
        """For the state machine; ``growth_from_json`` reads it back."""
        return {**asdict(self), "steps": list(self.steps)}


def growth_from_json(document: Mapping[str, Any]) -> Growth:
    """The growth that ``Growth.to_json`` wrote."""
    found = {item.name: document[item.name] for item in fields(Growth)}
    return Growth(**{**found, "steps": tuple(found["steps"])})


def plan_growth(facts: GrowthFacts, given: ExpandInput, claim_name: str, now: datetime) -> Growth:
    """The growth that was asked for. Raises ``HomeChangeRefused`` with everything that stands against it."""
    against = list(_against(facts, given, claim_name, now))
    if against:
        found = f"the home of {given.username} on {given.cluster_name} cannot become {given.size_gib} GiB:"
        raise HomeChangeRefused("\n".join([found, *against]))
    record, home, volume = facts.record, facts.home, facts.volume
    assert record is not None and home is not None and volume is not None  # noqa: S101 - what is missing was refused
    is_done = min(home.asked_gib, volume.size_gib, home.capacity_gib) >= given.size_gib
    steps = [] if is_done else list(_steps(given, home, volume))
    return Growth(
        cluster_name=given.cluster_name,
        username=given.username,
        owner_sub=record.sub,
        claim_name=home.claim_name,
        claim_uid=home.uid,
        volume_id=volume.volume_id,
        from_gib=volume.size_gib,
        to_gib=given.size_gib,
        needed=not is_done,
        steps=(*steps, f"tell {given.username} and the operators"),
        reason=f"the home of {given.username} on {given.cluster_name} grows from {volume.size_gib} to {given.size_gib} GiB"
        if not is_done
        else f"the home of {given.username} on {given.cluster_name} has its {given.size_gib} GiB already",
    )


def _steps(given: ExpandInput, home: SeenHome, volume: Volume) -> Iterator[str]:
    yield f"hold the home {home.claim_name}: no server mounts it meanwhile"
    yield f"stop the servers of {given.username}"
    if home.asked_gib < given.size_gib:
        yield f"let claim {home.claim_name} ask for {given.size_gib} GiB in place of {home.asked_gib}"
    now, wanted = volume.size_gib, given.size_gib
    yield f"wait until {volume.volume_id} has {wanted} GiB in place of {now}; its files grow into it at the next start"


def _against(facts: GrowthFacts, given: ExpandInput, claim_name: str, now: datetime) -> Iterator[str]:
    record, home, volume = facts.record, facts.home, facts.volume
    if record is None:
        yield f"nobody is called {given.username}: look at the Users table for how the name is written"
    if home is None:
        yield f"there is no claim {claim_name}: a home without one comes back when its person starts a server; expand it then"
        return
    yield from _against_claim(home)
    yield from _against_class(facts.storage_class, home)
    if facts.others:
        both = ", ".join(facts.others)
        yield f"{both} carries this claim's name as well: look which of them is the home, and set the other aside"
    if home.volume_id and volume is None:
        yield f"its volume {home.volume_id} does not exist: look into the Recycle Bin before anything else"
    if volume is None:
        return
    if volume.state not in ("available", "in-use"):
        yield f"{volume.volume_id} is {volume.state}: wait until it is available or in use"
    owner = volume.tags.get(OWNER_TAG)
    if record is not None and owner and owner not in record.subs:
        yield f"{volume.volume_id} belongs to another account ({owner}) than {given.username}'s"
    yield from _against_size(facts, given, home, volume)
    yield from _against_pace(facts.modification, given, volume, now)


def _against_claim(home: SeenHome) -> Iterator[str]:
    if home.ending:
        yield f"claim {home.claim_name} is being deleted"
    if home.phase != "Bound":
        yield f"claim {home.claim_name} is {home.phase}, not Bound: let the person start a server once"
    elif home.volume_id is None:
        yield f"claim {home.claim_name} is not bound to an EBS volume of the CSI driver"


def _against_class(storage_class: SeenClass | None, home: SeenHome) -> Iterator[str]:
    if not home.class_name or storage_class is None:
        name = home.class_name or "(none)"
        yield f"StorageClass {name} of claim {home.claim_name} does not exist, so nobody knows whether it may grow"
    elif not storage_class.expands:
        name = storage_class.name
        yield f"StorageClass {name} does not allow it: kubectl patch storageclass {name} -p '{{\"allowVolumeExpansion\": true}}'"


def _against_size(facts: GrowthFacts, given: ExpandInput, home: SeenHome, volume: Volume) -> Iterator[str]:
    largest = LARGEST_GIB.get(volume.volume_type, min(LARGEST_GIB.values()))
    if given.size_gib > largest:
        kind = volume.volume_type or "of an unknown type"
        yield f"size_gib = {given.size_gib}: {volume.volume_id} is {kind} and has at most {largest} GiB"
    present = max(home.asked_gib, volume.size_gib, home.capacity_gib)
    if given.size_gib < present:
        rule = "neither EBS nor Kubernetes makes a volume smaller"
        yield f"size_gib = {given.size_gib}: it has, or asks for, {present} GiB already; {rule}"
    least = min(home.asked_gib, volume.size_gib, home.capacity_gib)
    if given.size_gib == least and not facts.begun:
        yield f"size_gib = {given.size_gib}: that is what it has; give a larger one"


def _against_pace(modification: Modification | None, given: ExpandInput, volume: Volume, now: datetime) -> Iterator[str]:
    if modification is None or volume.size_gib >= given.size_gib:
        return
    is_ours = modification.target_gib == given.size_gib and modification.state != "failed"
    if modification.state in UNDER_WAY and not is_ours:
        yield (
            f"{volume.volume_id} is {modification.state} towards {modification.target_gib} GiB ({modification.progress} %): "
            "wait until that is completed"
        )
    elif now < modification.started_at + COOL_DOWN and not is_ours:
        again = modification.started_at + COOL_DOWN
        yield f"{volume.volume_id} was modified at {_time(modification.started_at)}: start again after {_time(again)}"


class Deed(StrEnum):
    """``ASK`` let the claim ask for the size, ``WAIT`` look again, ``DONE`` everything has it."""

    ASK = "ask"
    WAIT = "wait"
    DONE = "done"


def next_deed(
    growth: Growth, home: SeenHome | None, volume: Volume | None, modification: Modification | None
) -> tuple[Deed, str]:
    """What to do now, with its sentence. Raises ``HomeChangeRefused`` where the home is another one than was planned with."""
    if home is None or home.uid != growth.claim_uid or home.volume_id != growth.volume_id or home.ending:
        raise HomeChangeRefused(
            f"claim {growth.claim_name} is no longer bound to {growth.volume_id}, as it was when this was planned: plan again"
        )
    if volume is None:
        raise HomeChangeRefused(f"{growth.volume_id} does not exist any more: look into the Recycle Bin before anything else")
    if home.asked_gib < growth.to_gib:
        if home.in_use:
            return Deed.WAIT, f"a pod still mounts {growth.claim_name}"
        return Deed.ASK, f"claim {growth.claim_name} asks for {growth.to_gib} GiB in place of {home.asked_gib}"
    if volume.size_gib < growth.to_gib:
        return Deed.WAIT, _waiting(growth, volume, modification)
    if modification is not None and modification.target_gib >= growth.to_gib and modification.state not in USABLE:
        return Deed.WAIT, _waiting(growth, volume, modification)
    if home.capacity_gib < growth.to_gib:
        return Deed.WAIT, f"{growth.volume_id} has {volume.size_gib} GiB; its PersistentVolume still says {home.capacity_gib}"
    return Deed.DONE, f"{growth.volume_id} and its PersistentVolume have {volume.size_gib} GiB"


def _waiting(growth: Growth, volume: Volume, modification: Modification | None) -> str:
    if modification is None or modification.target_gib != growth.to_gib:
        return f"{growth.volume_id} has {volume.size_gib} GiB, and the driver has not asked EC2 for {growth.to_gib} yet"
    told = f": {modification.message}" if modification.message else ""
    return f"{growth.volume_id} is {modification.state} towards {growth.to_gib} GiB ({modification.progress} %){told}"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
