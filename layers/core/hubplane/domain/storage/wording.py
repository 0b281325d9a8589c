"""Times as the reasons say them."""

from __future__ import annotations

from datetime import datetime

__all__ = ["minute"]


def minute(moment: datetime) -> str:
    """``2026-11-23 10:00 UTC``; ``moment`` is aware UTC."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
