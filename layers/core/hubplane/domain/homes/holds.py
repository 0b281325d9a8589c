"""A hold: one machine at a time changes a home, and meanwhile nothing is mounted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """``holder`` (an execution's ARN) changes the home for ``why``, a sentence for the person who waits. A lease: from
    ``until_at`` (aware UTC) on it holds nothing, because a crashed machine gives nothing back."""

    holder: str
    why: str
    until_at: datetime
