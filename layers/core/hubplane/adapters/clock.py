"""The real clock of executors."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """The port ``domain.storage.ports.Clock``."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)

    def pause(self, seconds: float) -> None:
        """Sleep; a pace between calls, never a wait for something to happen."""
        time.sleep(seconds)
