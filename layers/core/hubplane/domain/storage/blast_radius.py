"""Promise 5: a night that would delete more than a set share of the fleet stops before the first delete and asks."""

from __future__ import annotations

from dataclasses import replace

from hubplane.domain.storage.actions import DELETES, Action, BlastRadiusStop, Plan, PlannedAction
from hubplane.domain.storage.policy import StoragePolicy

__all__ = ["hold_if_too_many", "is_too_many"]


def is_too_many(deletes: int, fleet: int, largest_share: float) -> bool:
    """Whether ``deletes`` of ``fleet`` are more than the share that one night may take."""
    return deletes > largest_share * fleet


def hold_if_too_many(plan: Plan, noun: str, fleet: int, already: int, policy: StoragePolicy, approved: frozenset[str]) -> Plan:
    """``plan``, every delete held if those not ``approved`` and those ``already`` done tonight are too many."""
    deletes = plan.having(*DELETES)
    unapproved = [action for action in deletes if action.resource_id not in approved]
    if not unapproved or not is_too_many(len(unapproved) + already, fleet, policy.largest_share):
        return plan
    ids = tuple(sorted(action.resource_id for action in deletes))
    reason = (
        f"{len(deletes)} of {fleet} {noun} would be deleted and {already} already were tonight, "
        f"more than {policy.largest_share:.0%}; nothing is deleted until a person approves exactly these"
    )
    held_reasons: dict[str, str] = {}
    held = tuple(_held(action, held_reasons) if action.action in DELETES else action for action in plan.actions)
    return replace(plan, actions=held, stop=BlastRadiusStop(ids, reason))


def _held(action: PlannedAction, reasons: dict[str, str]) -> PlannedAction:
    """The delete as it waits; ``reasons`` so that what many are told is one text."""
    reason = reasons.get(action.reason)
    if reason is None:
        reason = reasons[action.reason] = f"Held for approval: {action.reason}"
    return replace(action, action=Action.HOLD, reason=reason)
