"""Counting while things stream by: everything is counted, the first are kept by name."""

from __future__ import annotations

from typing import Final

from hubplane.domain.report.lines import PlanLine, reason_group
from hubplane.domain.report.model import Item, KeptGroup, Listing

__all__ = ["EXAMPLES", "LISTED", "KeptTally", "Tally"]

# How many of one kind the JSON names; the page names fewer, the plan in S3 all.
LISTED: Final = 1000
EXAMPLES: Final = 20
# Reasons are written by code and are few; a bound nevertheless, because claim names and tags of strangers are in them.
MOST_GROUPS: Final = 60
OTHER: Final = "Kept for other reasons."


class Tally:
    """Count, size and the first ``cap`` items of one kind."""

    __slots__ = ("cap", "count", "items", "size_gib")

    def __init__(self, cap: int = LISTED) -> None:
        self.cap, self.count, self.size_gib = cap, 0, 0
        self.items: list[Item] = []

    def add(self, item: Item) -> None:
        """One more."""
        self.count += 1
        self.size_gib += item.size_gib or 0
        if len(self.items) < self.cap:
            self.items.append(item)

    def listing(self, usd_per_month: float | None = None) -> Listing:
        """What was counted so far."""
        return Listing(self.count, self.size_gib, tuple(self.items), usd_per_month)


class KeptTally:
    """What was kept, by reason."""

    def __init__(self) -> None:
        self._groups: dict[str, Tally] = {}

    def add(self, line: PlanLine) -> None:
        """One more kept thing."""
        reason = reason_group(line)
        group = self._groups.get(reason)
        if group is None:
            reason = reason if len(self._groups) < MOST_GROUPS else OTHER
            group = self._groups.setdefault(reason, Tally(EXAMPLES))
        group.add(item_of(line))

    def groups(self) -> tuple[KeptGroup, ...]:
        """The groups, largest first."""
        ranked = sorted(self._groups.items(), key=lambda entry: (-entry[1].count, entry[0]))
        return tuple(KeptGroup(reason, group.count, group.size_gib, tuple(group.items)) for reason, group in ranked)


def item_of(line: PlanLine, reason: str | None = None) -> Item:
    """The line as the report shows it; ``reason`` instead of the plan's where an outcome has its own."""
    return Item(line.resource_id, reason or line.reason, line.size_gib, line.claim_name)
