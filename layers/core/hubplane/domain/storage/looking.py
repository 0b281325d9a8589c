"""The look right before acting: one for a whole batch, and from it what bears on one change.

A look costs some calls to EC2, not one per change. What bears on a change is everything that is connected with it: the volumes of
the same claim, the snapshots of the same volume, and what came of what. ``recheck`` then decides over that small inventory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from hubplane.domain.storage.actions import Action, PlannedAction
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.ports import Ebs
from hubplane.domain.storage.records import Claim, Inventory, Owner, Snapshot, Volume
from hubplane.domain.storage.tags import ANCESTRY_TAG, CLAIM_NAME_TAG, OWNER_TAG, SET_ASIDE_TAG

__all__ = ["LOOK_LASTS", "Known", "Look", "look_at"]

T = TypeVar("T")
Thing = TypeVar("Thing", Volume, Snapshot)

# A batch of 200 takes some 70 s at Hubplane's pace. Sessions last longer than this (decision 0020), so none passes unseen.
LOOK_LASTS = timedelta(minutes=2)


class Known:
    """What the plan knew beside volumes, snapshots and claims (owners, sightings, uses, warnings), to be found by volume."""

    def __init__(self, inventory: Inventory) -> None:
        self._rest = replace(inventory, volumes=(), snapshots=(), claims=None, owners=(), sightings=(), events=(), warnings=())
        self._sightings = {item.volume_id: item for item in inventory.sightings}
        self._owners = _grouped(inventory.owners, lambda item: item.claim_name)
        self._events = _grouped(inventory.events, lambda item: item.volume_id)
        self._warnings = _grouped(inventory.warnings, lambda item: item.snapshot_id)

    def around(self, volumes: Sequence[Volume], snapshots: Sequence[Snapshot], claims: tuple[Claim, ...] | None) -> Inventory:
        """The inventory of just these things."""
        things: list[Volume | Snapshot] = [*volumes, *snapshots]
        volume_ids = {item.volume_id for item in things}
        names = {item.tags.get(SET_ASIDE_TAG) or item.tags.get(CLAIM_NAME_TAG, "") for item in things}
        return replace(
            self._rest,
            volumes=tuple(volumes),
            snapshots=tuple(snapshots),
            claims=claims,
            owners=tuple(owner for name in names for owner in self._owners.get(name, ())),
            sightings=tuple(self._sightings[key] for key in volume_ids if key in self._sightings),
            events=tuple(event for key in volume_ids for event in self._events.get(key, ())),
            warnings=tuple(mail for item in snapshots for mail in self._warnings.get(item.snapshot_id, ())),
        )

    def whose(self, thing: Volume | Snapshot | PlannedAction) -> tuple[str | None, str | None]:
        """Claim name and Cognito sub of whose home it is, None where that is not known for certain, or it is a home no longer:
        who has a home is not told that what was set aside for it went."""
        claim_name, sub = thing.tags.get(CLAIM_NAME_TAG), thing.tags.get(OWNER_TAG)
        owners: Sequence[Owner] = self._owners.get(claim_name or "", ())
        mine = [owner for owner in owners if owner.sub == sub] if sub else list(owners)
        return claim_name, mine[0].sub if len(mine) == 1 else None


@dataclass(frozen=True)
class Look:
    """What was seen of a batch at ``at``. ``claims`` None: the cluster was not asked, or did not answer."""

    at: datetime
    volumes: dict[str, Volume]
    snapshots: dict[str, Snapshot]
    parts: dict[str, tuple[list[Volume], list[Snapshot]]]
    claims: tuple[Claim, ...] | None = None
    persistent_volume_ids: frozenset[str] = frozenset()

    def is_fresh(self, now: datetime) -> bool:
        """Whether it may still be acted on."""
        return now - self.at <= LOOK_LASTS

    def thing(self, resource_id: str) -> Volume | Snapshot | None:
        """A volume or snapshot that was seen."""
        return self.volumes.get(resource_id) or self.snapshots.get(resource_id)

    def around(self, resource_id: str, known: Known, claims: tuple[Claim, ...] | None) -> Inventory:
        """The small inventory that decides about one thing."""
        thing = self.thing(resource_id)
        volumes, snapshots = self.parts[thing.volume_id] if thing is not None else ([], [])
        return replace(known.around(volumes, snapshots, claims), persistent_volume_ids=self.persistent_volume_ids)


def look_at(
    actions: Iterable[PlannedAction], ebs: Ebs, policy: StoragePolicy, at: datetime, volume_of: Mapping[str, str]
) -> Look:
    """Look at what these actions are about. ``at`` must be read before. Raises what ``ebs`` raises.

    ``volume_of``: the volume of a snapshot, which never changes, where the plan told it; the others are asked for.
    """
    by_kind: dict[bool, list[str]] = {True: [], False: []}
    deletes_volumes = False
    for action in actions:
        by_kind[action.action is Action.DELETE_SNAPSHOT].append(action.resource_id)
        deletes_volumes = deletes_volumes or action.action in (Action.DELETE_CLAIM, Action.DELETE_VOLUME)
    volumes: dict[str, Volume] = {}
    snapshots: dict[str, Snapshot] = {}
    if by_kind[False]:
        _look_at_volumes(by_kind[False], ebs, volumes, snapshots, with_claims=deletes_volumes)
    if by_kind[True]:
        _look_at_snapshots(by_kind[True], ebs, policy, volumes, snapshots, volume_of)
    return Look(at, volumes, snapshots, _parts(volumes.values(), snapshots.values()))


def _look_at_volumes(
    volume_ids: Collection[str], ebs: Ebs, volumes: dict[str, Volume], snapshots: dict[str, Snapshot], *, with_claims: bool
) -> None:
    volumes.update(_by_id(ebs.volumes(volume_ids)))
    names = {item.tags[CLAIM_NAME_TAG] for item in volumes.values() if item.tags.get(CLAIM_NAME_TAG)}
    if with_claims and names:
        volumes.update(_by_id(ebs.volumes_of_claims(names)))
    snapshots.update(_by_id(ebs.snapshots_of(volume_ids)))


def _look_at_snapshots(
    snapshot_ids: Collection[str],
    ebs: Ebs,
    policy: StoragePolicy,
    volumes: dict[str, Volume],
    snapshots: dict[str, Snapshot],
    volume_of: Mapping[str, str],
) -> None:
    """The lines of these snapshots: what is of the same volume, what came of it, and which volumes stand.

    Descendants are asked for only where they can matter: a snapshot that is its volume's newest, or a retention that ends.
    """
    unknown = [key for key in snapshot_ids if key not in volume_of]
    volume_ids = {volume_of[key] for key in snapshot_ids if key in volume_of}
    if unknown:
        volume_ids |= {item.volume_id for item in ebs.snapshots(unknown)}
    if not volume_ids:
        return
    snapshots.update(_by_id(ebs.snapshots_of(volume_ids)))
    ends = policy.end_of_retention_days is not None
    newest = _newest(snapshots.values())
    if ends or not newest.isdisjoint(snapshot_ids):
        found = ebs.snapshots_descending_from(volume_ids)
        snapshots.update(_by_id(found))
        volume_ids |= {item.volume_id for item in found}
    volumes.update(_by_id(ebs.volumes(volume_ids)))
    if ends:
        volumes.update(_by_id(ebs.volumes_made_from(_newest(snapshots.values()))))


def _by_id(items: Iterable[Thing]) -> dict[str, Thing]:
    return {item.snapshot_id if isinstance(item, Snapshot) else item.volume_id: item for item in items}


def _newest(snapshots: Iterable[Snapshot]) -> set[str]:
    """The ids of each volume's newest completed snapshot."""
    newest: dict[str, Snapshot] = {}
    for item in snapshots:
        former = newest.get(item.volume_id)
        if item.state == "completed" and (former is None or item.started_at > former.started_at):
            newest[item.volume_id] = item
    return {item.snapshot_id for item in newest.values()}


