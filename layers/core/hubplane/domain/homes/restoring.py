"""What ``restore_home`` and ``move_home`` are going to do: pure plans, said in sentences before anything is done.

Whatever an interrupted run left behind is found by its tags and gone on with, so the same input ends the same. What a person has
worked with since is a home of its own, and asking again restores again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from hubplane.domain.errors import HomeChangeRefused
from hubplane.domain.homes.change_inputs import RestoreInput
from hubplane.domain.homes.changes import HomeChange, Kind
from hubplane.domain.homes.choosing import choose_copy
from hubplane.domain.homes.facts import HomeFacts
from hubplane.domain.homes.marks import COPY_OF_TAG, MADE_FOR_TAG, NOTHING, REPLACES_TAG, beside_claim, is_copy, waiting_claim
from hubplane.domain.homes.seen import SeenHome, see
from hubplane.domain.names import claims_of, username_key
from hubplane.domain.registration.records import Status
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import CLAIM_NAME_TAG
from hubplane.domain.storage.wording import minute

__all__ = ["plan_move", "plan_restore"]

OWNERS = frozenset({Status.APPROVED, Status.DISABLED})
"""Who may have a home that comes back: an admin may want to look into a disabled person's."""


def plan_restore(
    facts: HomeFacts, given: RestoreInput, copies: Sequence[Volume] = (), aside: Sequence[Snapshot] = ()
) -> HomeChange:
    """The change that was asked for. ``copies`` are the volumes that carry ``COPY_OF_CLAIM_TAG`` of this home, ``aside`` the
    snapshots that were set aside with a former volume of it. Raises ``HomeChangeRefused``."""
    home = see(facts)
    _insist((*_about_the_person(facts), *_about_what_changes(home)))
    copy = choose_copy(facts, home, given, aside)
    if given.placement == "beside":
        return _beside(facts, home, copy, copies)
    return _instead(facts, home, copy, copies)


def plan_move(facts: HomeFacts) -> HomeChange:
    """The home's volume into its cluster's zone. Raises ``HomeChangeRefused``."""
    home = see(facts)
    _insist((*_about_the_person(facts), *_about_what_changes(home)))
    new = _taken_over(facts, home, home.volumes, Kind.MOVE)
    present = _present(home, new)
    _insist(_about_the_present(home, present, new))
    claim_name = _claim_name(facts, home)
    standing = present or new
    if standing is None:
        raise HomeChangeRefused(
            f"{facts.username} has no home volume on {facts.cluster_name}, so there is nothing to move: the next server puts the "
            f"newest copy into {facts.zone}"
        )
    needed = new is not None or standing.zone != facts.zone
    return _change(facts, Kind.MOVE, claim_name, present=present, new=new, size_gib=standing.size_gib, needed=needed)


def _beside(facts: HomeFacts, home: SeenHome, copy: Snapshot, copies: Sequence[Volume]) -> HomeChange:
    claim_name = _claim_name(facts, home, copy)
    kept_as = beside_claim(claim_name, copy.started_at.date())
    there = [volume for volume in copies if volume.tags.get(CLAIM_NAME_TAG) == kept_as and is_copy(volume, facts.cluster_name)]
    others = [volume for volume in there if volume.tags.get(COPY_OF_TAG) != copy.snapshot_id]
    if others:
        source = others[0].tags.get(COPY_OF_TAG)
        raise HomeChangeRefused(
            f"{others[0].volume_id}, made from {source}, lies beside this home as {kept_as} already: remove it first "
            f"(kubectl -n jupyter delete pvc {kept_as})"
        )
    new = there[0] if there else None
    return _change(facts, Kind.BESIDE, claim_name, kept_as=kept_as, copy=copy, size_gib=copy.size_gib, new=new)


def _instead(facts: HomeFacts, home: SeenHome, copy: Snapshot, copies: Sequence[Volume]) -> HomeChange:
    made = (*copies, *home.volumes)
    new = _taken_over(facts, home, [volume for volume in made if volume.tags.get(COPY_OF_TAG) == copy.snapshot_id], Kind.INSTEAD)
    present = _present(home, new)
    _insist(_about_the_present(home, present, new))
    size_gib = max(copy.size_gib, present.size_gib if present else facts.requested_gib)
    return _change(facts, Kind.INSTEAD, _claim_name(facts, home, copy), copy=copy, size_gib=size_gib, present=present, new=new)


def _taken_over(facts: HomeFacts, home: SeenHome, made: Iterable[Volume], kind: Kind) -> Volume | None:
    """The volume that an earlier run of the same change made, and that nobody has worked with since."""
    for volume in made:
        told = home.facts_of.get(volume.volume_id)
        worked_with = volume.attached or bool(told and told.used_at)
        fits = volume.tags.get(MADE_FOR_TAG) == kind and REPLACES_TAG in volume.tags and volume.zone == facts.zone
        if fits and not worked_with and volume.state not in ("deleting", "deleted", "error"):
            return volume
    return None


def _present(home: SeenHome, new: Volume | None) -> Volume | None:
    """The volume whose place is taken. After a run that was interrupted late, the one that it wrote down, where it stands."""
    standing = [volume for volume in home.volumes if new is None or volume.volume_id != new.volume_id]
    if new is not None:
        return next((volume for volume in standing if volume.volume_id == new.tags[REPLACES_TAG]), None)
    bound = home.bound_volume
    return bound if bound is not None else next(iter(standing), None)


