"""The report of one night. ``document.report_to_json`` writes these fields under these names: they stay as they are.

Sizes are GiB, money is US dollars per month at list price. A ``Listing`` counts everything and holds the first of it; the plan
that ``plan_key`` names holds all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from hubplane.domain.report.drill import Drill
from hubplane.domain.report.history import Day
from hubplane.domain.report.pricing import Prices

__all__ = ["Fleet", "Group", "Item", "KeptGroup", "Listing", "Orphans", "RecycleBin", "Report", "StepReport"]


@dataclass(frozen=True, slots=True)
class Item:
    """One volume, snapshot or claim, and one sentence. ``size_gib`` None: not told."""

    resource_id: str
    reason: str
    size_gib: int | None = None
    claim_name: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """All of one kind in numbers, and up to a cap of them by name. ``usd_per_month`` None: not priced."""

    count: int = 0
    size_gib: int = 0
    items: tuple[Item, ...] = ()
    usd_per_month: float | None = None


@dataclass(frozen=True, slots=True)
class KeptGroup:
    """What was kept for one reason, in which the parts that differ are ``…``."""

    reason: str
    count: int
    size_gib: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class StepReport:
    """One of the three steps. ``status``: SUCCEEDED, FAILED or NOT_RUN; ``error`` and ``reason`` say why it failed.

    ``done`` what was changed (in EC2 already gone counts as done), ``fresh`` volumes that get a snapshot instead of their delete,
    ``planned`` what would be (mode plan), ``held`` what waits for approval and ``stop`` why, ``deferred`` left for next night,
    ``skipped`` changed since the plan, ``failed`` refused by the provider, ``open`` planned without a word of what became of it,
    ``attention`` kept but worth a person's look.
    """

    step: str
    status: str = "NOT_RUN"
    mode: str | None = None
    error: str | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()
    plan_key: str | None = None
    stop: str | None = None
    done: Listing = field(default_factory=Listing)
    fresh: Listing = field(default_factory=Listing)
    planned: Listing = field(default_factory=Listing)
    held: Listing = field(default_factory=Listing)
    deferred: Listing = field(default_factory=Listing)
    skipped: Listing = field(default_factory=Listing)
    failed: Listing = field(default_factory=Listing)
    open: Listing = field(default_factory=Listing)
    attention: Listing = field(default_factory=Listing)
    kept: tuple[KeptGroup, ...] = ()

    @property
    def kept_count(self) -> int:
        """How many things were kept, for whatever reason."""
        return sum(group.count for group in self.kept)


@dataclass(frozen=True, slots=True)
class RecycleBin:
    """``state``: ``stands``, ``waived``, ``missing`` (nothing was deleted), or ``not_asked`` where nothing was to be enforced."""

    state: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """What a part of the fleet holds and costs. ``upper_bound``: the cost is at most this."""

    key: str
    name: str
    count: int
    size_gib: int
    usd_per_month: float
    upper_bound: bool = False


@dataclass(frozen=True, slots=True)
class Orphans:
    """What has lost its counterpart. None: the cluster could not be asked for its claims, so nobody knows."""

    snapshots_without_volume: Listing
    volumes_without_claim: Listing | None
    claims_without_volume: Listing | None
    duplicates: Listing


@dataclass(frozen=True, slots=True)
class Fleet:
    """The storage after the night. ``largest_lines``: whose snapshots take most; ``unpriced_types`` were priced as gp3."""

    groups: tuple[Group, ...]
    orphans: Orphans
    largest_lines: Listing
    volumes: int
    volumes_gib: int
    volumes_usd: float
    snapshots: int
    snapshots_gib: int
    snapshots_usd: float
    unpriced_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that page, JSON and mail say. ``fleet`` None: no sweep of the night was found. ``drill``: the last one."""

    cluster_name: str
    night: date
    run_id: str
    mode: str
    scheduled: bool
    written_at: datetime
    summary: str
    steps: tuple[StepReport, ...]
    recycle_bin: RecycleBin
    warnings: Listing
    fleet: Fleet | None
    prices: Prices
    history: tuple[Day, ...]
    problems: tuple[str, ...]
    drill: Drill | None = None
