"""A volume that has to be proved before its person, or its cluster, goes; and what looks at it have found so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Home:
    """A volume that holds a person's home, and since when it was seen to rest. ``proof``: the snapshot that holds everything."""

    volume_id: str
    cluster_name: str
    size_gib: int
    first_seen_at: datetime | None = None
    unattached_since: datetime | None = None
    proof: str | None = None
    said: str = ""


def home_to_json(home: Home) -> dict[str, object]:
    """The home as the state machine carries it; ``home_from_json`` reads it back."""
    times = {name: getattr(home, name) for name in ("first_seen_at", "unattached_since")}
    return {
        "volume_id": home.volume_id,
        "cluster_name": home.cluster_name,
        "size_gib": home.size_gib,
        **{name: None if moment is None else moment.isoformat() for name, moment in times.items()},
        "proof": home.proof,
        "said": home.said,
    }


def home_from_json(document: Mapping[str, object]) -> Home:
    """The home that ``home_to_json`` wrote."""
    times = {name: document.get(name) for name in ("first_seen_at", "unattached_since")}
    return Home(
        volume_id=str(document["volume_id"]),
        cluster_name=str(document["cluster_name"]),
        size_gib=int(str(document["size_gib"])),
        **{name: None if text is None else datetime.fromisoformat(str(text)) for name, text in times.items()},
        proof=None if document.get("proof") is None else str(document["proof"]),
        said=str(document.get("said") or ""),
    )
