"""Where a report lies in the storage bucket: ``reports/<cluster>/``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

__all__ = ["ReportKeys", "report_keys", "set_aside_key"]


@dataclass(frozen=True, slots=True)
class ReportKeys:
    """The page, the same facts as JSON, and the history of the nights before."""

    html: str
    json: str
    history: str

    @property
    def json_name(self) -> str:
        """The JSON's name, as the page beside it says it."""
        return self.json.rpartition("/")[2]


def report_keys(cluster_name: str, night: date, mode: str) -> ReportKeys:
    """The keys of a night. A plan has its own, lest it take the place of what was done; of equals the last one stays."""
    folder = f"reports/{cluster_name}/"
    name = f"{night.isoformat()}{'-plan' if mode == 'plan' else ''}"
    return ReportKeys(f"{folder}{name}.html", f"{folder}{name}.json", f"{folder}history.json")


def set_aside_key(cluster_name: str, now: datetime) -> str:
    """Where a history that cannot be read is kept for a person to look at."""
    return f"reports/{cluster_name}/history-unreadable-{now:%Y%m%dT%H%M%S}.json"
