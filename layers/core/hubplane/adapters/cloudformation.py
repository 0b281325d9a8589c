"""CloudFormation: stacks, change sets, events. Not-found is None, whatever shape CloudFormation gives it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from hubplane.domain.cluster_stack.change_set import ChangeSet, PropertyChange, ResourceChange
from hubplane.domain.cluster_stack.stack import Stack
from hubplane.domain.cluster_stack.stack_event import StackEvent
from hubplane.domain.provider_errors import error_code, translated

# More than any one operation on a cluster's stack writes; a stack of many years has more, and its old ones tell nothing.
MOST_EVENTS = 2_000

NOT_FOUND_CODES = frozenset({"ChangeSetNotFound", "ChangeSetNotFoundException"})


class CloudFormation:
    """One account's stacks, through a boto3 CloudFormation client. Every method can be repeated.

    Each raises ``Throttled``, ``NotYet`` (a role made moments ago) or ``ProviderError``.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def stack(self, stack_name: str) -> Stack | None:
        """The stack of this name, None if there is none (or none any more)."""
        with translated(f"describe stack {stack_name}"):
            try:
                found = self._client.describe_stacks(StackName=stack_name)["Stacks"]
            except Exception as error:
                if _is_absent(error):
                    return None
                raise
        if not found:
            return None
        stack = found[0]
        return Stack(
            stack_id=stack["StackId"],
            status=stack["StackStatus"],
            reason=stack.get("StackStatusReason", ""),
            change_set_id=stack.get("ChangeSetId"),
            is_protected=bool(stack.get("EnableTerminationProtection")),
            outputs={output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
        )

    def template(self, stack_name: str, change_set_name: str | None = None) -> dict[str, Any] | None:
        """The template that is deployed, or the one of a change set, as it was sent. None if there is none, or not in JSON."""
        of_change_set = {"ChangeSetName": change_set_name} if change_set_name else {}
        with translated(f"read the template of stack {stack_name}"):
            try:
                body = self._client.get_template(StackName=stack_name, TemplateStage="Original", **of_change_set)["TemplateBody"]
            except Exception as error:
                if _is_absent(error):
                    return None
                raise
        if isinstance(body, str):
            try:
                body = json.loads(body)
            except ValueError:
                return None
        return dict(body) if isinstance(body, Mapping) else None

    def create_change_set(
        self,
        stack_name: str,
        change_set_name: str,
        template_body: str,
        *,
        is_new_stack: bool,
        role_arn: str,
        tags: Mapping[str, str],
        is_drift_aware: bool = False,
    ) -> bool:
        """Ask for a change set; True if it was made now, False if one of that name exists already.

        ``is_drift_aware``: compared with what there really is, not only with the deployed template.
        """
        mode = {"DeploymentMode": "REVERT_DRIFT"} if is_drift_aware else {}
        with translated(f"create change set {change_set_name} of stack {stack_name}"):
            try:
                self._client.create_change_set(
                    StackName=stack_name,
                    ChangeSetName=change_set_name,
                    ChangeSetType="CREATE" if is_new_stack else "UPDATE",
                    TemplateBody=template_body,
                    RoleARN=role_arn,
                    Capabilities=["CAPABILITY_NAMED_IAM"],
                    Tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())],
                    # Only resources with a DeletionPolicy of Retain qualify: the log group of an earlier cluster.
                    ImportExistingResources=True,
                    **mode,
                )
            except Exception as error:
                if error_code(error) == "AlreadyExistsException":
                    return False
                raise
        return True

    def change_set(self, stack_name: str, change_set_name: str) -> ChangeSet | None:
        """The change set with all of its changes, None if there is none."""
        pages = self._client.get_paginator("describe_change_set").paginate(StackName=stack_name, ChangeSetName=change_set_name)
        with translated(f"describe change set {change_set_name} of stack {stack_name}"):
            try:
                every = list(pages)
            except Exception as error:
                if _is_absent(error):
                    return None
                raise
        head = every[0]
        return ChangeSet(
            change_set_id=head["ChangeSetId"],
            name=head["ChangeSetName"],
            status=head["Status"],
            execution_status=head["ExecutionStatus"],
            reason=head.get("StatusReason", ""),
            changes=tuple(_change(change) for page in every for change in page.get("Changes", [])),
            is_drift_aware=head.get("DeploymentMode") == "REVERT_DRIFT",
        )

    def unexecuted_change_sets(self, stack_name: str) -> list[str]:
        """Names of the stack's change sets that nobody has executed; empty where there is no such stack."""
        pages = self._client.get_paginator("list_change_sets").paginate(StackName=stack_name)
        with translated(f"list the change sets of stack {stack_name}"):
            try:
                summaries = [summary for page in pages for summary in page["Summaries"]]
            except Exception as error:
                if _is_absent(error):
                    return []
                raise
        return [item["ChangeSetName"] for item in summaries if not item.get("ExecutionStatus", "").startswith("EXECUTE_")]

    def delete_change_set(self, stack_name: str, change_set_name: str) -> None:
        """Delete the change set; harmless if it is gone."""
        with translated(f"delete change set {change_set_name} of stack {stack_name}"):
            try:
                self._client.delete_change_set(StackName=stack_name, ChangeSetName=change_set_name)
            except Exception as error:
                if not _is_absent(error):
                    raise

    def execute_change_set(self, stack_name: str, change_set_name: str, token: str) -> bool:
        """Start the change; True if this call started it, False if it was under way (or done) already."""
        with translated(f"execute change set {change_set_name} of stack {stack_name}"):
            try:
                self._client.execute_change_set(StackName=stack_name, ChangeSetName=change_set_name, ClientRequestToken=token)
            except Exception as error:
                if error_code(error) in {"TokenAlreadyExistsException", "InvalidChangeSetStatus"} and self._is_started(
                    stack_name, change_set_name
                ):
                    return False
                raise
        return True

    def delete_stack(self, stack_id: str, token: str) -> None:
        """Start to delete the stack. By id, so that a new stack of the same name is never meant. Harmless if it is gone."""
        with translated(f"delete stack {stack_id}"):
            try:
                self._client.delete_stack(StackName=stack_id, ClientRequestToken=token)
            except Exception as error:
                if error_code(error) != "TokenAlreadyExistsException" and not _is_absent(error):
                    raise

    def continue_rollback(self, stack_id: str, skip: Sequence[str], token: str) -> None:
        """Go on with a roll-back that failed, leaving ``skip`` (logical ids) as it is. Harmless if this was asked for before."""
        left = {"ResourcesToSkip": list(skip)} if skip else {}
        with translated(f"continue the roll-back of stack {stack_id}"):
            try:
                self._client.continue_update_rollback(StackName=stack_id, ClientRequestToken=token, **left)
            except Exception as error:
                if error_code(error) != "TokenAlreadyExistsException":
                    raise

    def events(self, stack_id: str) -> list[StackEvent]:
        """The newest ``MOST_EVENTS`` events of the stack, newest first."""
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        with translated(f"read the events of stack {stack_id}"):
            return [_event(event) for event in islice((event for page in pages for event in page["StackEvents"]), MOST_EVENTS)]

    def _is_started(self, stack_name: str, change_set_name: str) -> bool:
        found = self.change_set(stack_name, change_set_name)
        return found is not None and found.execution_status.startswith("EXECUTE_")


