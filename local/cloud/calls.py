"""How often each AWS operation was called, and by whom: the figures of ``make bench``."""

from __future__ import annotations

import threading
from collections import Counter


class CallCounts:
    """Counts per caller and ``service:Operation``. A caller is a Lambda function's name, ``states`` or ``other``."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}
        self._lock = threading.Lock()

    def count(self, caller: str, operation: str) -> None:
        """Note one call."""
        with self._lock:
            self._counts.setdefault(caller, Counter())[operation] += 1

    def as_dict(self) -> dict[str, object]:
        """``{"calls": {operation: n}, "by_caller": {caller: {operation: n}}}``, sorted by name."""
        with self._lock:
            total: Counter[str] = Counter()
            for counter in self._counts.values():
                total.update(counter)
            return {
                "calls": dict(sorted(total.items())),
                "by_caller": {caller: dict(sorted(counter.items())) for caller, counter in sorted(self._counts.items())},
            }

    def reset(self) -> None:
        """Start counting anew."""
        with self._lock:
            self._counts.clear()
