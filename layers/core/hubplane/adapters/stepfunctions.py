"""Step Functions, as far as one execution asks about another."""

from __future__ import annotations

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
