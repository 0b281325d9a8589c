"""The pace of calls that change something: a token bucket well inside EC2's own.

EC2 gives an account 100 requests of a kind at once and 5 more each second, for each of CreateSnapshot, DeleteSnapshot and
DeleteVolume (EC2 Developer Guide, "Request throttling"); the CSI driver, DLM and people draw from the same buckets. Hubplane
takes 3 a second after a burst of 20: the others always have 80 at once, and 2 a second after that. A claim's delete becomes the
CSI driver's DeleteVolume and is paced like one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from hubplane.domain.errors import Throttled
from hubplane.domain.storage.ports import Clock

__all__ = ["BURST", "PER_SECOND", "Pace"]

T = TypeVar("T")

PER_SECOND = 3.0
BURST = 20.0

# So long after a throttle error before the second and the third try, and there is no fourth. A bucket has 5 and 20 again by then.
BACKOFF_SECONDS = (1.0, 4.0)


@dataclass
class Pace:
    """One bucket for all calls of one invocation. ``per_second`` halves with each throttle error and stays there."""

    clock: Clock
    per_second: float = PER_SECOND
    burst: float = BURST
    throttled: int = 0
    _tokens: float = field(init=False)
    _filled_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._tokens = self.burst
        self._filled_at = self.clock.now()

    def call(self, deed: Callable[[], T]) -> T:
        """What ``deed`` answers, called when its turn has come and again after a throttle error. Raises the last ``Throttled``.

        ``deed`` must be safe to repeat after a throttle error: EC2 has then done nothing.
        """

        def paced() -> T:
            self._wait_for_turn()
            try:
                return deed()
            except Throttled:
                self.throttled += 1
                self.per_second /= 2
                self._tokens = 0.0
                raise

        return self.ask(paced)

    def ask(self, question: Callable[[], T]) -> T:
        """What ``question``, a read of something that is not EC2, answers; asked again after a throttle error."""
        for seconds in BACKOFF_SECONDS:
            try:
                return question()
            except Throttled:
                self.clock.pause(seconds)
        return question()

    def _wait_for_turn(self) -> None:
        now = self.clock.now()
        passed = (now - self._filled_at) / timedelta(seconds=1)
        self._tokens = min(self.burst, self._tokens + max(0.0, passed) * self.per_second)
        self._filled_at = now
        if self._tokens < 1:
            wait = (1 - self._tokens) / self.per_second
            self.clock.pause(wait)
            self._tokens = 1.0
            self._filled_at = now + timedelta(seconds=wait)
        self._tokens -= 1
