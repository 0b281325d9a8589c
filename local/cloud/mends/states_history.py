"""What the history of an execution says, where the emulator's says less than that of AWS."""

from __future__ import annotations

import functools
import json
from typing import Any

from ministack.services import stepfunctions

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend
from local.cloud.mends.states_machine import record_parameters, running_execution

NESTED = "startExecution.sync:2"


@mend
def nested_executions_are_submitted(cloud: Cloud, gateway: Gateway) -> None:
    """Nothing in an execution's history says which execution it waits for until that has ended.

    On AWS ``startExecution.sync`` leaves a ``TaskSubmitted`` event whose output holds the child's ARN (HistoryEvent and
    TaskSubmittedEventDetails in the Step Functions API reference). With this it is there before the child's first state.
    """
    run = stepfunctions._run_execution

    def run_submitted(execution_arn: str) -> None:
        parent = stepfunctions._executions.get(running_execution())
        child = stepfunctions._executions.get(execution_arn)
        if parent and child and child.get("sync"):
            output = json.dumps({"ExecutionArn": execution_arn, "StartDate": child["startDate"]})
            details = {"resourceType": "states", "resource": NESTED, "output": output}
            stepfunctions._add_event(parent, "TaskSubmitted", {"taskSubmittedEventDetails": details})
        run(execution_arn)

    stepfunctions._run_execution = run_submitted


@mend
def recorded_questions(cloud: Cloud, gateway: Gateway) -> None:
    """``TaskScheduled`` events of ``.waitForTaskToken`` leave out the parameters: what is asked, and with which token."""
    with_callback = stepfunctions._invoke_with_callback

    @functools.wraps(with_callback)
    def recorded(resource: str, arguments: Any, token: str, state: Any) -> Any:
        record_parameters(arguments)
        return with_callback(resource, arguments, token, state)

    stepfunctions._invoke_with_callback = recorded
