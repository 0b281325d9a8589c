"""Functions in the real Lambda runtime, with the embedded cloud's AWS behind them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.lambda_runtime import LambdaRuntime
from tests.functions.sign_up_world import VARIABLES
from tests.local.cloud.running import RunningCloud, running_cloud

REPOSITORY = Path(__file__).resolve().parents[2]
MACHINE = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}


@dataclass
class Account:
    """An account that holds what the triggers need; ``runtime(folder)`` is one function's environment, started once."""

    cloud: RunningCloud
    pool_id: str
    machine_arn: str
    queue_url: str
    runtime: Callable[[str], LambdaRuntime]

    def item(self, username: str) -> dict[str, Any]:
        key = {"username": {"S": username}}
        found: dict[str, Any] = self.cloud.client("dynamodb").get_item(TableName="users", Key=key).get("Item", {})
        return found

    def executions(self) -> list[dict[str, Any]]:
        listed = self.cloud.client("stepfunctions").list_executions(stateMachineArn=self.machine_arn)["executions"]
        return list(listed)

    def mails(self) -> list[dict[str, Any]]:
        answer = self.cloud.client("sqs").receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """One account and one environment per function for all tests."""
    with ExitStack() as stack:
        cloud = stack.enter_context(running_cloud(tmp_path_factory.mktemp("cloud")))
        for table, key in (("users", "username"), ("clusters", "cluster_name")):
            cloud.client("dynamodb").create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            )
        pool_id = cloud.client("cognito-idp").create_user_pool(PoolName="people")["UserPool"]["Id"]
        machine_arn = cloud.client("stepfunctions").create_state_machine(
            name="review-sign-up", definition=json.dumps(MACHINE), roleArn="arn:aws:iam::553778890976:role/machine"
        )["stateMachineArn"]
        queue_url = cloud.client("sqs").create_queue(QueueName="mails")["QueueUrl"]
        variables = {
            **VARIABLES,
            "REVIEW_SIGN_UP_STATE_MACHINE_ARN": machine_arn,
            "MAIL_QUEUE_URL": queue_url,
            "AWS_ENDPOINT_URL": cloud.endpoint_url,
            "AWS_ACCESS_KEY_ID": "553778890976",  # the emulator's way to say whose account it is
        }
        started: dict[str, LambdaRuntime] = {}

        def runtime(folder: str) -> LambdaRuntime:
            if folder not in started:
                code = REPOSITORY / "functions" / folder
                started[folder] = stack.enter_context(LambdaRuntime(code, variables))
            return started[folder]

        yield Account(cloud, pool_id, machine_arn, queue_url, runtime)
