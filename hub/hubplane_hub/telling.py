"""What a person is told while their home is looked after, for as many readers as have the spawn page open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

FULLEST: Final = 25
"""Percent of the bar that these messages may fill: KubeSpawner's own events go on from 30 (kubespawner, ``progress``)."""


class Telling:
    """Messages of one start. It ends once the home is given, or refused; who comes late reads all of them."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self._ended = False
        self._changed = asyncio.Event()

    def tell(self, message: str) -> None:
        """Tell ``message``, unless it was the last one."""
        if message and self._told[-1:] != [message]:
            self._told.append(message)
            self._wake()

    def end(self) -> None:
        """Nothing more is told."""
        self._ended = True
        self._wake()

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """The messages as JupyterHub's progress events, until the end. ``message`` is plain text, which the page escapes."""
        sent = 0
        while True:
            changed = self._changed
            for number, message in enumerate(self._told[sent:], start=sent + 1):
                yield {"progress": min(5 * number, FULLEST), "message": message}
                sent = number
            if sent < len(self._told):
                continue
            if self._ended:
                return
            await changed.wait()

    def _wake(self) -> None:
        before, self._changed = self._changed, asyncio.Event()
        before.set()