def _parts(volumes: Iterable[Volume], snapshots: Iterable[Snapshot]) -> dict[str, tuple[list[Volume], list[Snapshot]]]:
    """Volumes and snapshots by volume id, all that is connected together in one pair of lists."""
    root: dict[str, str] = {}

    def find(key: str) -> str:
        while root.setdefault(key, key) != key:
            root[key] = root[root[key]]
            key = root[key]
        return key

    def join(one: str, other: str) -> None:
        root[find(one)] = find(other)

    volumes, snapshots = list(volumes), list(snapshots)
    for snapshot in snapshots:
        join(snapshot.snapshot_id, snapshot.volume_id)
        for entry in snapshot.tags.get(ANCESTRY_TAG, "").split(","):
            if entry:
                join(entry.partition("@")[0], snapshot.volume_id)
    for volume in volumes:
        for other in (volume.source_snapshot_id, volume.tags.get(CLAIM_NAME_TAG)):
            if other:
                join(other, volume.volume_id)
    parts: dict[str, tuple[list[Volume], list[Snapshot]]] = defaultdict(lambda: ([], []))
    for volume in volumes:
        parts[find(volume.volume_id)][0].append(volume)
    for snapshot in snapshots:
        parts[find(snapshot.volume_id)][1].append(snapshot)
    return {key: parts[find(key)] for key in [item.volume_id for item in volumes] + [item.volume_id for item in snapshots]}


def _grouped(records: Iterable[T], key_of: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = defaultdict(list)
    for record in records:
        found[key_of(record)].append(record)
    return dict(found)
