"""Who else works on a cluster, its storage or one of its homes. Pure but for ``status_of``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol

from hubplane.domain.locks import Lock, decide_lock

__all__ = ["HomeHold", "who_is_busy"]


class HomeHold(Protocol):
    """A home that somebody changes now."""

    @property
    def why(self) -> str:
        """In words."""

    @property
    def until_at(self) -> datetime:
        """When the hold ends by itself."""


def who_is_busy(
    locks: Mapping[str, Lock | None],
    holds: Iterable[HomeHold],
    status_of: Callable[[str], str | None],
    execution_arn: str,
    now: datetime,
) -> Iterator[str]:
    """One sentence each. ``locks``: by what they lock; ``status_of``: what Step Functions says of an execution."""
    for what, lock in locks.items():
        other = lock if lock is not None and lock.execution_arn != execution_arn else None
        decision = decide_lock(lock, status_of(other.execution_arn) if other else None, execution_arn, now)
        if decision.kind == "refuse":
            yield f"{what} is busy: {decision.reason}"
    for hold in holds:
        yield f"a home is being changed until {hold.until_at:%H:%M} UTC: {hold.why}"
