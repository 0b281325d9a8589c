"""Homes from before Hubplane, which say nobody's: whose each is, out of one sweep, and what of an approved plan is still true.

A home is bound only forward: from each name in the Users table to the claims that it leads to. What already says somebody's is
never written over, and what could be two people's is left to a person.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from hubplane.domain.homes.marks import NAMESPACE
from hubplane.domain.storage.records import Owner, Snapshot, Volume
from hubplane.domain.storage.tags import CLAIM_NAME_TAG, OWNER_TAG, TagFacts
from hubplane.domain.storage.view import StorageView

__all__ = [
    "AdoptionLine",
    "Mark",
    "Verdict",
    "line_from_json",
    "line_to_json",
    "mark_from_json",
    "markable",
    "marks_of",
    "plan_adoption",
    "plan_id_of",
]

MARKABLE_SNAPSHOTS = frozenset({"completed", "pending"})


class Verdict(StrEnum):
    """``BIND`` will be marked, ``OWNED`` says whose it is, ``NOBODY`` no name leads to it, ``REFUSE`` somebody has to look."""

    BIND = "bind"
    OWNED = "owned"
    NOBODY = "nobody"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class AdoptionLine:
    """One home. The ids are those that say nobody's and would be marked; empty unless the verdict is ``BIND``."""

    claim_name: str
    verdict: Verdict
    reason: str
    username: str = ""
    owner_sub: str = ""
    volume_ids: tuple[str, ...] = ()
    snapshot_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """What of an approved line is still true: these ids get the owner. ``skipped`` says why others of the line do not."""

    claim_name: str
    owner_sub: str
    ids: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def plan_adoption(view: StorageView) -> tuple[AdoptionLine, ...]:
    """One line per home of the cluster, by claim's name. Linear in the size of the inventory."""
    homes = _homes(view)
    names = sorted({name for name in homes if name != view.policy.hub_database_claim})
    return tuple(_line(view, name, *homes[name]) for name in names)


def plan_id_of(cluster_name: str, lines: Iterable[AdoptionLine]) -> str:
    """16 hexadecimal digits of all that would be marked: the same plan has the same name, and none other has it."""
    bound = [
        [line.claim_name, line.owner_sub, line.volume_ids, line.snapshot_ids] for line in lines if line.verdict is Verdict.BIND
    ]
    return hashlib.sha256(json.dumps([cluster_name, bound]).encode()).hexdigest()[:16]


def marks_of(approved: Iterable[AdoptionLine], fresh: Iterable[AdoptionLine]) -> tuple[Mark, ...]:
    """What of an approved plan is true in a plan that was made anew: never more than both of them say."""
    now = {line.claim_name: line for line in fresh}
    return tuple(_mark(line, now.get(line.claim_name)) for line in approved if line.verdict is Verdict.BIND)


def markable(mark: Mark, tags_of: Mapping[str, Mapping[str, str]], held: Collection[str] = ()) -> Mark:
    """The mark after a last look: ``tags_of`` holds what of its ids exists now. ``held`` are ids whose claim's tag may be absent,
    because the claim itself holds them."""
    ids, skipped = [], list(mark.skipped)
    for key in mark.ids:
        tags = tags_of.get(key)
        if tags is None:
            skipped.append(f"{key} is gone")
        elif tags.get(OWNER_TAG):
            same = tags[OWNER_TAG] == mark.owner_sub
            skipped.append(f"{key} is marked {'already' if same else 'as another account by now'}")
        elif tags.get(CLAIM_NAME_TAG, mark.claim_name if key in held else None) != mark.claim_name:
            skipped.append(f"{key} carries another claim's name by now")
        else:
            ids.append(key)
    return replace(mark, ids=tuple(ids), skipped=tuple(skipped))


def line_to_json(line: AdoptionLine) -> dict[str, Any]:
    """The line as JSON; ``line_from_json`` reads it back."""
    return {**asdict(line), "verdict": str(line.verdict)}


def line_from_json(document: Mapping[str, Any]) -> AdoptionLine:
    """The line that ``line_to_json`` wrote."""
    ids = {name: tuple(document[name]) for name in ("volume_ids", "snapshot_ids")}
    return AdoptionLine(**{**document, **ids, "verdict": Verdict(document["verdict"])})


def mark_from_json(document: Mapping[str, Any]) -> Mark:
    """The mark of ``dataclasses.asdict``."""
    return Mark(**{**document, "ids": tuple(document["ids"]), "skipped": tuple(document["skipped"])})


