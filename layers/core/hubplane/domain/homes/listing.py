"""Every home of a cluster as one row: whose, how large, when it was used last, its copies, what it costs, what is odd about it.

A home is a claim's name: the claim, the volumes and the snapshots that carry it. Linear in the size of the inventory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from hubplane.domain.homes.marks import NAMESPACE
from hubplane.domain.storage.copies import is_good_copy
from hubplane.domain.storage.records import Claim, Snapshot, Volume
from hubplane.domain.storage.tags import SET_ASIDE_TAG
from hubplane.domain.storage.view import StorageView

__all__ = ["COLUMNS", "HomeRow", "HomeState", "count_states", "homes_of", "row_to_csv", "row_to_json"]


class HomeState(StrEnum):
    """``IN_USE`` a pod mounts it, ``BOUND`` a claim holds its volume, ``UNCLAIMED`` a volume without a claim, ``UNKNOWN`` the
    cluster could not be asked, ``SNAPSHOT_ONLY`` its volume was pruned, ``TWO_VOLUMES`` which one mounts is chance,
    ``EMPTY_CLAIM`` a claim without a volume and without a copy, ``LOST`` neither a volume nor a completed copy is left."""

    IN_USE = "in use"
    BOUND = "bound"
    UNCLAIMED = "unclaimed"
    UNKNOWN = "unknown"
    SNAPSHOT_ONLY = "snapshot only"
    TWO_VOLUMES = "two volumes"
    EMPTY_CLAIM = "empty claim"
    LOST = "lost"


class Priced(Protocol):
    """``domain.report.pricing.Prices``."""

    def volume_usd(self, volume_type: str, size_gib: int) -> float:
        """What a volume costs a month."""

    def snapshot_usd(self, size_gib: int) -> float:
        """What a snapshot costs a month at most."""


@dataclass(frozen=True, slots=True)
class HomeRow:
    """``size_gib`` is the volume's, or the newest copy's. ``usd_copies`` is what the copies cost at most: EBS bills only blocks
    that no earlier one holds. Times are aware UTC, None where nothing says."""

    claim_name: str
    usernames: tuple[str, ...]
    state: HomeState
    volume_ids: tuple[str, ...]
    size_gib: int
    last_used_at: datetime | None
    copies: int
    newest_copy_at: datetime | None
    oldest_copy_at: datetime | None
    protected: bool
    usd_volumes: float
    usd_copies: float
    notes: tuple[str, ...] = ()


COLUMNS: Final = tuple(HomeRow.__dataclass_fields__)
# What a spreadsheet takes for a formula (OWASP, "CSV Injection").
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def homes_of(view: StorageView, prices: Priced) -> tuple[HomeRow, ...]:
    """One row per home, by claim's name; the hub's database is none."""
    inventory = view.inventory
    everything = {volume.volume_id: volume for volume in inventory.volumes}
    claims = {claim.name: claim for claim in inventory.claims or () if claim.namespace == NAMESPACE}
    volumes: dict[str, list[Volume]] = defaultdict(list)
    snapshots: dict[str, list[Snapshot]] = defaultdict(list)
    for volume_id, volume in view.volumes.items():
        name = _name_of(view.volume_facts[volume_id].claim_name, view.claim_of_volume.get(volume_id))
        if name:
            volumes[name].append(volume)
    for snapshot_id, snapshot in view.snapshots.items():
        claim_name = view.snapshot_facts[snapshot_id].claim_name
        if claim_name:
            snapshots[claim_name].append(snapshot)
    for claim in claims.values():
        held = everything.get(claim.volume_id or "")
        if held is not None and held not in volumes[claim.name] and not view.volumes.get(held.volume_id):
            volumes[claim.name].append(held)
    names = sorted({*claims, *(name for name, found in volumes.items() if found), *snapshots} - {view.policy.hub_database_claim})
    return tuple(_row(view, prices, name, claims.get(name), volumes.get(name, []), snapshots.get(name, [])) for name in names)


def count_states(rows: Iterable[HomeRow]) -> dict[str, int]:
    """How many homes are in each state, those of no home left out."""
    found: dict[str, int] = defaultdict(int)
    for row in rows:
        found[row.state] += 1
    return {str(state): found[state] for state in HomeState if found[state]}


def row_to_json(row: HomeRow) -> dict[str, Any]:
    """The row as JSON, times as text."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(row).items()}