def _about_the_person(facts: HomeFacts) -> Iterator[str]:
    record, name = facts.record, facts.username
    if record is None or record.name != username_key(name):
        yield f"nobody called {name} is on record: look at the Users table for how the name is written, or bind the account first"
        return
    if record.status not in OWNERS:
        passed = f"; the home was handed to {record.home_passed_to}: restore it for that account" if record.home_passed_to else ""
        yield f"the account {name} is {record.status}, so nothing is put back for it{passed}"
    elif facts.cluster_name not in record.clusters:
        yield f"{name} is not approved for {facts.cluster_name}"
    if any(facts.claim_holders.get(claim) != record.username for claim in claims_of(name).all):
        yield f"the home of {name} is not on record as theirs alone: another name leads to the same claim"
    if facts.zone is None:
        yield f"the Availability Zone of {facts.cluster_name} is not on record: build the cluster once more"


def _about_what_changes(home: SeenHome) -> Iterator[str]:
    for volume in home.passing:
        yield f"{volume.volume_id} of this home is {volume.state}: start again in a few minutes"
    if len(home.claims) > 1:
        names = " and ".join(sorted(claim.name for claim in home.claims))
        yield f"{names} are both claims of this person, and nobody chooses between them by chance: look at them first"


def _about_the_present(home: SeenHome, present: Volume | None, new: Volume | None) -> Iterator[str]:
    known = {volume.volume_id for volume in (present, new) if volume is not None}
    others = [volume.volume_id for volume in home.volumes if volume.volume_id not in known]
    if others:
        yield (
            f"{', '.join(others)} carries the name of this home as well, and nobody chooses by chance: finish the restore or the "
            "move that was interrupted, or take the name from the one that is not the home"
        )
    if present is None:
        return
    if home.is_foreign(present):
        yield f"the present volume {present.volume_id} is marked as another account's"
    elif home.owner_of(present) is None and home.foreign:
        yield f"{home.foreign[0]} under this name is another account's and {present.volume_id} says nobody's: look whose it is"
    if present.state not in ("available", "in-use"):
        yield f"the present volume {present.volume_id} is {present.state} and cannot be copied: look at it"


def _claim_name(facts: HomeFacts, home: SeenHome, copy: Snapshot | None = None) -> str:
    """The claim that the hub mounts: the one there is, else the one that the data was made for."""
    things: tuple[Volume | Snapshot, ...] = (*home.volumes, *((copy,) if copy is not None and copy in home.snapshots else ()))
    names = (*(claim.name for claim in home.claims), *(home.claim_of(thing) for thing in things))
    mine = claims_of(facts.username).all
    return next((name for name in names if name in mine), facts.claim_name)


def _insist(objections: Iterable[str]) -> None:
    found = list(objections)
    if found:
        raise HomeChangeRefused("; ".join(found))


def _change(
    facts: HomeFacts,
    kind: Kind,
    claim_name: str,
    *,
    size_gib: int,
    kept_as: str | None = None,
    copy: Snapshot | None = None,
    present: Volume | None = None,
    new: Volume | None = None,
    needed: bool = True,
) -> HomeChange:
    record = facts.record
    # What is new stays in the name of what it replaces, also when that is gone.
    replaced = new.tags.get(REPLACES_TAG) if new is not None else None
    present_id = present.volume_id if present else replaced if replaced != NOTHING else None
    shared: dict[str, Any] = {"size_gib": size_gib, "zone": facts.zone or "", "needed": needed}
    change = HomeChange(
        kind=kind,
        cluster_name=facts.cluster_name,
        username=facts.username,
        owner_sub=record.sub if record else "",
        claim_name=claim_name,
        kept_as=kept_as or waiting_claim(claim_name),
        snapshot_id=copy.snapshot_id if copy else None,
        snapshot_at=copy.started_at.isoformat() if copy else None,
        present_id=None if kind is Kind.BESIDE else present_id,
        new_id=new.volume_id if new else None,
        **shared,
    )
    return _told(change, copy, present)


def _told(change: HomeChange, copy: Snapshot | None, present: Volume | None) -> HomeChange:
    """The change with its steps in sentences."""
    return replace(change, steps=tuple(_steps(change, copy, present)), reason=_reason(change, copy))


def _steps(change: HomeChange, copy: Snapshot | None, present: Volume | None) -> Iterator[str]:
    if not change.needed:
        return
    made_of = f"{copy.snapshot_id} of {minute(copy.started_at)}" if copy else f"a fresh copy of {change.present_id}"
    made = f"a volume of {change.size_gib} GiB in {change.zone} is made from {made_of}"
    if change.kind is Kind.BESIDE:
        yield f"{made} (it is there: {change.new_id})" if change.new_id else made
        yield f"the claim {change.kept_as} is bound to it; the home itself is not touched"
        return
    yield f"no server of {change.username} may start, and the one that runs is stopped"
    if present is not None:
        keeps = "which stays until an operator releases it" if change.kind is Kind.INSTEAD else "which the volume is made from"
        yield f"{present.volume_id} gets a snapshot of its own, {keeps}, and it is waited for"
    yield f"{made} (it is there: {change.new_id})" if change.new_id else made
    if present is not None:
        yield f"{present.volume_id} is set aside: its claim goes, it stays until the storage day may prune it"
    yield f"the claim {change.claim_name} is bound to the new volume, and servers may start"


def _reason(change: HomeChange, copy: Snapshot | None) -> str:
    whose = f"the home of {change.username} on {change.cluster_name}"
    if not change.needed:
        return f"{whose} lies in {change.zone} already"
    if change.kind is Kind.MOVE:
        return f"{whose} goes to {change.zone}, where the cluster's nodes are"
    when = minute(copy.started_at) if copy else ""
    place = "beside it, as " + change.kept_as if change.kind is Kind.BESIDE else "in its place"
    return f"{whose} comes back as it was {when}, {place}"
