"""Looking at one aspect after the other: what cannot be read is written down, and the rest is looked at all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hubplane.domain.diagnosis.facts import ASPECTS
from hubplane.domain.errors import HubplaneError, Throttled

__all__ = ["Looking"]


class Looking:
    """``unknown`` is the reason for each aspect that could not be read."""

    def __init__(self) -> None:
        self.unknown: dict[str, str] = {}

    def at(self, aspects: tuple[str, ...], read: Callable[[], Any], otherwise: Any) -> Any:
        """What ``read`` answers, or ``otherwise`` with the aspects written down as unknown.

        ``Throttled`` goes on to the state machine, which tries again later: asking for less would be no diagnosis. Raises
        ``KeyError`` for an aspect that no facts have.
        """
        for aspect in aspects:
            if aspect not in ASPECTS:
                raise KeyError(aspect)
        try:
            return read()
        except Throttled:
            raise
        except HubplaneError as error:
            self.unknown |= dict.fromkeys(aspects, str(error))
            return otherwise
