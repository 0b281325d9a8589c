"""The report as one HTML page: styles and drawings inside, no script, no network."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import jinja2

from hubplane.domain.report.chart import Chart, draw
from hubplane.domain.report.history import Day
from hubplane.domain.report.model import Report
from hubplane.domain.report.wording import TITLES, counted, gib, usd, waiting

__all__ = ["LISTED_ON_PAGE", "render_page"]

# A page that a phone opens; the JSON beside it names more, the plan all.
LISTED_ON_PAGE: Final = 25
EXAMPLES_ON_PAGE: Final = 5


def render_page(report: Report, json_name: str) -> str:
    """The page. ``json_name`` is the file beside it that holds the same facts. Text of others is escaped wherever it stands."""
    return _template().render(
        report=report,
        json_name=json_name,
        charts=charts_of(report),
        nights=_nights(report.history, report.night),
        waiting=waiting(report.steps),
        listed=LISTED_ON_PAGE,
        examples=EXAMPLES_ON_PAGE,
    )


def charts_of(report: Report) -> tuple[Chart, ...]:
    """The drawings of the last 90 nights: sizes, and money."""
    return (
        draw(
            "size",
            "Storage",
            "GiB",
            report.history,
            [
                ("volumes", "Volumes", lambda day: day.volumes_gib),
                ("snapshots", "Snapshots, each in full", lambda day: day.snapshots_gib),
            ],
            report.night,
        ),
        draw(
            "cost",
            "Cost at most",
            "US dollars a month",
            report.history,
            [("usd", "All", lambda day: day.usd_per_month)],
            report.night,
        ),
    )


def _nights(history: Sequence[Day], last: date) -> list[tuple[date, Day | None]]:
    """Every night from the first of the history to ``last``, newest first; None where there was no report."""
    days = {day.night: day for day in history if day.night <= last}
    count = (last - min(days)).days + 1 if days else 0
    return [(night, days.get(night)) for night in (last - timedelta(days=n) for n in range(count))]


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(gib=gib, usd=usd, counted=counted, title_of=TITLES.__getitem__)
    return environment.get_template("page.html")
