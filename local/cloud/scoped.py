"""Work that goes on after an answer: it keeps the account and Region of the request that started it."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable

log = logging.getLogger("hubplane.cloud")


def later(work: Callable[[], None]) -> None:
    """Run ``work`` in a thread of its own, in this request's account and Region; a failure is logged."""

    def run() -> None:
        try:
            work()
        except Exception:
            log.exception("background work failed")

    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()