def row_to_csv(row: HomeRow) -> list[str]:
    """The row's cells in the order of ``COLUMNS``; none is a formula."""
    return [_cell(value) for value in row_to_json(row).values()]


def _cell(value: Any) -> str:
    text = "" if value is None else "; ".join(value) if isinstance(value, list | tuple) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _name_of(claim_name: str | None, claim: Claim | None) -> str | None:
    """What holds a volume says more than what its tags say."""
    return claim.name if claim is not None and claim.namespace == NAMESPACE else claim_name


def _row(
    view: StorageView, prices: Priced, name: str, claim: Claim | None, volumes: list[Volume], snapshots: list[Snapshot]
) -> HomeRow:
    good = sorted((item for item in snapshots if is_good_copy(item, view.inventory.account_id)), key=lambda item: item.started_at)
    usernames = tuple(sorted({owner.username for owner in view.owners_of_claim.get(name, ())}))
    facts = {item.snapshot_id: view.snapshot_facts[item.snapshot_id] for item in snapshots}
    of_volumes = [view.volume_facts[item.volume_id] for item in volumes if item.volume_id in view.volume_facts]
    used = [view.last_use_of(item) for item in volumes if item.volume_id in view.volume_facts]
    used = used or [moment for told in facts.values() for moment in told.used_at] or [item.started_at for item in good[-1:]]
    state = _state(view, claim, volumes, good)
    return HomeRow(
        claim_name=name,
        usernames=usernames,
        state=state,
        volume_ids=tuple(sorted(item.volume_id for item in volumes)),
        size_gib=max((item.size_gib for item in volumes or good[-1:]), default=0),
        last_used_at=max(used, default=None),
        copies=len(good),
        newest_copy_at=good[-1].started_at if good else None,
        oldest_copy_at=good[0].started_at if good else None,
        protected=any(told.protected for told in (*of_volumes, *facts.values())),
        usd_volumes=round(sum(prices.volume_usd(item.volume_type, item.size_gib) for item in volumes), 2),
        usd_copies=round(sum(prices.snapshot_usd(item.size_gib) for item in snapshots), 2),
        notes=tuple(_notes(view, name, usernames, volumes, snapshots, good)),
    )


def _state(view: StorageView, claim: Claim | None, volumes: list[Volume], good: list[Snapshot]) -> HomeState:
    if len(volumes) > 1:
        return HomeState.TWO_VOLUMES
    if not volumes:
        return HomeState.SNAPSHOT_ONLY if good else HomeState.EMPTY_CLAIM if claim is not None else HomeState.LOST
    if view.inventory.claims is None:
        return HomeState.UNKNOWN
    if claim is None or claim.volume_id != volumes[0].volume_id:
        return HomeState.UNCLAIMED
    return HomeState.IN_USE if claim.in_use else HomeState.BOUND


def _notes(
    view: StorageView,
    name: str,
    usernames: tuple[str, ...],
    volumes: list[Volume],
    snapshots: list[Snapshot],
    good: list[Snapshot],
) -> Iterable[str]:
    things: list[Volume | Snapshot] = [*volumes, *snapshots]
    aside = sorted({item.tags[SET_ASIDE_TAG] for item in things if SET_ASIDE_TAG in item.tags})
    if aside:
        yield f"set aside: it was the home of {', '.join(aside)}"
    elif not usernames:
        yield "nobody in the Users table has a name that leads to this claim"
    elif len(usernames) > 1:
        yield f"{len(usernames)} names lead to this claim: {', '.join(usernames)}"
    subs = {owner.sub for owner in view.owners_of_claim.get(name, ())}
    marked = _owners(view, volumes, snapshots)
    if len(marked) > 1:
        yield f"its volumes and snapshots carry {len(marked)} different owners"
    elif marked and subs and not marked & subs:
        yield "it carries another account's owner mark than that of the name"
    if volumes and not good:
        yield "it has no completed copy"
    broken = sum(1 for item in snapshots if item.state == "error")
    if broken:
        yield f"{broken} of its snapshots ended in error"


def _owners(view: StorageView, volumes: list[Volume], snapshots: list[Snapshot]) -> frozenset[str]:
    facts: Mapping[str, Any] = {**view.volume_facts, **view.snapshot_facts}
    ids = [item.volume_id for item in volumes] + [item.snapshot_id for item in snapshots]
    return frozenset(facts[key].owner_sub for key in ids if key in facts and facts[key].owner_sub)
