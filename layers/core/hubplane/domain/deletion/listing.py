"""What stays of a cluster, in lines for a mail and in figures for its record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from hubplane.domain.deletion.sweeping import Swept
from hubplane.domain.deletion.things import Kind, Verdict, verdict_from_json, verdict_to_json

__all__ = ["answer_of", "lines_of", "listing_of", "summary_of"]

NAMED: Final = 20
"""Things that a mail names one by one; of a fleet's volumes and snapshots it tells the sum."""

MOST_CHANGES: Final = 100
"""Sentences of one call that the machine carries: a state holds 256 KiB. The ledger has each volume and snapshot."""

COUNTED: Final = (Kind.VOLUME, Kind.SNAPSHOT)


def listing_of(swept: Swept, priced_as: str, now: datetime) -> dict[str, Any]:
    """One line a thing that is still there, for S3: a fleet's snapshots are more than a state may hold."""
    return {
        "written_at": now.isoformat(timespec="seconds"),
        "priced_as": priced_as,
        "things": [verdict_to_json(verdict) for verdict in swept.verdicts],
        "usd_per_month": round(sum(verdict.usd_per_month for verdict in swept.verdicts), 2),
    }


def answer_of(swept: Swept, listing: Mapping[str, Any], key: str) -> dict[str, Any]:
    """What the machine hears of one call's sweep; ``listing`` lies under ``key``."""
    usd, waits = listing["usd_per_month"], [verdict.reason for verdict in swept.verdicts if verdict.goes]
    removed = Counter(change.partition(" ")[0] for change in swept.changes)
    return {
        "done": swept.done,
        "waiting": swept.waiting,
        "kept": len(swept.verdicts) - swept.waiting,
        "usd_per_month": usd,
        "listing_key": key,
        "changes": swept.changes if len(swept.changes) <= MOST_CHANGES else [f"removed {removed.total()} things"],
        "reason": "; ".join(waits[:5]) if waits else f"{len(swept.verdicts)} thing(s) stay, for at most {usd} USD a month",
    }


def summary_of(listing: Mapping[str, Any], key: str) -> dict[str, Any]:
    """What the record holds of a listing: how many of each kind, what they cost a month, and where the whole is."""
    verdicts = [verdict_from_json(item) for item in listing["things"]]
    kinds = {str(kind): sum(item.kind is kind for item in verdicts) for kind in Kind}
    return {
        "kept": {kind: count for kind, count in kinds.items() if count},
        "unfinished": sum(item.goes for item in verdicts),
        "usd_per_month": listing["usd_per_month"],
        "listing_key": key,
    }


def lines_of(listing: Mapping[str, Any]) -> list[str]:
    """One line for each kind that is counted and for each other thing that is there."""
    verdicts = [verdict_from_json(item) for item in listing["things"]]
    lines = [line for kind in COUNTED for line in _counted(kind, [item for item in verdicts if item.kind is kind])]
    others = [item for item in verdicts if item.kind not in COUNTED]
    lines += [f"{item.kind} {item.thing_id}, {_usd(item.usd_per_month)}: {item.reason}" for item in others[:NAMED]]
    return lines + ([f"and {len(others) - NAMED} more, see the listing"] if len(others) > NAMED else [])


def _counted(kind: Kind, verdicts: list[Verdict]) -> Iterable[str]:
    """One line for each reason that several have, ids left out of it."""
    by_reason: dict[str, list[Verdict]] = {}
    for item in verdicts:
        by_reason.setdefault(item.reason.partition(":")[0] if len(verdicts) > NAMED else item.reason, []).append(item)
    for reason, group in by_reason.items():
        usd = _usd(sum(item.usd_per_month for item in group))
        one = f"{kind} {group[0].thing_id}" if len(group) == 1 else f"{len(group)} {kind}s"
        yield f"{one}, {usd}: {reason}"


def _usd(amount: float) -> str:
    return f"at most {amount:.2f} USD a month" if amount else "free of charge"