def _homes(view: StorageView) -> dict[str, tuple[list[Volume], list[Snapshot]]]:
    """Volumes and snapshots by claim's name; a volume under the claim that holds it, and under the one that its tags name."""
    homes: dict[str, tuple[list[Volume], list[Snapshot]]] = defaultdict(lambda: ([], []))
    held = {
        claim.volume_id: claim.name for claim in view.inventory.claims or () if claim.volume_id and claim.namespace == NAMESPACE
    }
    for volume in view.inventory.volumes:
        facts = view.volume_facts.get(volume.volume_id)
        names = {name for name in (held.get(volume.volume_id), facts.claim_name if facts else None) if name}
        if facts is not None or volume.volume_id in held:
            for name in names:
                homes[name][0].append(volume)
    for snapshot_id, snapshot in view.snapshots.items():
        claim_name = view.snapshot_facts[snapshot_id].claim_name
        if claim_name:
            homes[claim_name][1].append(snapshot)
    return homes


def _line(view: StorageView, name: str, volumes: list[Volume], snapshots: list[Snapshot]) -> AdoptionLine:
    facts = {
        **{item.volume_id: view.volume_facts.get(item.volume_id) for item in volumes},
        **{item.snapshot_id: view.snapshot_facts[item.snapshot_id] for item in snapshots},
    }
    account = view.inventory.account_id
    good = [item for item in snapshots if item.owner_id == account and item.state in MARKABLE_SNAPSHOTS]
    people: dict[str, list[Owner]] = defaultdict(list)
    for owner in view.owners_of_claim.get(name, ()):
        people[owner.username].append(owner)
    marked = {key: told.owner_sub for key, told in facts.items() if told is not None and told.owner_sub}
    for reason in _against(view, name, volumes, facts, people, marked):
        return AdoptionLine(name, Verdict.REFUSE, reason)
    open_volumes = tuple(sorted(item.volume_id for item in volumes if item.volume_id not in marked))
    open_snapshots = tuple(sorted(item.snapshot_id for item in good if item.snapshot_id not in marked))
    if not open_volumes and not open_snapshots:
        return AdoptionLine(name, Verdict.OWNED, "all of it says whose it is" if marked else "nothing of it can be marked")
    if not people:
        return AdoptionLine(name, Verdict.NOBODY, "no name in the Users table leads to this claim")
    ((username, owners),) = people.items()
    lines = len({item.volume_id for item in snapshots} | {item.volume_id for item in volumes})
    reason = f"{username} is the only name that leads to {name}, and nothing of it says another's"
    told = f"{reason}; it is of {lines} volumes, one after the other" if lines > 1 else reason
    return AdoptionLine(name, Verdict.BIND, told, username, owners[0].sub, open_volumes, open_snapshots)


def _against(
    view: StorageView,
    name: str,
    volumes: list[Volume],
    facts: Mapping[str, TagFacts | None],
    people: Mapping[str, list[Owner]],
    marked: Mapping[str, str],
) -> Iterator[str]:
    if view.inventory.claims is None:
        yield "the cluster could not be asked which claim holds which volume"
    if len(volumes) > 1:
        ids = ", ".join(sorted(item.volume_id for item in volumes))
        yield f"{len(volumes)} volumes carry this claim: {ids}; look which of them is the home"
    for key, told in facts.items():
        if told is not None and told.claim_name not in (None, name):
            yield f"the claim holds {key}, whose tags name {told.claim_name}"
        if told is not None and told.namespace not in (None, NAMESPACE):
            yield f"{key} is of namespace {told.namespace}"
        if told is not None and told.unparsable:
            yield f"tags of {key} cannot be read: {', '.join(told.unparsable)}"
    for volume in volumes:
        claim = view.claim_of_volume.get(volume.volume_id)
        if claim is not None and claim.name != name:
            yield f"{volume.volume_id} names this claim, and claim {claim.name} holds it"
    if len(people) > 1:
        yield f"{len(people)} names lead to this claim: {', '.join(sorted(people))}"
    subs = {owner.sub for owners in people.values() for owner in owners}
    others = sorted(key for key, sub in marked.items() if sub not in subs)
    if others and (people or len(marked) < len(facts)):
        yield f"{others[0]} is marked as another account's ({marked[others[0]]})"


def _mark(approved: AdoptionLine, now: AdoptionLine | None) -> Mark:
    mark = Mark(approved.claim_name, approved.owner_sub)
    if now is None:
        return replace(mark, skipped=(f"{approved.claim_name}: nothing carries this claim any more",))
    if now.verdict is not Verdict.BIND:
        return replace(mark, skipped=(f"{approved.claim_name}: {now.reason}",))
    if now.owner_sub != approved.owner_sub:
        return replace(mark, skipped=(f"{approved.claim_name}: it would be {now.username}'s by now; plan again",))
    wanted, present = (*approved.volume_ids, *approved.snapshot_ids), {*now.volume_ids, *now.snapshot_ids}
    gone = tuple(f"{key}: it is gone, or says whose it is" for key in wanted if key not in present)
    return replace(mark, ids=tuple(key for key in wanted if key in present), skipped=gone)
