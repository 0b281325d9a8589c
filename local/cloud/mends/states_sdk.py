"""Service integrations of state machines, through botocore."""

from __future__ import annotations

import base64
import functools
import json
import re
import time
from typing import Any

import boto3
import botocore.exceptions
import botocore.session
from botocore.config import Config
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from ministack.services import codebuild, stepfunctions

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend
from local.cloud.mends.identity import role_session
from local.cloud.mends.states_machine import running_role
from local.cloud.options import REGION

# Integration names that are not the client's name. The integration's is the SDK for Java 2's: the model's serviceId in
# lower case without spaces (https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html).
CLIENT_NAMES = {
    "sfn": "stepfunctions",
    "cognitoidentityprovider": "cognito-idp",
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "elasticloadbalancingv2": "elbv2",
    "autoscaling": "autoscaling",
    "servicequotas": "service-quotas",
    "resourcegroupstaggingapi": "resourcegroupstaggingapi",
}

BUILD_POLL_SECONDS = 0.1

# The SDK for Java renames a member it cannot use as it is.
RENAMED_MEMBERS = {("AttributeValue", "NULL"): "Nul"}


@mend
def sdk_integrations(cloud: Cloud, gateway: Gateway) -> None:
    """Most aws-sdk integrations fail, and their error names are not AWS's.

    With this any service and operation that botocore knows works, with the members and error names of the SDK for Java:
    ``Eks.ResourceNotFoundException``, and ``Ec2.Ec2Exception`` where the service does not model the error.
    """

    def invoke(resource: str, arguments: Any) -> Any:
        parts = resource.removesuffix(".waitForTaskToken").split(":")
        if len(parts) != 8:
            raise stepfunctions._ExecutionError("States.Runtime", f"{resource}: expected arn:aws:states:::aws-sdk:service:action")
        return call(cloud, parts[6].lower(), parts[7], arguments)

    stepfunctions._invoke_aws_sdk_integration = invoke


@mend
def optimised_codebuild(cloud: Cloud, gateway: Gateway) -> None:
    """``codebuild:startBuild`` and ``.sync`` are not implemented.

    With this ``.sync`` waits for the build and fails with ``States.TaskFailed`` and the build as Cause unless it succeeded.
    """

    def start_build(resource: str, arguments: Any) -> Any:
        started = call(cloud, "codebuild", "startBuild", arguments)
        if not resource.endswith(".sync"):
            return started
        # Read from the record, not asked for: AWS is told by an event when the build ends, so no call may be counted.
        record = codebuild._builds[started["Build"]["Id"]]
        while record["buildStatus"] == "IN_PROGRESS":
            time.sleep(BUILD_POLL_SECONDS)
        shape = client_for(cloud, "codebuild").meta.service_model.shape_for("Build")
        build = _to_states(record, shape)
        if build["BuildStatus"] != "SUCCEEDED":
            raise stepfunctions._ExecutionError("States.TaskFailed", json.dumps({"Build": build}))
        return {"Build": build}

    stepfunctions._SERVICE_DISPATCH["arn:aws:states:::codebuild:startBuild"] = start_build


@mend
def counted_integrations(cloud: Cloud, gateway: Gateway) -> None:
    """Optimised integrations never pass the emulator's door, so they were missing in the call counts."""
    original = stepfunctions._invoke_resource

    def invoke(resource: str, arguments: Any) -> Any:
        parts = resource.split(":")
        if resource.startswith("arn:aws:states:::") and parts[5] not in ("aws-sdk", "codebuild"):
            action = parts[6].split(".")[0]
            cloud.calls.count("states", f"{parts[5]}:{action[0].upper()}{action[1:]}")
        return original(resource, arguments)

    stepfunctions._invoke_resource = invoke