def _is_absent(error: Exception) -> bool:
    # DescribeStacks, GetTemplate and ListChangeSets say ValidationError for an absent stack as for any other mistake.
    return error_code(error) in NOT_FOUND_CODES or (error_code(error) == "ValidationError" and "does not exist" in str(error))


def _change(described: Mapping[str, Any]) -> ResourceChange:
    change = described.get("ResourceChange", {})
    return ResourceChange(
        action=change.get("Action", ""),
        logical_id=change.get("LogicalResourceId", ""),
        resource_type=change.get("ResourceType", described.get("Type", "")),
        physical_id=change.get("PhysicalResourceId"),
        replacement=change.get("Replacement"),
        policy_action=change.get("PolicyAction"),
        scope=tuple(change.get("Scope", [])),
        details=tuple(
            PropertyChange(
                attribute=detail.get("Target", {}).get("Attribute", ""),
                name=detail.get("Target", {}).get("Name"),
                recreation=detail.get("Target", {}).get("RequiresRecreation"),
            )
            for detail in change.get("Details", [])
        ),
    )


def _event(event: Mapping[str, Any]) -> StackEvent:
    return StackEvent(
        logical_id=event.get("LogicalResourceId", ""),
        resource_type=event.get("ResourceType", ""),
        status=event.get("ResourceStatus", ""),
        reason=event.get("ResourceStatusReason", ""),
        at=event["Timestamp"],
        token=event.get("ClientRequestToken"),
    )
