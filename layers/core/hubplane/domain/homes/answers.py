"""A plan as the hub is told it."""

from __future__ import annotations

from typing import Any, Final

from hubplane.domain.errors import ClusterBusy, HubplaneError, NotYet, Throttled
from hubplane.domain.homes.facts import HomeAction, HomePlan

TAKEN_DOWN: Final = "This hub is being taken down, so no server starts here. Your home is kept: ask an operator where."


def answer(plan: HomePlan) -> dict[str, Any]:
    """``allowed``, ``action``, ``sentence``, ``retry_seconds``, ``volume_id``, and what goes to the log."""
    return {
        "allowed": plan.allowed,
        "action": str(plan.action),
        "sentence": plan.sentence,
        "retry_seconds": plan.retry_seconds,
        "volume_id": plan.volume_id,
        "changes": [f"{plan.volume_id} got its owner"] if plan.mark_owner and plan.allowed else [],
        "reason": plan.cause or plan.sentence,
    }


def refused(sentence: str, retry_seconds: int | None = None) -> dict[str, Any]:
    """The answer that keeps a server from starting."""
    action = HomeAction.REFUSE if retry_seconds is None else HomeAction.WAIT
    told = {"allowed": False, "action": str(action), "sentence": sentence, "retry_seconds": retry_seconds, "volume_id": None}
    return {**told, "changes": [], "reason": sentence}


def refusal_of(error: Exception) -> dict[str, Any]:
    """The answer where a home cannot be looked at: what passes by itself is asked again, all else is for an operator."""
    if isinstance(error, ClusterBusy):
        return refused(TAKEN_DOWN)
    if isinstance(error, NotYet | Throttled):
        return refused("Your home cannot be looked at just now: try again in a minute.", retry_seconds=60)
    if isinstance(error, HubplaneError):
        return refused(f"Your home cannot be looked at ({type(error).__name__}): tell an operator, the log has the cause.")
    return refused("Your home cannot be looked at: tell an operator, the log of EnsureHome has the cause.")