def call(cloud: Cloud, integration: str, action: str, arguments: Any) -> dict[str, Any]:
    """One SDK call with PascalCase arguments; answers PascalCase members. Raises the emulator's execution error."""
    try:
        client = client_for(cloud, CLIENT_NAMES.get(integration, integration))
    except botocore.exceptions.UnknownServiceError as error:
        raise stepfunctions._ExecutionError("States.Runtime", f"aws-sdk:{integration}: {error}") from error
    wanted = f"{action[0].upper()}{action[1:]}"
    methods = {operation: method for method, operation in client.meta.method_to_api_mapping.items()}
    if wanted not in methods:
        raise stepfunctions._ExecutionError("States.Runtime", f"aws-sdk:{integration}:{action}: no such action")
    model = client.meta.service_model.operation_model(wanted)
    try:
        answer = getattr(client, methods[wanted])(**_to_botocore(arguments or {}, model.input_shape))
    except botocore.exceptions.ClientError as error:
        raise _named(client.meta.service_model.service_id, model, error) from error
    except botocore.exceptions.ParamValidationError as error:
        raise stepfunctions._ExecutionError("States.Runtime", str(error)) from error
    answer.pop("ResponseMetadata", None)
    result: dict[str, Any] = _to_states(answer, model.output_shape)
    return result


def error_name(service_id: str, modelled: list[str], code: str) -> str:
    """The name Step Functions gives a service's error code: ``Eks.ResourceInUseException``, ``Ec2.Ec2Exception``.

    As the SDK for Java 2 names exception classes: ``Fault`` becomes ``Exception``, ``Exception`` is appended where missing,
    codes that the model does not know fall back to the service's own exception.
    """
    prefix = _pascal(service_id)
    if code not in modelled:
        return f"{prefix}.{prefix}Exception"
    stem = code.removesuffix("Fault").removesuffix("Exception").replace("Fault", "")
    return f"{prefix}.{stem}Exception"


def _named(service_id: str, model: OperationModel, error: botocore.exceptions.ClientError) -> Exception:
    code = error.response["Error"].get("Code", "")
    names = {shape.name: shape.name for shape in model.service_model.error_shapes}
    names |= {shape.error_code: shape.name for shape in model.service_model.error_shapes}
    message = error.response["Error"].get("Message", str(error))
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 400)
    cause = f"{message} (Service: {_pascal(service_id)}, Status Code: {status})"
    name = error_name(service_id, list(names.values()), names.get(code, code))
    return stepfunctions._ExecutionError(name, cause)


def _pascal(service_id: str) -> str:
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|\d+", service_id)
    return "".join(word[0].upper() + word[1:].lower() for word in words)


def client_for(cloud: Cloud, service: str) -> Any:
    """A client that calls as the role of the state machine that runs here."""
    return _client(cloud.endpoint_url, service, running_role())


@functools.cache
def _client(endpoint_url: str, service: str, role_arn: str) -> Any:
    credentials = role_session(role_arn, "states", "states")
    return boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=credentials["AWS_SESSION_TOKEN"],
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=True, read_timeout=900),
    )


def _to_botocore(value: Any, shape: Shape | None) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = {_states_member(shape, name): name for name in shape.members}
        return {
            members.get(key, key): _to_botocore(item, shape.members.get(members.get(key, key))) for key, item in value.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_to_botocore(item, shape.member) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _to_botocore(item, shape.value) for key, item in value.items()}
    if shape is not None and shape.type_name == "string" and not isinstance(value, str):
        return json.dumps(value)
    return value


def _to_states(value: Any, shape: Shape | None) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = {key: (_states_member(shape, key), shape.members.get(key)) for key in value}
        return {members[key][0]: _to_states(item, members[key][1]) for key, item in value.items() if item is not None}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_to_states(item, shape.member) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _to_states(item, shape.value) for key, item in value.items()}
    return _json_scalar(value)


def _json_scalar(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if hasattr(value, "read"):
        return value.read().decode("utf-8", "replace")
    return value


def _states_member(shape: StructureShape, name: str) -> str:
    return RENAMED_MEMBERS.get((shape.name, name), name[0].upper() + name[1:])
