"""Who calls: sessions of roles, as on AWS."""

from __future__ import annotations

import hashlib
from typing import Any

from ministack.core import iam_actions, lambda_runtime
from ministack.services import sts

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend


def role_session(role_arn: str, session_name: str, caller: str) -> dict[str, str]:
    """Credentials of a session of ``role_arn`` that stays valid; the same for the same arguments."""
    account_id = role_arn.split(":")[4]
    role_name = role_arn.rsplit("/", 1)[-1]
    digest = hashlib.sha256(f"{role_arn} {session_name}".encode()).hexdigest()
    access_key = f"ASIA{digest[:16].upper()}"
    credentials = {
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": hashlib.sha256(f"secret {digest}".encode()).hexdigest(),
        "AWS_SESSION_TOKEN": hashlib.sha256(f"token {digest}".encode()).hexdigest(),
    }
    sts.register_session(
        access_key,
        {
            "Arn": f"arn:aws:sts::{account_id}:assumed-role/{role_name}/{session_name}",
            "UserId": f"{role_name}:{session_name}",
            "SecretAccessKey": credentials["AWS_SECRET_ACCESS_KEY"],
            "SessionToken": credentials["AWS_SESSION_TOKEN"],
            "HubplaneCaller": caller,
        },
    )
    return credentials


@mend
def lambda_role_sessions(cloud: Cloud, gateway: Gateway) -> None:
    """Without AUTH every Lambda calls as the account's root, so that EKS access entries of roles never match.

    With this each runs in a session of its role, named like the function, as on AWS.
    """

    def execution_credentials(config: dict[str, Any]) -> dict[str, str]:
        name = config.get("FunctionName", "function")
        return role_session(config["Role"], name[:64], name)

    lambda_runtime.execution_credentials = execution_credentials


@mend
def public_parameters_belong_to_nobody(cloud: Cloud, gateway: Gateway) -> None:
    """With AUTH a public parameter (``/aws/service/...``) is looked for in the caller's account, and no right policy fits.

    Its ARN has no account: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters.html
    """
    original = iam_actions.extract_resource_arn

    def extract(service: str, *rest: Any) -> Any:
        arn = original(service, *rest)
        if service == "ssm" and isinstance(arn, str) and ":parameter/aws/service/" in arn:
            head, _, tail = arn.partition(":parameter/")
            return f"{head.rsplit(':', 1)[0]}::parameter/{tail}"
        return arn

    iam_actions.extract_resource_arn = extract
