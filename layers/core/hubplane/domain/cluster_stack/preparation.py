"""Whether the stack can be changed now, and what has to happen first.

Statuses: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#cfn-stack-status-codes and
botocore's cloudformation model, shape StackStatus. A status that this table does not know is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PreparationKind = Literal["create", "update", "wait", "delete_then_create", "continue_rollback", "refuse"]


@dataclass(frozen=True)
class Preparation:
    """What to do before a change set can be made, and why."""

    kind: PreparationKind
    reason: str


# A stack that comes here has never been complete: CloudFormation uses these only for a stack's first creation
# (a failed update is UPDATE_ROLLBACK_*), so there is nobody's work in it, and it can only be deleted.
NEVER_COMPLETE = frozenset({"CREATE_FAILED", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE"})

AT_REST = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
)

MOVING = frozenset(
    {
        "CREATE_IN_PROGRESS",
        "ROLLBACK_IN_PROGRESS",
        "DELETE_IN_PROGRESS",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "IMPORT_IN_PROGRESS",
        "IMPORT_ROLLBACK_IN_PROGRESS",
    }
)

WAY_OUT = {
    "DELETE_FAILED": "somebody's delete of it failed: read its last events, remove what they name, and delete the stack again",
    "UPDATE_FAILED": "an update was stopped half way on purpose: continue it or roll it back in the CloudFormation console",
    "IMPORT_ROLLBACK_FAILED": "the roll-back of an import failed: mend it in the CloudFormation console",
}


def decide_stack_preparation(status: str | None) -> Preparation:
    """What a stack in this status needs before it can be changed; None means that there is no stack."""
    if status is None or status in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS"):
        announced = "the stack was announced by an earlier change set but never created"
        return Preparation("create", announced if status == "REVIEW_IN_PROGRESS" else "the cluster has no stack yet")
    if status in AT_REST:
        return Preparation("update", f"the stack is at rest ({status})")
    if status in MOVING:
        return Preparation("wait", f"the stack is still moving ({status})")
    if status in NEVER_COMPLETE:
        return Preparation("delete_then_create", f"the stack's first creation failed ({status}): what is left of it goes first")
    if status == "UPDATE_ROLLBACK_FAILED":
        return Preparation("continue_rollback", f"the stack is {status}: its roll-back has to come to an end first")
    return Preparation(
        "refuse", f"the stack is {status}, {WAY_OUT.get(status, 'which Hubplane does not know: look at it in the console')}"
    )
