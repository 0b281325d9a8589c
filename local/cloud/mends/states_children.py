"""Executions inside executions: the children of a Distributed Map and those that ``startExecution.sync`` waits for."""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import json_response
from ministack.services import stepfunctions

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend
from local.cloud.mends.states_machine import adopt, has_ended, run_states

_DESCRIBED = ("executionArn", "input", "name", "startDate", "stateMachineArn", "status", "stopDate", "error", "cause")


@mend
def jsonata_distributed_map(cloud: Cloud, gateway: Gateway) -> None:
    """A JSONata Distributed Map takes expressions in ``ItemReader``, ``ItemSelector``, ``Items`` and limits for plain texts.

    ``Output`` and ``Assign`` are ignored as well. With this they are evaluated, before the children begin: those see none of
    the outer variables (Step Functions Developer Guide, "Passing data between states with variables", Scope).
    """
    original = stepfunctions._run_distributed_map

    def run(state: dict[str, Any], given: Any, effective: Any, processor: Any, execution: Any, ctx: Any) -> Any:
        if stepfunctions._state_query_language(state, ctx) != "JSONata":
            return original(state, given, effective, processor, execution, ctx)
        inputs = [_child_input(state, given, ctx, index, item) for index, item in enumerate(_items(state, given, ctx))]
        numbers = ("MaxConcurrency", "ToleratedFailurePercentage", "ToleratedFailureCount")
        limits = {
            name: stepfunctions._jsonata_state_field(state, name, "number", given, ctx) for name in numbers if name in state
        }
        plain = {"End": True, "QueryLanguage": "JSONPath", **limits, **({"Label": state["Label"]} if "Label" in state else {})}
        results, _ = original(plain, inputs, inputs, processor, execution, {**ctx, "variables": {}})
        output = stepfunctions._apply_jsonata_output(state, given, ctx, result=results, default=results)
        stepfunctions._apply_state_assign(state, given, ctx, result=results)
        return output, stepfunctions._next_or_end(state)

    stepfunctions._run_distributed_map = run


def _items(state: dict[str, Any], given: Any, ctx: Any) -> list[Any]:
    if "ItemReader" in state:
        reader = state["ItemReader"]
        asked = stepfunctions._apply_jsonata_template(reader.get("Arguments") or {}, given, ctx)
        config = stepfunctions._apply_jsonata_template(reader.get("ReaderConfig") or {}, given, ctx)
        read = {"Resource": reader["Resource"], "Arguments": asked, "ReaderConfig": config}
        try:
            items = stepfunctions._read_map_items(read, given, ctx)
        except ValueError as error:
            raise stepfunctions._ExecutionError("States.ItemReaderFailed", f"{asked.get('Key')}: {error}") from error
        if not isinstance(items, list):
            raise stepfunctions._ExecutionError("States.ItemReaderFailed", f"{asked.get('Key')} holds no array")
        return items
    if "Items" in state:
        found: list[Any] = stepfunctions._jsonata_state_field(state, "Items", "array", given, ctx)
        return found
    return given if isinstance(given, list) else [given]


def _child_input(state: dict[str, Any], given: Any, ctx: Any, index: int, item: Any) -> Any:
    if "ItemSelector" not in state:
        return item
    item_ctx = {**ctx, "Map": {"Item": {"Index": index, "Value": item}}}
    return stepfunctions._apply_jsonata_template(state["ItemSelector"], given, item_ctx)


@mend
def map_children_are_executions(cloud: Cloud, gateway: Gateway) -> None:
    """A child of a Distributed Map thinks that it is its parent, and goes on when the parent is stopped.

    With this ``$states.context.Execution`` is the child's own, none starts after the parent's end, and what runs is stopped.
    """

    def run(states: Any, start_at: Any, given: Any, execution: dict[str, Any], ctx: dict[str, Any]) -> Any:
        if not execution or "mapRunArn" not in execution or ctx["Execution"]["Id"] == execution["executionArn"]:
            return run_states(states, start_at, given, execution, ctx)
        parent = stepfunctions._executions.get(ctx["Execution"]["Id"])
        if parent and has_ended(parent):
            raise stepfunctions._ExecutionError("States.Aborted", "the parent execution ended")
        adopt(ctx["Execution"]["Id"], execution["executionArn"])
        own = {"Id": execution["executionArn"], "Name": execution["name"], "StartTime": execution["startDate"], "Input": given}
        ctx["Execution"] = {**ctx["Execution"], **own}
        output = run_states(states, start_at, given, execution, ctx)
        if has_ended(execution):
            raise stepfunctions._ExecutionError("States.Aborted", "the parent execution ended")
        return output

    stepfunctions._run_sub_machine = run


@mend
def nested_executions(cloud: Cloud, gateway: Gateway) -> None:
    """A child that fails under ``startExecution.sync`` hands up its own error, and a name can be used twice.

    On AWS the error is always ``States.TaskFailed`` with the child's description as Cause, and a name that was used is refused
    (Step Functions Developer Guide, "Start a new workflow execution from a running execution").
    """
    original = stepfunctions._invoke_nested_start_execution_sync

    def invoke(resource: str, arguments: dict[str, Any]) -> Any:
        request = stepfunctions._nested_start_execution_request(arguments)
        machine = stepfunctions._resolve_state_machine_arn(request["stateMachineArn"]) or request["stateMachineArn"]
        child_arn = f"{machine.replace(':stateMachine:', ':execution:')}:{request.get('name', '')}"
        if request.get("name") and child_arn in stepfunctions._executions:
            message = f"Execution Already Exists: '{child_arn}' (Service: AWSStepFunctions; Status Code: 400)"
            raise stepfunctions._ExecutionError("StepFunctions.ExecutionAlreadyExistsException", message)
        return original(resource, arguments)

    def failure(payload: dict[str, Any]) -> tuple[str, str]:
        execution = stepfunctions._executions.get(payload.get("executionArn", ""), payload)
        described = {f"{name[0].upper()}{name[1:]}": execution[name] for name in _DESCRIBED if execution.get(name) is not None}
        return "States.TaskFailed", json.dumps(described)

    stepfunctions._invoke_nested_start_execution_sync = invoke
    stepfunctions._nested_execution_failure = failure


@mend
def starts_can_be_repeated(cloud: Cloud, gateway: Gateway) -> None:
    """Starting an execution again under its name is refused even where AWS takes it for the same start.

    While it runs, the same name with the same input answers the same execution (StartExecution in the Step Functions API
    reference); other input, or an execution that has ended, stays ``ExecutionAlreadyExists``.
    """
    original = stepfunctions._start_execution

    def start(data: dict[str, Any]) -> Any:
        machine = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", "").split("#")[0]) or ""
        name = f"{machine.replace(':stateMachine:', ':execution:')}:{data.get('name', '')}"
        running = stepfunctions._executions.get(name) if data.get("name") else None
        if running is None or has_ended(running) or running["input"] != data.get("input", "{}"):
            return original(data)
        return json_response({"executionArn": running["executionArn"], "startDate": running["startDate"]})

    stepfunctions._start_execution = start
