"""EKS looks once in 24 hours for what speaks against an upgrade; before a step it is asked to look again."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

__all__ = ["Insights", "LastRefresh", "refreshed"]


class LastRefresh(Protocol):
    """The look that was asked for last."""

    @property
    def status(self) -> str:
        """IN_PROGRESS, COMPLETED or FAILED."""

    @property
    def started_at(self) -> datetime | None:
        """When it began."""


class Insights(Protocol):
    """What is asked of EKS."""

    def last_refresh(self) -> LastRefresh | None:
        """None where nobody ever asked."""

    def refresh(self) -> None:
        """Ask to look now."""


def refreshed(eks: Insights, began_at: datetime) -> str:
    """How the look is going that EKS was asked for since ``began_at``; asked for here where none was. Repeatable."""
    last = eks.last_refresh()
    if last is None or (last.status != "IN_PROGRESS" and (last.started_at is None or last.started_at < began_at)):
        eks.refresh()
        return "IN_PROGRESS"
    return last.status
