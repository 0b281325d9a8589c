"""A plan as the hub is told it."""

from __future__ import annotations

from typing import Any

from hubplane.domain.homes.facts import HomeAction, HomePlan

BY_HAND = frozenset({HomeAction.ADOPT, HomeAction.RESTORE})
"""An operator carries these out; the hub would make an empty volume in their place."""


def answer(plan: HomePlan) -> dict[str, Any]:
    """``allowed``, ``action``, ``sentence``, ``retry_seconds``, ``volume_id``, and what goes to the log."""
    if plan.action in BY_HAND:
        source = plan.snapshot_id or plan.volume_id
        sentence = f"Your home is safe ({source}), but it has to be put back: ask an operator to {plan.action} it."
        return {**refused(sentence), "action": str(plan.action)}
    return {
        "allowed": plan.allowed,
        "action": str(plan.action),
        "sentence": plan.sentence,
        "retry_seconds": plan.retry_seconds,
        "volume_id": plan.volume_id,
        "changes": [f"{plan.volume_id} got its owner"] if plan.mark_owner else [],
        "reason": plan.sentence,
    }


def refused(sentence: str, retry_seconds: int | None = None) -> dict[str, Any]:
    """The answer that keeps a server from starting."""
    action = HomeAction.REFUSE if retry_seconds is None else HomeAction.WAIT
    told = {"allowed": False, "action": str(action), "sentence": sentence, "retry_seconds": retry_seconds, "volume_id": None}
    return {**told, "changes": [], "reason": sentence}
