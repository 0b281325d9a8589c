"""How long ago something happened, in kubectl's words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime


def age(timestamp: str | None) -> str:
    """How long ago, as kubectl says it: 45s, 5m10s, 3h, 2d (k8s.io/apimachinery duration.HumanDuration)."""
    if not timestamp:
        return "<unknown>"
    then = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    seconds = max(0, int((datetime.now(UTC) - then).total_seconds()))
    steps: tuple[tuple[int, Callable[[], str]], ...] = (
        (120, lambda: f"{seconds}s"),
        (600, lambda: _two(seconds, 60, "m", "s")),
        (3 * 3600, lambda: f"{seconds // 60}m"),
        (8 * 3600, lambda: _two(seconds // 60, 60, "h", "m")),
        (48 * 3600, lambda: f"{seconds // 3600}h"),
        (8 * 86400, lambda: _two(seconds // 3600, 24, "d", "h")),
    )
    for limit, words in steps:
        if seconds < limit:
            return words()
    return f"{seconds // 86400}d"


def _two(amount: int, base: int, big: str, small: str) -> str:
    whole, rest = divmod(amount, base)
    return f"{whole}{big}{rest}{small}" if rest else f"{whole}{big}"
