"""JSONata state machines as AWS runs them."""

from __future__ import annotations

import json
import threading
from typing import Any

from ministack.services import stepfunctions

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend

FOREVER_SECONDS = 99_999_999  # the longest TimeoutSeconds that Step Functions takes


@mend
def assign_at_once(cloud: Cloud, gateway: Gateway) -> None:
    """Expressions of one ``Assign`` see what its earlier lines assigned.

    AWS evaluates them all with the values on entering the state
    (https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html, "Assignment order").
    """

    def assign(state: dict[str, Any], given: Any, ctx: Any, result: Any = None, error_output: Any = None) -> None:
        wanted = state.get("Assign")
        if ctx is None or not isinstance(wanted, dict) or stepfunctions._state_query_language(state, ctx) != "JSONata":
            return
        values = {
            name: stepfunctions._apply_jsonata_template(template, given, ctx, result=result, error_output=error_output)
            for name, template in wanted.items()
        }
        ctx.setdefault("variables", {}).update(values)

    stepfunctions._apply_state_assign = assign


@mend
def jsonata_parallel(cloud: Cloud, gateway: Gateway) -> None:
    """A JSONata Parallel ignores ``Arguments``, ``Output`` and ``Assign``."""
    original = stepfunctions._run_parallel_branches

    def run(state: dict[str, Any], given: Any, execution: Any, ctx: Any) -> Any:
        if stepfunctions._state_query_language(state, ctx) != "JSONata":
            return original(state, given, execution, ctx)
        arguments = stepfunctions._apply_jsonata_arguments(state, given, ctx)
        results, _ = original({"Branches": state["Branches"], "End": True}, arguments, execution, ctx)
        output = stepfunctions._apply_jsonata_output(state, given, ctx, result=results, default=results)
        stepfunctions._apply_state_assign(state, given, ctx, result=results)
        return output, stepfunctions._next_or_end(state)

    stepfunctions._run_parallel_branches = run


@mend
def timeout_expressions(cloud: Cloud, gateway: Gateway) -> None:
    """``TimeoutSeconds`` as a JSONata expression makes the task fail with a Python error."""
    original = stepfunctions._execute_task

    def run(state: dict[str, Any], given: Any, execution: Any, ctx: Any) -> Any:
        if isinstance(state.get("TimeoutSeconds"), str):
            seconds = stepfunctions._jsonata_state_field(state, "TimeoutSeconds", "number", given, ctx)
            state = {**state, "TimeoutSeconds": seconds}
        return original(state, given, execution, ctx)

    stepfunctions._execute_task = run


@mend
def failing_token_tasks(cloud: Cloud, gateway: Gateway) -> None:
    """A Lambda that fails in a ``.waitForTaskToken`` task is ignored, and the task waits until its timeout.

    With this the task fails at once with the Lambda's error, as on AWS.
    """
    original = stepfunctions._invoke_with_callback

    def invoke(resource: str, arguments: Any, token: str, state: dict[str, Any]) -> Any:
        if "states:::lambda:invoke" not in resource:
            return original(resource, arguments, token, state)
        waiting = {"event": threading.Event(), "result": None, "error": None, "heartbeat": None}
        stepfunctions._task_tokens[token] = waiting
        try:
            function = stepfunctions._resolve_lambda_function_ref(arguments.get("FunctionName", ""), optimized=True)
            stepfunctions._call_lambda(function, arguments.get("Payload", {}))
            if not waiting["event"].wait(timeout=state.get("TimeoutSeconds", FOREVER_SECONDS)):
                raise stepfunctions._ExecutionError("States.Timeout", "no answer came back within TimeoutSeconds")
        finally:
            stepfunctions._task_tokens.pop(token, None)
        if waiting["error"]:
            raise stepfunctions._ExecutionError(waiting["error"].get("Error", ""), waiting["error"].get("Cause", ""))
        return json.loads(waiting["result"]) if isinstance(waiting["result"], str) else waiting["result"]

    stepfunctions._invoke_with_callback = invoke


@mend
def succeed_output(cloud: Cloud, gateway: Gateway) -> None:
    """A JSONata ``Succeed`` ignores its ``Output``, and the execution ends with the state's input instead."""
    original = stepfunctions._apply_output_path

    def apply(state: dict[str, Any], given: Any, ctx: Any) -> Any:
        if state.get("Type") == "Succeed" and stepfunctions._state_query_language(state, ctx) == "JSONata":
            return stepfunctions._apply_jsonata_output(state, given, ctx, default=given)
        return original(state, given, ctx)

    stepfunctions._apply_output_path = apply
