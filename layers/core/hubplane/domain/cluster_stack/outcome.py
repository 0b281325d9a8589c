"""Where the stack stands after a change was started, or found unnecessary."""

from __future__ import annotations

from typing import Literal

from hubplane.domain.cluster_stack.preparation import MOVING

Outcome = Literal["wait", "ready", "failed"]

COMPLETE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
BACK_AT_THE_LAST_GOOD_STATE = frozenset({"UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"})

NOT_FINISHED = frozenset({"UNAVAILABLE", "AVAILABLE", "EXECUTE_IN_PROGRESS"})


def stack_outcome(stack_status: str, execution_status: str | None) -> Outcome:
    """Whether the stack is ready. ``execution_status`` is that of this execution's own change set.

    None means that it had none to execute (an empty one is deleted): then a stack that an earlier failed update left rolled
    back is as wanted. One that is not being executed yet was asked to be moments ago, and the stack's status follows later
    still: ``wait``, whatever the stack says.
    """
    if stack_status in MOVING or execution_status in NOT_FINISHED:
        return "wait"
    if execution_status is None:
        return "ready" if stack_status in COMPLETE | BACK_AT_THE_LAST_GOOD_STATE else "failed"
    return "ready" if stack_status in COMPLETE and execution_status == "EXECUTE_COMPLETE" else "failed"
