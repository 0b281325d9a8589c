"""ExecuteStackChange: looks at the change set again and, if it is what was judged, lets CloudFormation make the change."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cloudformation import CloudFormation
from hubplane.domain.cluster_stack.change_set import change_set_stage, changes_digest
from hubplane.domain.errors import ChangeRefused
from hubplane.entrypoint import task


@cache
def stacks() -> CloudFormation:
    """Made by the first call: a client costs half as much time again as importing boto3."""
    return CloudFormation(boto3.client("cloudformation"))


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    stack_name, name, judged = event["stack_name"], event["change_set_name"], event["stack_change"]
    change_set = stacks().change_set(stack_name, name)
    stage = change_set_stage(change_set)
    if stage == "started" or (change_set is None and was_executed(stack_name, name)):
        return {"started": False, "changes": [], "reason": "the change was started before"}
    if change_set is None or stage != "complete":
        raise ChangeRefused(
            f"change set {name} of stack {stack_name} can no longer be executed (it is {stage}): start the build again"
        )
    if changes_digest(change_set) != judged["digest"]:
        raise ChangeRefused(
            f"change set {name} of stack {stack_name} is not the one that was judged: nothing was changed, start the build again"
        )
    started = stacks().execute_change_set(stack_name, name, token=name)
    reason = "CloudFormation is making the change" if started else "the change was started before"
    return {"started": started, "changes": judged["changes"] if started else [], "reason": reason}


def was_executed(stack_name: str, change_set_name: str) -> bool:
    """Whether the stack itself names the change set as the one that last changed it; CloudFormation forgets executed ones."""
    stack = stacks().stack(stack_name)
    return stack is not None and stack.was_changed_by(change_set_name)
