"""CheckStack: waits for the stack, and hands out its outputs or the first cause of its failure."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cloudformation import CloudFormation, Stack
from hubplane.domain.cluster_stack.causes import first_cause
from hubplane.domain.cluster_stack.outcome import stack_outcome
from hubplane.domain.errors import StackFailed
from hubplane.entrypoint import task


@cache
def stacks() -> CloudFormation:
    """Made by the first call: a client costs half as much time again as importing boto3."""
    return CloudFormation(boto3.client("cloudformation"))


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    stack_name, own_change = event["stack_name"], event["change_set_name"]
    # In this order: a change that ends between the two looks is waited for once more, never taken for the state before it.
    change_set = stacks().change_set(stack_name, own_change)
    stack = stacks().stack(stack_name)
    if stack is None:
        raise StackFailed(f"stack {stack_name} does not exist (any more): start the build again")
    is_own = stack.was_changed_by(own_change)
    execution_status = change_set.execution_status if change_set else "EXECUTE_COMPLETE" if is_own else None
    outcome = stack_outcome(stack.status, execution_status)
    if outcome == "failed":
        raise StackFailed(f"{cause(stack, own_change)} (stack {stack_name} is now {stack.status})")
    if outcome == "wait":
        why = f", because {cause(stack, own_change)}" if "ROLLBACK" in stack.status else ""
        return {"ready": False, "outputs": {}, "changes": [], "reason": f"stack {stack_name} is {stack.status}{why}"}
    return {"ready": True, "outputs": dict(stack.outputs), "changes": [], "reason": f"stack {stack_name} is {stack.status}"}


def cause(stack: Stack, token: str) -> str:
    """The first cause of the failure, or the stack's own words where its events tell none."""
    return first_cause(stacks().events(stack.stack_id), token) or stack.reason or "its events do not say why"
