"""Records as JSON and back: what lies in the storage bucket between the functions of a night.

A field that is None, false, empty or otherwise its default is left out. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from hubplane.domain.storage.actions import Action, ClaimReference, PlannedAction, PlannedWarning
from hubplane.domain.storage.records import AcceptedWarning, Claim, Inventory, Owner, Sighting, Snapshot, UseEvent, Volume
from hubplane.domain.storage.sharing import Sharing

__all__ = [
    "SweptCluster",
    "action_from_json",
    "action_to_json",
    "cluster_from_json",
    "cluster_to_json",
    "record_from_json",
    "record_to_json",
    "snapshot_from_json",
    "volume_from_json",
    "warning_from_json",
    "warning_to_json",
]

Record = TypeVar("Record")
LISTS: Mapping[str, type] = {"owners": Owner, "sightings": Sighting, "events": UseEvent, "warnings": AcceptedWarning}
COUNTS = ("pending_in_account", "volumes_deleted_tonight", "snapshots_deleted_tonight")


@dataclass(frozen=True, slots=True)
class SweptCluster:
    """``cluster.json.gz``, written when a sweep is whole: ``inventory`` without its volumes and snapshots, which lie in pages.

    ``claims_unknown`` says why the cluster could not be asked where ``inventory.claims`` is None.
    """

    inventory: Inventory
    swept_at: datetime
    volume_pages: int
    snapshot_pages: int
    claims_unknown: str | None = None


def record_to_json(record: Any) -> dict[str, Any]:
    """A volume, snapshot, claim, owner, sighting, use or accepted warning as JSON."""
    found: dict[str, Any] = {}
    for name, default, is_time in _shape(type(record)):
        value = getattr(record, name)
        if value != default:
            found[name] = value.isoformat() if is_time else str(value) if isinstance(value, StrEnum) else value
    return found


def record_from_json(kind: type[Record], document: Mapping[str, Any]) -> Record:
    """The record of ``record_to_json``. Raises ``TypeError`` or ``ValueError`` for a document of another kind."""
    times = {name: datetime.fromisoformat(document[name]) for name, _, is_time in _shape(kind) if is_time and name in document}
    return kind(**{**document, **times})


def snapshot_from_json(document: Mapping[str, Any], sharing: Sharing) -> Snapshot:
    """The same for a snapshot, its repeating parts shared with the others."""
    return Snapshot(
        document["snapshot_id"],
        sharing.text(document["volume_id"]),
        sharing.text(document["state"]),
        datetime.fromisoformat(document["started_at"]),
        document["size_gib"],
        sharing.text(document["owner_id"]),
        _shared_tags(document, sharing),
    )


def volume_from_json(document: Mapping[str, Any], sharing: Sharing) -> Volume:
    """The same for a volume."""
    volume = record_from_json(Volume, {**document, "volume_id": sharing.text(document["volume_id"])})
    return replace(volume, tags=_shared_tags(document, sharing))


def cluster_to_json(swept: SweptCluster) -> dict[str, Any]:
    """What ``cluster.json.gz`` holds."""
    inventory = swept.inventory
    return {
        "cluster_name": inventory.cluster_name,
        "account_id": inventory.account_id,
        "swept_at": swept.swept_at.isoformat(),
        "volume_pages": swept.volume_pages,
        "snapshot_pages": swept.snapshot_pages,
        "claims": None if inventory.claims is None else [record_to_json(claim) for claim in inventory.claims],
        "claims_unknown": swept.claims_unknown,
        "persistent_volume_ids": sorted(inventory.persistent_volume_ids),
        **{name: [record_to_json(record) for record in getattr(inventory, name)] for name in LISTS},
        **{name: getattr(inventory, name) for name in COUNTS},
    }


def cluster_from_json(document: Mapping[str, Any]) -> SweptCluster:
    """The cluster of ``cluster_to_json``."""
    claims = document["claims"]
    lists: dict[str, Any] = {name: tuple(record_from_json(kind, item) for item in document[name]) for name, kind in LISTS.items()}
    inventory = Inventory(
        cluster_name=document["cluster_name"],
        account_id=document["account_id"],
        claims=None if claims is None else tuple(record_from_json(Claim, claim) for claim in claims),
        persistent_volume_ids=frozenset(document["persistent_volume_ids"]),
        **lists,
        **{name: document[name] for name in COUNTS},
    )
    return SweptCluster(
        inventory=inventory,
        swept_at=datetime.fromisoformat(document["swept_at"]),
        volume_pages=document["volume_pages"],
        snapshot_pages=document["snapshot_pages"],
        claims_unknown=document["claims_unknown"],
    )


def action_to_json(action: PlannedAction, **more: Any) -> dict[str, Any]:
    """One line of a plan; ``more`` is what others read beside the action (``size_gib``, ``claim_name``, …), None left out."""
    document = {name: value for name, value in record_to_json(action).items() if name not in ("claim", "tags")}
    if action.claim is not None:
        document["claim"] = record_to_json(action.claim)
    if action.tags:
        document["tags"] = dict(action.tags)
    return {**document, **{name: value for name, value in more.items() if value is not None}}


def action_from_json(document: Mapping[str, Any]) -> PlannedAction:
    """The action of ``action_to_json``, without what was written beside it."""
    claim = document.get("claim")
    return PlannedAction(
        resource_id=document["resource_id"],
        action=Action(document["action"]),
        reason=document["reason"],
        attention=document.get("attention", False),
        proof_snapshot_id=document.get("proof_snapshot_id"),
        claim=None if claim is None else ClaimReference(**claim),
        last_copy=document.get("last_copy", False),
        tags=document.get("tags", {}),
    )


def warning_to_json(warning: PlannedWarning) -> dict[str, Any]:
    """A mail that is due, as ``warnings.jsonl.gz`` holds it."""
    return record_to_json(warning)


def warning_from_json(document: Mapping[str, Any]) -> PlannedWarning:
    """The warning of ``warning_to_json``."""
    return record_from_json(PlannedWarning, document)


def _shared_tags(document: Mapping[str, Any], sharing: Sharing) -> Mapping[str, str]:
    flat: list[str] = []
    for pair in document.get("tags", {}).items():
        flat += pair
    return sharing.tags(tuple(flat))


def _shape(kind: Any) -> tuple[tuple[str, Any, bool], ...]:
    """Of each field its name, its default (MISSING: none) and whether it is a time."""
    found = _SHAPES.get(kind)
    if found is None:
        found = _SHAPES[kind] = tuple(
            (
                item.name,
                item.default_factory() if item.default_factory is not MISSING else item.default,
                "datetime" in str(item.type),
            )
            for item in fields(kind)
        )
    return found


_SHAPES: dict[Any, tuple[tuple[str, Any, bool], ...]] = {}
