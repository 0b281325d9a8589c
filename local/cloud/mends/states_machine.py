"""How executions of state machines begin, time out, are stopped, and are recorded."""

from __future__ import annotations

import contextvars
import copy
import functools
import json
import threading
from typing import Any

from ministack.core.responses import new_uuid, now_iso
from ministack.services import stepfunctions

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend
from local.cloud.options import ACCOUNT_ID

_children: dict[str, list[str]] = {}
_running_execution: contextvars.ContextVar[str] = contextvars.ContextVar("running_execution", default="")


class _Ended(Exception):
    """The execution was stopped or timed out: its states must not go on."""


@mend
def ended_executions_stay_ended(cloud: Cloud, gateway: Gateway) -> None:
    """A stopped execution becomes FAILED when the task that was running fails later, and its Map branches run on.

    With this an ended execution's status stays, no branch of it starts another state, and the states of branches, which the
    emulator leaves out, are in the history.
    """
    fail = stepfunctions._fail_execution
    add_event = stepfunctions._add_event

    def fail_running(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    def run_branch(states: Any, start_at: Any, given: Any, execution: dict[str, Any], ctx: Any) -> Any:
        return run_states(states, start_at, given, execution, ctx)

    def add_running(execution: dict[str, Any], event_type: str, details: Any = None) -> None:
        ended = execution["status"] != "RUNNING"
        if ended and not event_type.startswith("Execution"):
            return
        add_event(execution, event_type, details)

    stepfunctions._fail_execution = fail_running
    stepfunctions._run_sub_machine = run_branch
    stepfunctions._add_event = add_running


_RUNNERS = {
    "Pass": ("_execute_pass", False),
    "Choice": ("_execute_choice", False),
    "Wait": ("_execute_wait", False),
    "Task": ("_execute_task", True),
    "Parallel": ("_execute_parallel", True),
    "Map": ("_execute_map", True),
}


def run_states(states: dict[str, Any], start_at: str, given: Any, execution: dict[str, Any], ctx: dict[str, Any]) -> Any:
    """Run the states of one branch or item and answer its output."""
    name: str | None = start_at
    current = copy.deepcopy(given)
    while name:
        if execution and execution["status"] != "RUNNING":
            raise _Ended(f"the execution is {execution['status']}")
        state = states.get(name)
        if state is None:
            raise stepfunctions._ExecutionError("States.Runtime", f"{name}: no such state in this branch")
        kind = state.get("Type")
        ctx["State"] = {"Name": name, "EnteredTime": now_iso(), "RetryCount": 0}
        _note(execution, kind, "Entered", {"name": name, "input": json.dumps(current)})
        if kind == "Fail":
            raise stepfunctions._ExecutionError(*stepfunctions._fail_state_error(state, current, ctx))
        if kind == "Succeed":
            following = None
            if stepfunctions._state_query_language(state, ctx) == "JSONata":
                current = stepfunctions._apply_jsonata_output(state, current, ctx, default=current)
            else:
                current = stepfunctions._apply_output_path(state, stepfunctions._apply_input_path(state, current, ctx), ctx)
        elif kind in _RUNNERS:
            runner, records = _RUNNERS[kind]
            run = getattr(stepfunctions, runner)
            current, following = run(state, current, execution, ctx) if records else run(state, current, ctx)
        else:
            raise stepfunctions._ExecutionError("States.Runtime", f"{name}: unknown type {kind}")
        _note(execution, kind, "Exited", {"name": name, "output": json.dumps(current)})
        name = following
    return current


def _note(execution: dict[str, Any], kind: str, what: str, details: dict[str, str]) -> None:
    if execution:
        stepfunctions._add_event(execution, f"{kind}State{what}", {f"state{what}EventDetails": details})


def running_execution() -> str:
    """The ARN of the execution that runs in this thread, "" where none does."""
    return _running_execution.get()


def running_role() -> str:
    """The role of the state machine whose execution runs in this thread."""
    execution = stepfunctions._executions.get(_running_execution.get())
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) if execution else None
    return str(machine["roleArn"]) if machine else f"arn:aws:iam::{ACCOUNT_ID}:role/states"


