"""How Cognito calls the Lambda functions of a user pool: event, permission, five seconds, three tries.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
"""

from __future__ import annotations

import contextvars
import threading
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.services import cognito, lambda_svc

ANSWER_SECONDS = 5.0  # "Amazon Cognito must receive a response within 5 seconds", which nobody can change
TRIES = 3  # "if it doesn't, Amazon Cognito retries the call"; the third failure is the call's
NO_CLIENT = "CLIENT_ID_NOT_APPLICABLE"
TOO_LATE = "Socket timeout while invoking Lambda function"


class TriggerFailed(Exception):
    """A trigger refused or broke; carries the code and the words with which Cognito answers the caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def call_trigger(
    pool: dict[str, Any], trigger: str, source: str, username: str, client_id: str, request: dict[str, Any], response: Any
) -> dict[str, Any] | None:
    """The ``response`` of the pool's ``trigger`` function, None if the pool has none.

    Raises ``TriggerFailed``: ``UserLambdaValidationException`` with the function's own words if it raised (no second try),
    ``UnexpectedLambdaException`` if it may not be called, does not exist or is late three times.
    """
    arn, version = function_of(pool, trigger)
    if not arn:
        return None
    event = {
        "version": version,
        "region": cognito._pool_region(pool["Id"]),
        "userPoolId": pool["Id"],
        "userName": username,
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": client_id},
        "triggerSource": source,
        "request": request,
        "response": response,
    }
    for _ in range(TRIES):
        result = _invoked(pool, trigger, arn, event)
        if result is not None:
            return _response_in(trigger, result)
    raise TriggerFailed("UnexpectedLambdaException", f"{trigger} invocation failed due to error {TOO_LATE}.")


def function_of(pool: dict[str, Any], trigger: str) -> tuple[str, str]:
    """ARN of the trigger's function, empty if there is none, and the version of its event."""
    settings = pool.get("LambdaConfig") or {}
    config = settings.get(f"{trigger}Config") or {}
    version = str(config.get("LambdaVersion") or "V1_0")
    return config.get("LambdaArn") or settings.get(trigger) or "", version.removeprefix("V").split("_")[0]


def attributes_of(user: dict[str, Any]) -> dict[str, str]:
    """The attributes of a user that exists, as a trigger sees them: with its status."""
    return {**cognito._attr_list_to_dict(user["Attributes"]), "cognito:user_status": user["UserStatus"]}


def _invoked(pool: dict[str, Any], trigger: str, arn: str, event: dict[str, Any]) -> dict[str, Any] | None:
    record, config, _ = lambda_svc._get_func_record_for_ref(arn)
    reason = "ResourceNotFoundException" if record is None or config is None else _refused(arn, pool)
    if reason:
        raise TriggerFailed("UnexpectedLambdaException", f"{trigger} invocation failed due to error {reason}.")
    answer: list[Any] = []

    def run() -> None:
        answer.append(lambda_svc._execute_function_with_config_scope({**record, "config": config}, event))

    # Its own thread: a function that is late goes on running, as on AWS, and only its answer is lost.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    return answer[0] if answer else None


def _refused(arn: str, pool: dict[str, Any]) -> str:
    record, _, _ = lambda_svc._get_base_func_record_for_ref(arn)  # permissions of versions and aliases lie with the function
    # Condition keys in lower case: the emulator looks them up so.
    asked = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=arn,  # as the pool names it: an alias has permissions of its own
        region=cognito._pool_region(pool["Id"]),
        service_context={"aws:sourcearn": pool["Arn"], "aws:sourceaccount": pool["Arn"].split(":")[4]},
    )
    statements = [
        item for item in ((record or {}).get("policy") or {}).get("Statement", []) if isinstance(item.get("Principal"), dict)
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    allowed = evaluate_resource_policy(policy, asked, service="cognito-idp.amazonaws.com").decision == "Allow"
    return "" if allowed else "AccessDeniedException"


def _response_in(trigger: str, result: dict[str, Any]) -> dict[str, Any]:
    body = result.get("body")
    if result.get("error"):
        words = str((body or {}).get("errorMessage", "")) if isinstance(body, dict) else str(body)
        raise TriggerFailed("UserLambdaValidationException", f"{trigger} failed with error {words}.")
    if not isinstance(body, dict) or not isinstance(body.get("response"), dict):
        raise TriggerFailed("InvalidLambdaResponseException", "Unrecognizable lambda output")
    return dict(body["response"])
