"""One volume takes another's place under a home's claim, one deed at a time, each decided from what is seen now.

Killed between any two deeds and started again it goes on, because nothing but the state of the things themselves is asked. At
every moment the home's newest data has a holder: the former volume is only let go of after a completed snapshot holds all of it,
its PersistentVolume is told to retain it before its claim goes, and it keeps the home's name until the new volume has that.

==========================  =======================================================================
seen                        deed
==========================  =======================================================================
claim on the former volume  ``RETAIN`` its PersistentVolume, then ``FREE`` the claim
no claim                    ``NAME`` the new volume the home, ``SET_ASIDE`` the former one, ``BIND``
claim on the new volume     ``FORGET`` the former PersistentVolume, then ``DONE``
==========================  =======================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import CLAIM_NAME_TAG, SET_ASIDE_TAG, carries_cluster

__all__ = ["Deed", "DeedKind", "SeenPlace", "SeenVolumeObject", "next_deed"]

GONE = frozenset({"deleting", "deleted"})


class DeedKind(StrEnum):
    """See the table of the module. ``WAIT``: for Kubernetes, or a pod. ``REFUSE``: nothing more is done, a person looks."""

    RETAIN = "retain"
    FREE = "free"
    NAME = "name"
    SET_ASIDE = "set_aside"
    BIND = "bind"
    FORGET = "forget"
    WAIT = "wait"
    DONE = "done"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Deed:
    """What to do next, and one sentence why."""

    kind: DeedKind
    sentence: str


@dataclass(frozen=True, slots=True)
class SeenVolumeObject:
    """A PersistentVolume: its EBS volume, whether it ``retains`` that, and by which claim (name) it is held, None for nobody."""

    name: str
    volume_id: str | None
    retains: bool
    held_by: str | None = None


@dataclass(frozen=True, slots=True)
class SeenPlace:
    """Everything about the place that is to change hands, as it is now.

    ``claim_exists``: there is one. ``bound_to`` is its EBS volume, None while it has none; ``waits_for_new``: it is to get the
    new one. ``ending``: it is being deleted. ``in_use``: a pod names it. ``former`` is None where no volume's place is taken, or
    where that volume is gone (``former_id`` tells which). ``objects`` are the Kubernetes volumes that stand for it,
    ``copy`` the snapshot that is to hold all of it. ``used_since_copy``: there is a sign of use after that.
    """

    cluster_name: str
    claim_name: str
    account_id: str
    new: Volume | None
    former_id: str | None = None
    former: Volume | None = None
    copy: Snapshot | None = None
    used_since_copy: bool = False
    claim_exists: bool = False
    bound_to: str | None = None
    waits_for_new: bool = False
    ending: bool = False
    in_use: bool = False
    objects: tuple[SeenVolumeObject, ...] = ()

    @property
    def is_named(self) -> bool:
        """Whether the new volume is the home by its tags."""
        tags = self.new.tags if self.new is not None else {}
        return tags.get(CLAIM_NAME_TAG) == self.claim_name and carries_cluster(tags, self.cluster_name)

    @property
    def is_aside(self) -> bool:
        """Whether nothing of the former volume has the home's name any more."""
        volume = self.former is None or self.former.state in GONE or SET_ASIDE_TAG in self.former.tags
        return volume and (self.copy is None or self.former is None or SET_ASIDE_TAG in self.copy.tags)


def next_deed(place: SeenPlace) -> Deed:
    """The next deed. The same place gives the same deed; nothing is raised."""
    new = place.new
    if new is None or new.state not in ("available", "in-use"):
        state = "gone" if new is None else new.state
        return Deed(DeedKind.REFUSE, f"the new volume is {state}: start again, it is made anew")
    if not place.claim_exists:
        return next(_take(place, new))
    return next(_after(place, new) if place.bound_to == new.volume_id else _free(place))


def _free(place: SeenPlace) -> Iterator[Deed]:
    """The claim is on something else than the new volume: the first of these deeds that fits."""
    claim, former_id = f"claim {place.claim_name}", place.former_id
    if place.ending:
        yield Deed(DeedKind.WAIT, f"{claim} is being deleted; Kubernetes waits for the pods that use it")
    if place.waits_for_new:
        yield Deed(DeedKind.WAIT, f"{claim} is not bound yet")
    if place.bound_to not in (None, former_id):
        yield Deed(DeedKind.REFUSE, f"{claim} is on {place.bound_to}, which is no part of this change: look at it")
    objection = _why_not_free(place)
    if objection is not None:
        yield Deed(DeedKind.REFUSE, objection)
    if place.in_use:
        yield Deed(DeedKind.WAIT, f"a pod still names {claim}")
    if place.bound_to is None:
        yield Deed(DeedKind.FREE, f"{claim} has no volume, and goes")
    yield from _retain(place)
    if not place.objects:
        yield Deed(
            DeedKind.REFUSE, f"no persistent volume is seen to stand for {former_id}, so it cannot be retained: look at it"
        )
    yield Deed(DeedKind.FREE, f"{claim} goes; {former_id} is retained")


def _why_not_free(place: SeenPlace) -> str | None:
    """Why the former volume may not lose its claim: a snapshot must hold all of it. None where it may."""
    former, copy = place.former, place.copy
    if former is None or former.state in GONE:
        return None  # what is gone cannot be copied; its claim leads nowhere
    if copy is None:
        return f"{former.volume_id} has no snapshot of its own from before this change: nothing is put aside without one"
    sound = copy.volume_id == former.volume_id and copy.owner_id == place.account_id and copy.size_gib >= former.size_gib
    if copy.state != "completed" or not sound:
        return f"{copy.snapshot_id} ({copy.state}) does not hold all of {former.volume_id}: nothing is put aside without it"
    if former.attached or place.used_since_copy:
        return f"{former.volume_id} was used after {copy.snapshot_id} was started: start again, it is copied anew"
    return None


def _take(place: SeenPlace, new: Volume) -> Iterator[Deed]:
    """There is no claim: nobody can be working, and the names change hands."""
    objection = None if place.is_aside else _why_not_free(place)
    if objection is not None:
        yield Deed(DeedKind.REFUSE, objection)
    yield from _rename(place, new)
    yield Deed(DeedKind.BIND, f"claim {place.claim_name} is made and bound to {new.volume_id}")


def _after(place: SeenPlace, new: Volume) -> Iterator[Deed]:
    """The claim is on the new volume."""
    if place.ending:
        yield Deed(DeedKind.WAIT, f"claim {place.claim_name} is being deleted")
    yield from _rename(place, new)
    for item in place.objects:
        if item.held_by is not None:
            yield Deed(DeedKind.REFUSE, f"{item.name} of {place.former_id} is held by claim {item.held_by}: look at it")
    yield from _retain(place)
    for item in place.objects:
        yield Deed(DeedKind.FORGET, f"{item.name} is removed from the cluster; {place.former_id} stays in EC2")
    yield Deed(DeedKind.DONE, f"{new.volume_id} is the home")


def _rename(place: SeenPlace, new: Volume) -> Iterator[Deed]:
    if not place.is_named:
        yield Deed(DeedKind.NAME, f"{new.volume_id} becomes the home")
    if not place.is_aside:
        yield Deed(DeedKind.SET_ASIDE, f"{place.former_id} is set aside: it is the home no longer, and stays")


def _retain(place: SeenPlace) -> Iterator[Deed]:
    for item in place.objects:
        if not item.retains:
            yield Deed(DeedKind.RETAIN, f"{item.name} is told to retain {place.former_id}, so that it survives its claim")