@mend
def known_execution(cloud: Cloud, gateway: Gateway) -> None:
    """What an execution does carries no trace of which execution it is. Other mends here need to know."""
    run = stepfunctions._run_execution

    def run_known(execution_arn: str) -> None:
        token = _running_execution.set(execution_arn)
        try:
            run(execution_arn)
        finally:
            _running_execution.reset(token)

    stepfunctions._run_execution = run_known


@mend
def machine_timeout(cloud: Cloud, gateway: Gateway) -> None:
    """``TimeoutSeconds`` of a state machine is ignored. With this the execution ends as TIMED_OUT with ``States.Timeout``."""
    run = stepfunctions._run_execution

    def time_out(execution: dict[str, Any]) -> None:
        if execution["status"] != "RUNNING":
            return
        execution.update(status="TIMED_OUT", stopDate=now_iso(), error="States.Timeout", cause="State machine timed out")
        details = {"error": "States.Timeout", "cause": "State machine timed out"}
        stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": details})
        stepfunctions._emit_execution_status_event(execution)
        stop_children(execution["executionArn"])

    def run_with_timeout(execution_arn: str) -> None:
        execution = stepfunctions._executions.get(execution_arn)
        machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) if execution else None
        seconds = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
        timer = None
        if seconds:
            timer = threading.Timer(seconds, contextvars.copy_context().run, args=(time_out, execution))
            timer.daemon = True
            timer.start()
        try:
            run(execution_arn)
        finally:
            if timer:
                timer.cancel()

    stepfunctions._run_execution = run_with_timeout


@mend
def stopping_reaches_children(cloud: Cloud, gateway: Gateway) -> None:
    """Stopping an execution leaves those it started with ``startExecution.sync`` running. With this they stop too."""
    start_sync = stepfunctions._start_sync_execution
    stop = stepfunctions._stop_execution

    def start_child(data: dict[str, Any]) -> Any:
        data.setdefault("name", new_uuid())
        parent = _running_execution.get()
        if parent:
            machine = stepfunctions._resolve_state_machine_arn(data["stateMachineArn"]) or data["stateMachineArn"]
            child = f"{machine.replace(':stateMachine:', ':execution:')}:{data['name']}"
            adopt(parent, child)
        return start_sync(data)

    def stop_all(data: dict[str, Any]) -> Any:
        answer = stop(data)
        stop_children(data.get("executionArn", ""))
        return answer

    stepfunctions._start_sync_execution = start_child
    stepfunctions._stop_execution = stop_all


def adopt(parent_arn: str, child_arn: str) -> None:
    """Let the child end with its parent."""
    _children.setdefault(parent_arn, []).append(child_arn)


def has_ended(execution: dict[str, Any]) -> bool:
    """Whether the execution runs no more."""
    return bool(execution["status"] != "RUNNING")


def stop_children(parent_arn: str) -> None:
    """Stop the synchronous children of an execution and theirs."""
    for child in _children.pop(parent_arn, []):
        execution = stepfunctions._executions.get(child)
        if execution and execution["status"] == "RUNNING":
            stepfunctions._stop_execution({"executionArn": child, "cause": "the parent execution ended"})


@mend
def recorded_parameters(cloud: Cloud, gateway: Gateway) -> None:
    """``TaskScheduled`` events leave out the parameters, so a secret in them would not be found in the history."""
    invoke = stepfunctions._invoke_resource

    @functools.wraps(invoke)
    def invoke_recorded(resource: str, arguments: Any) -> Any:
        record_parameters(arguments)
        return invoke(resource, arguments)

    stepfunctions._invoke_resource = invoke_recorded


def record_parameters(arguments: Any) -> None:
    """Put the arguments into the newest ``TaskScheduled`` event that has none."""
    execution = stepfunctions._executions.get(_running_execution.get())
    if not execution:
        return
    for event in reversed(execution["events"]):
        details = event.get("taskScheduledEventDetails")
        if details is not None and "parameters" not in details:
            details["parameters"] = json.dumps(arguments)
            return
