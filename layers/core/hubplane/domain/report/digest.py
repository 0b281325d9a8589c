"""The report as the operators' mail: a summary and at most ten lines a section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from hubplane.domain.report.model import Group, Item, Listing, Report
from hubplane.domain.report.wording import TITLES, counted, gib, usd

__all__ = ["sections_of"]

LINES: Final = 10
FATES: Final = (
    ("done", "Done"),
    ("planned", "Would be done"),
    ("fresh", "A fresh snapshot instead of a delete"),
    ("failed", "Failed"),
    ("skipped", "Left alone, because something had changed"),
    ("deferred", "Left for the next night"),
)

Section = tuple[str, list[str]]


def sections_of(report: Report, where: Sequence[str]) -> list[Section]:
    """Titles and lines for the mail ``daily_report``; ``where`` says where page and JSON lie. Empty sections are left out."""
    sections: list[Section] = [("Problems", _capped(report.problems, len(report.problems)))]
    sections.append(("Waiting for a person", list(_waiting(report))))
    for step in report.steps:
        for fate, title in FATES:
            listing: Listing = getattr(step, fate)
            if listing.count:
                name = f"{TITLES[step.step]}: {title.lower()}, {counted(listing.count, 'item')}"
                sections.append((name, _capped([_line(item) for item in listing.items[:LINES]], listing.count)))
    if report.warnings.count:
        lines = [_line(item) for item in report.warnings.items[:LINES]]
        sections.append((f"Warnings to owners: {report.warnings.count:,}", _capped(lines, report.warnings.count)))
    if report.fleet is not None:
        costs = [_cost(group) for group in report.fleet.groups if group.count]
        sections.append(("What there is", costs))
    if report.drill is not None:
        told = f"{report.drill.finished_at:%Y-%m-%d}: {report.drill.summary}"
        sections.append(("Restore drill", [told, *report.drill.findings[:LINES]]))
    sections.append(("The whole report", list(where)))
    return [(title, lines) for title, lines in sections if lines]


def _waiting(report: Report) -> Iterator[str]:
    for step in report.steps:
        if step.held.count:
            yield f"{TITLES[step.step]}: {counted(step.held.count, 'delete')} held for approval. {step.stop or ''}".rstrip()
    items = [item for step in report.steps for item in step.attention.items]
    count = sum(step.attention.count for step in report.steps)
    yield from _capped([_line(item) for item in items[:LINES]], count)


def _cost(group: Group) -> str:
    most = "at most " if group.upper_bound else ""
    return f"{group.name}: {group.count:,}, {gib(group.size_gib)}, {most}{usd(group.usd_per_month)} a month"


def _line(item: Item) -> str:
    size = f" ({gib(item.size_gib)})" if item.size_gib is not None else ""
    claim = f", {item.claim_name}" if item.claim_name and item.claim_name not in item.resource_id else ""
    return f"{item.resource_id}{claim}{size}: {item.reason}"


def _capped(lines: Sequence[str], count: int) -> list[str]:
    shown = list(lines[:LINES])
    return [*shown, f"and {count - len(shown):,} more in the report"] if count > len(shown) else shown
