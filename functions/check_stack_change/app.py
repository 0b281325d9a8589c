"""CheckStackChange: reads the change set and says what it would do to the people on the cluster."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cloudformation import CloudFormation
from hubplane.domain.cluster_stack.causes import hint_for
from hubplane.domain.cluster_stack.change_set import ChangeSet, change_set_stage, changes_digest
from hubplane.domain.cluster_stack.control_plane import without_echoes
from hubplane.domain.cluster_stack.verdict import capped, classify_change_set
from hubplane.domain.errors import ChangeRefused, StackFailed
from hubplane.entrypoint import task

MOST_REASONS = 5


@cache
def stacks() -> CloudFormation:
    """Made by the first call: a client costs half as much time again as importing boto3."""
    return CloudFormation(boto3.client("cloudformation"))


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    stack_name, name = event["stack_name"], event["change_set_name"]
    change_set = stacks().change_set(stack_name, name)
    stage = change_set_stage(change_set)
    if change_set is None or stage == "gone":
        raise ChangeRefused(
            f"change set {name} of stack {stack_name} is gone or overtaken by another change: start the build again"
        )
    if stage == "wait":
        return answer(False, "none", f"CloudFormation is still working out change set {name}", [])
    if stage == "failed":
        hint = hint_for(change_set.reason)
        raise StackFailed(f"change set {name} of stack {stack_name}: {change_set.reason}{f' — {hint}' if hint else ''}")
    if stage == "empty":
        stacks().delete_change_set(stack_name, name)
        return answer(True, "none", "the stack is as specified", [])
    return judged(stack_name, change_set)


def judged(stack_name: str, change_set: ChangeSet) -> dict[str, Any]:
    """The answer for a complete change set, with the digest that its execution has to find again."""
    where = f"change set {change_set.name} of stack {stack_name}"
    deployed, wanted = stacks().template(stack_name), stacks().template(stack_name, change_set.name)
    told = without_echoes(change_set, deployed, wanted)
    verdict = classify_change_set(told, deployed, wanted, is_drift_aware=change_set.is_drift_aware)
    digest = changes_digest(change_set)
    if verdict.kind == "none":
        # CloudFormation calls an empty change set FAILED; a complete one without a resource changes the rest of the template.
        sentence = "changes the stack's outputs, description or tags, and no resource"
        return {**answer(True, "safe", sentence, [sentence]), "digest": digest}
    reason = f"nothing is removed or replaced ({len(verdict.changes)} changed or added)"
    if verdict.kind == "needs_approval":
        reason = "a person has to agree: " + "; ".join(capped(verdict.reasons, where, MOST_REASONS))
    return {**answer(True, verdict.kind, reason, capped(verdict.changes, where)), "digest": digest}


def answer(ready: bool, verdict: str, reason: str, changes: list[str]) -> dict[str, Any]:
    return {"ready": ready, "verdict": verdict, "reason": reason, "changes": changes, "digest": None}
