"""Step Functions, as far as one execution asks about another or is started once, and as a waiting task gets its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hubplane.domain.provider_errors import error_code, translated


def execution_status(client: Any, execution_arn: str) -> str | None:
    """The status of an execution (botocore stepfunctions ExecutionStatus), None where Step Functions knows no such execution."""
    with translated(f"ask about execution {execution_arn}"):
        try:
            status: str = client.describe_execution(executionArn=execution_arn)["status"]
        except Exception as error:
            if error_code(error) in {"ExecutionDoesNotExist", "InvalidArn"}:
                return None
            raise
    return status


def start_once(client: Any, machine_arn: str, name: str, document: Mapping[str, Any]) -> bool:
    """Start the execution ``name`` unless there was one of that name in the last 90 days (Step Functions API reference,
    StartExecution). False: there was. Repeatable.
    """
    with translated(f"start execution {name}"):
        try:
            client.start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(dict(document)))
        except Exception as error:
            if error_code(error) == "ExecutionAlreadyExists":
                return False
            raise
    return True


def answer_task(client: Any, task_token: str, output: Mapping[str, Any]) -> bool:
    """Give a waiting task its answer. False: nobody waits with this token any more, or the text is no token. Repeatable."""
    with translated("answer a waiting task"):
        try:
            client.send_task_success(taskToken=task_token, output=json.dumps(dict(output)))
        except Exception as error:
            if error_code(error) in {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}:
                return False
            raise
    return True
