"""What EnsureHome answers, read so that only a plain yes is one.

Its form is that of docs/decisions/0050 and functions/ensure_home. Whatever else comes back is ``AnswerUnreadable``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

CREATE: Final = "create"
YES: Final = frozenset({"use", CREATE})
"""The actions that a yes may carry: mount what the claim holds, or begin with an empty volume."""

SHORTEST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 60.0
"""Bounds of what is waited between two questions: neither a hot loop, nor a person who sees nothing for minutes."""


class AnswerUnreadable(Exception):
    """The answer is none that EnsureHome gives; the message says what is wrong with it."""


@dataclass(frozen=True)
class Answer:
    """``allowed``: start. Else ``wait_seconds`` until asking again helps, None: it does not. ``sentence`` is for the person."""

    allowed: bool
    action: str
    sentence: str
    wait_seconds: float | None = None

    @property
    def may_create(self) -> bool:
        """Whether an empty volume may be made: this claim never had data."""
        return self.allowed and self.action == CREATE


def read_answer(document: Any) -> Answer:
    """The answer in a payload that was parsed. Raises ``AnswerUnreadable``; never allows what is not exactly ``true``."""
    if not isinstance(document, dict):
        raise AnswerUnreadable(f"an object was expected, found {type(document).__name__}")
    allowed, action, sentence = (document.get(name) for name in ("allowed", "action", "sentence"))
    if not isinstance(allowed, bool):
        raise AnswerUnreadable(f"allowed: found {allowed!r}; it must be true or false")
    if not isinstance(action, str) or not isinstance(sentence, str):
        raise AnswerUnreadable(f"action and sentence: found {action!r} and {sentence!r}; both must be strings")
    if allowed and action not in YES:
        raise AnswerUnreadable(f"allowed with the action {action!r}; a yes is one of {', '.join(sorted(YES))}")
    if not allowed and not sentence.strip():
        raise AnswerUnreadable("a refusal without a sentence")
    return Answer(allowed, action, sentence.strip(), None if allowed else _wait(document.get("retry_seconds")))


def _wait(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise AnswerUnreadable(f"retry_seconds: found {value!r}; it must be a number of seconds or null")
    return min(max(float(value), SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
