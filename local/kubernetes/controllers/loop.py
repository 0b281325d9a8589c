"""Running the controllers: soon after each change that concerns them, and at a steady tick for what depends on time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from local.kubernetes.api.errors import ApiError
from local.kubernetes.store import Change

log = logging.getLogger(__name__)
TICK_SECONDS = 0.2


class Controller(Protocol):
    """One controller. ``ticks`` True asks for a run at every tick as well."""

    ticks: bool

    def wants(self, change: Change) -> bool:
        """Whether this change may give it work."""

    def run(self) -> None:
        """Do what is to be done now; harmless when nothing is."""


class Loop:
    """Runs the controllers of one cluster in the event loop, one round at a time, so that requests get between rounds."""

    def __init__(self, controllers: Sequence[Controller]) -> None:
        self._controllers = controllers
        self._due: set[int] = set()
        self._scheduled = False
        self._ticker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin ticking."""
        self._ticker = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """End; pending rounds are dropped."""
        self._controllers = ()
        if self._ticker:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)

    def notice(self, change: Change) -> None:
        """Note a change of the store."""
        self._due |= {index for index, controller in enumerate(self._controllers) if controller.wants(change)}
        self._schedule()

    def _schedule(self) -> None:
        if self._due and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._round)

    def _round(self) -> None:
        self._scheduled = False
        due, self._due = self._due, set()
        for index, controller in enumerate(self._controllers):
            if index in due:
                try:
                    controller.run()
                except ApiError as refusal:
                    log.info("%s has to try again: %s", type(controller).__name__, refusal)
                except Exception:
                    log.exception("%s failed", type(controller).__name__)
        self._schedule()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._due |= {index for index, controller in enumerate(self._controllers) if controller.ticks}
            self._schedule()
