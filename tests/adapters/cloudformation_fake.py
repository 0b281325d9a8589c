"""A CloudFormation that keeps stacks in memory and refuses what AWS refuses.

Requests are checked against botocore's own model. Changes are worked out from the templates with the create-only properties
of CloudFormation's resource schemas (as cfn-lint carries them). Nothing moves by itself: ``settle`` lets time pass.
Messages and codes are those of the API reference and of AWS's answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

MODEL = botocore.session.get_session().get_service_model("cloudformation")
PAGE = 2
PAGED = {"describe_change_set": "Changes", "describe_stack_events": "StackEvents", "list_change_sets": "Summaries"}
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
UPDATABLE = re.compile(r"^(CREATE|UPDATE|IMPORT)_COMPLETE$|^(UPDATE|IMPORT)_ROLLBACK_COMPLETE$")


@dataclass
class FakeStack:
    name: str
    stack_id: str
    status: str
    template: dict[str, Any] = field(default_factory=dict)
    change_set_id: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)  # oldest first
    token: str | None = None


class FakeCloudFormation:
    """What the adapter needs of a boto3 client. ``failing`` maps logical ids to the reason why they will fail."""

    def __init__(self) -> None:
        self.stacks: dict[str, FakeStack] = {}
        self.change_sets: dict[tuple[str, str], dict[str, Any]] = {}
        self.failing: dict[str, str] = {}
        self.leftover_log_groups: set[str] = set()
        self.made = 0
        self.now = datetime(2026, 7, 1, tzinfo=UTC)
        self.calls: list[str] = []
        self.tokens: dict[str, str] = {}
        self.requests: dict[str, dict[str, Any]] = {}
        self.continued: list[tuple[str, list[str]]] = []

    def __getattr__(self, operation: str) -> Any:
        name = "".join(part.capitalize() for part in operation.split("_"))
        if operation.startswith("_") or name not in MODEL.operation_names:
            raise AttributeError(operation)

        def call(**request: Any) -> dict[str, Any]:
            self._check(name, request)
            self.calls.append(name)
            answer: dict[str, Any] = getattr(self, f"_{operation}")(**request)
            return answer

        return call

    def get_paginator(self, operation: str) -> Any:
        class Pages:
            @staticmethod
            def paginate(**request: Any) -> Iterator[dict[str, Any]]:
                answer = getattr(self, operation)(**request)
                key = {"describe_change_set": "Changes", "describe_stack_events": "StackEvents", "list_change_sets": "Summaries"}[
                    operation
                ]
                items = answer[key]
                for start in range(0, max(len(items), 1), PAGE):
                    yield {**answer, key: items[start : start + PAGE]}

        return Pages()

    def settle(self) -> None:
        """Let everything that was started come to its end."""
        for change_set in self.change_sets.values():
            if change_set["Status"] == "CREATE_PENDING":
                self._work_out(change_set)
        for stack in list(self.stacks.values()):
            if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
                self._finish(stack)

    def scene(self, name: str, status: str, template: dict[str, Any] | None = None) -> FakeStack:
        """A stack that is there already."""
        self.stacks[name] = FakeStack(name, self._arn("stack", name), status, template or {})
        return self.stacks[name]

    def fail_roll_back(self, name: str, failed: dict[str, str], token: str | None = None) -> None:
        """The stack's update failed, and so did the roll-back of these, for these reasons."""
        stack = self.stacks[name]
        stack.status, stack.token = "UPDATE_ROLLBACK_FAILED", token
        self._event(stack, name, "AWS::CloudFormation::Stack", "UPDATE_ROLLBACK_IN_PROGRESS", "")
        for logical_id, reason in failed.items():
            self._event(stack, logical_id, stack.template["Resources"][logical_id]["Type"], "UPDATE_FAILED", reason)
        self._event(stack, name, "AWS::CloudFormation::Stack", "UPDATE_ROLLBACK_FAILED", f"failed to update: {[*failed]}")

    # What AWS does, by operation.

    def _describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        stack = self._stack(StackName)
        outputs = stack.template.get("Outputs", {}) if stack.status.endswith("COMPLETE") else {}
        described: dict[str, Any] = {"StackId": stack.stack_id, "StackName": stack.name, "StackStatus": stack.status}
        described["Outputs"] = [{"OutputKey": key, "OutputValue": f"value of {key}"} for key in outputs]
        if stack.change_set_id:
            described["ChangeSetId"] = stack.change_set_id
        return {"Stacks": [described]}

    def _get_template(self, StackName: str, ChangeSetName: str | None = None, **_: Any) -> dict[str, Any]:  # noqa: N803
        stack = self._stack(StackName)
        if ChangeSetName:
            return {"TemplateBody": self._change_set(StackName, ChangeSetName)["template"]}
        if not stack.template:
            raise refusal("ValidationError", f"Template for stack {StackName} does not exist")
        return {"TemplateBody": stack.template}

    def _create_change_set(self, StackName: str, ChangeSetName: str, **request: Any) -> dict[str, Any]:  # noqa: N803
        if len(request["TemplateBody"].encode()) > 51_200:
            raise refusal("ValidationError", "1 validation error detected: Value at 'templateBody' failed to satisfy constraint")
        stack = self.stacks.get(StackName)
        if request["ChangeSetType"] == "CREATE":
            if stack is not None and stack.status != "REVIEW_IN_PROGRESS":
                raise refusal("ValidationError", f"Stack [{StackName}] already exists and cannot be created again")
            stack = stack or self.scene(StackName, "REVIEW_IN_PROGRESS")
        elif stack is None or stack.status == "REVIEW_IN_PROGRESS":
            raise refusal("ValidationError", f"Stack [{StackName}] does not exist")
        elif not UPDATABLE.match(stack.status):
            raise refusal("ValidationError", f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")
        if (StackName, ChangeSetName) in self.change_sets:
            raise refusal("AlreadyExistsException", f"ChangeSet {ChangeSetName} already exists")
        if "CAPABILITY_NAMED_IAM" not in request["Capabilities"]:
            raise refusal("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]")
        self.requests[ChangeSetName] = request
        self.change_sets[StackName, ChangeSetName] = {
            "ChangeSetId": self._arn("changeSet", ChangeSetName),
            "ChangeSetName": ChangeSetName,
            "StackName": StackName,
            "Status": "CREATE_PENDING",
            "ExecutionStatus": "UNAVAILABLE",
            "Changes": [],
            "template": json.loads(request["TemplateBody"]),
            "request": request,
        }
        return {}

    def _describe_change_set(self, StackName: str, ChangeSetName: str) -> dict[str, Any]:  # noqa: N803
        return dict(self._change_set(StackName, ChangeSetName))

    def _list_change_sets(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        self._stack(StackName)
        return {"Summaries": [dict(item) for (stack, _), item in self.change_sets.items() if stack == StackName]}

    def _delete_change_set(self, StackName: str, ChangeSetName: str) -> dict[str, Any]:  # noqa: N803
        self._stack(StackName)
        found = self.change_sets.get((StackName, ChangeSetName))
        if found and found["ExecutionStatus"] == "EXECUTE_IN_PROGRESS":
            raise refusal("InvalidChangeSetStatus", f"ChangeSet [{ChangeSetName}] cannot be deleted in EXECUTE_IN_PROGRESS")
        self.change_sets.pop((StackName, ChangeSetName), None)
        return {}

    def _execute_change_set(self, StackName: str, ChangeSetName: str, ClientRequestToken: str) -> dict[str, Any]:  # noqa: N803
        change_set = self._change_set(StackName, ChangeSetName)
        if change_set["ExecutionStatus"] != "AVAILABLE":
            raise refusal(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set['ChangeSetId']}] cannot be executed in its current status of [{change_set['Status']}]",
            )
        stack = self._stack(StackName)
        self._take_token(ClientRequestToken, "ExecuteChangeSet")
        change_set["ExecutionStatus"] = "EXECUTE_IN_PROGRESS"
        stack.change_set_id, stack.token = change_set["ChangeSetId"], ClientRequestToken
        verb = "CREATE" if stack.status == "REVIEW_IN_PROGRESS" else "UPDATE"
        stack.status = f"{verb}_IN_PROGRESS"
        self._event(stack, stack.name, "AWS::CloudFormation::Stack", stack.status, "User Initiated")
        return {}

    def _delete_stack(self, StackName: str, ClientRequestToken: str) -> dict[str, Any]:  # noqa: N803
        stack = next((found for found in self.stacks.values() if StackName in {found.name, found.stack_id}), None)
        if stack:
            self._take_token(ClientRequestToken, "DeleteStack")
            stack.status, stack.token = "DELETE_IN_PROGRESS", ClientRequestToken
        return {}

    def _continue_update_rollback(
        self,
        StackName: str,  # noqa: N803
        ClientRequestToken: str,  # noqa: N803
        ResourcesToSkip: list[str] | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        stack = self._stack(StackName)
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            raise refusal("ValidationError", "ContinueUpdateRollback cannot be called from current stack status")
        self._take_token(ClientRequestToken, "ContinueUpdateRollback")
        self.continued.append((ClientRequestToken, ResourcesToSkip or []))
        stack.status, stack.token = "UPDATE_ROLLBACK_IN_PROGRESS", ClientRequestToken
        self._event(stack, stack.name, "AWS::CloudFormation::Stack", stack.status, "User Initiated")
        return {}

    def _describe_stack_events(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"StackEvents": self._stack(StackName).events[::-1]}

    # How it does it.

    def _take_token(self, token: str, operation: str) -> None:
        """A token stands for one operation; the same one again is the same request."""
        if self.tokens.setdefault(token, operation) != operation:
            raise refusal("TokenAlreadyExistsException", f"token {token} has been used for {self.tokens[token]}")

    def _work_out(self, change_set: dict[str, Any]) -> None:
        stack = self.stacks[change_set["StackName"]]
        changes = list(self._changes(stack.template, change_set["template"]))
        if not changes and stack.template == change_set["template"]:
            change_set |= {"Status": "FAILED", "StatusReason": NO_CHANGES}
            return
        change_set |= {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE"}
        change_set["Changes"] = [{"Type": "Resource", "ResourceChange": change} for change in changes]

    def _changes(self, before: dict[str, Any], after: dict[str, Any]) -> Iterator[dict[str, Any]]:
        old, new = before.get("Resources", {}), after["Resources"]
        for logical_id in dict.fromkeys([*old, *new]):
            resource = new.get(logical_id, old.get(logical_id))
            change = {"LogicalResourceId": logical_id, "ResourceType": resource["Type"], "Scope": [], "Details": []}
            if logical_id not in old:
                left_over = resource["Properties"].get("LogGroupName") in self.leftover_log_groups
                yield {**change, "Action": "Import" if left_over else "Add"}
            elif logical_id not in new:
                yield {**change, "Action": "Remove", "PolicyAction": "Delete"}
            elif old[logical_id] != resource:
                yield {**change, **_modification(resource["Type"], old[logical_id]["Properties"], resource["Properties"])}

    def _finish(self, stack: FakeStack) -> None:
        verb = stack.status.removesuffix("_IN_PROGRESS")
        if verb == "UPDATE_ROLLBACK":
            stack.status = "UPDATE_ROLLBACK_COMPLETE"
            return
        if verb == "DELETE":
            del self.stacks[stack.name]
            self.change_sets = {key: item for key, item in self.change_sets.items() if key[0] != stack.name}
            return
        change_set = next(item for item in self.change_sets.values() if item["ChangeSetId"] == stack.change_set_id)
        touched = [change["ResourceChange"] for change in change_set["Changes"]]
        failed = [change for change in touched if change["LogicalResourceId"] in self.failing]
        for change in failed:
            logical_id = change["LogicalResourceId"]
            self._event(stack, logical_id, change["ResourceType"], f"{verb}_FAILED", self.failing[logical_id])
        if failed:
            for change in touched:
                if change not in failed:
                    reason = "Resource creation cancelled"
                    self._event(stack, change["LogicalResourceId"], change["ResourceType"], "CREATE_FAILED", reason)
            stack.status = "ROLLBACK_COMPLETE" if verb == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"
            change_set["ExecutionStatus"] = "EXECUTE_FAILED"
        else:
            stack.status, stack.template = f"{verb}_COMPLETE", change_set["template"]
            change_set["ExecutionStatus"] = "EXECUTE_COMPLETE"
        self._event(stack, stack.name, "AWS::CloudFormation::Stack", stack.status, "")
        kept = {key: item for key, item in self.change_sets.items() if key[0] != stack.name or item is change_set}
        self.change_sets = kept

    def _event(self, stack: FakeStack, logical_id: str, resource_type: str, status: str, reason: str) -> None:
        self.now += timedelta(seconds=1)
        event = {"LogicalResourceId": logical_id, "ResourceType": resource_type, "ResourceStatus": status, "Timestamp": self.now}
        stack.events.append({**event, "ResourceStatusReason": reason, "ClientRequestToken": stack.token})

    def _stack(self, name_or_id: str) -> FakeStack:
        for stack in self.stacks.values():
            if name_or_id in {stack.name, stack.stack_id}:
                return stack
        raise refusal("ValidationError", f"Stack with id {name_or_id} does not exist")

    def _change_set(self, stack_name: str, name: str) -> dict[str, Any]:
        self._stack(stack_name)
        if (stack_name, name) not in self.change_sets:
            raise refusal("ChangeSetNotFound", f"ChangeSet [{name}] does not exist")
        return self.change_sets[stack_name, name]

    def _arn(self, kind: str, name: str) -> str:
        self.made += 1
        return f"arn:aws:cloudformation:us-east-1:123456789012:{kind}/{name}/{self.made:04d}"

    def _check(self, operation: str, request: dict[str, Any]) -> None:
        shape = MODEL.operation_model(operation).input_shape
        assert shape is not None
        validate_parameters(request, shape)
        for name in ("ChangeSetName", "ClientRequestToken"):
            rule = MODEL.shape_for(name).metadata
            value = request.get(name)
            if value is not None and not (re.fullmatch(rule["pattern"], value) and len(value) <= rule["max"]):
                raise refusal("ValidationError", f"1 validation error detected: Value '{value}' at '{name}'")


def _modification(resource_type: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema
    create_only = {path.split("/")[2] for path in schema.get("createOnlyProperties", [])}
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    details = [
        {
            "Target": {"Attribute": "Tags"}
            if name == "Tags"
            else {"Attribute": "Properties", "Name": name, "RequiresRecreation": "Always" if name in create_only else "Never"},
            "Evaluation": "Static",
        }
        for name in names
    ]
    replaced = "True" if create_only & set(names) else "False"
    return {
        "Action": "Modify",
        "Replacement": replaced,
        "Scope": sorted({d["Target"]["Attribute"] for d in details}),
        "Details": details,
    }


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CloudFormation")
