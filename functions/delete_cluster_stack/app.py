"""DeleteClusterStack: the cluster's stack is gone. Called until it is; the first call starts it. Repeatable.

Event: ``cluster_name``, ``execution_arn``. Result: ``done``. Raises ``StackFailed`` with the first cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cloudformation import CloudFormation
from hubplane.adapters.clusters_table import ClustersTable
from hubplane.domain.cluster_stack.causes import first_cause
from hubplane.domain.cluster_stack.names import delete_token, stack_name
from hubplane.domain.errors import StackFailed
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, execution_arn = event["cluster_name"], event["execution_arn"]
    name, token, stacks = stack_name(cluster_name), delete_token(execution_arn), CloudFormation(client("cloudformation"))
    stack = stacks.stack(name)
    if stack is None or stack.status == "DELETE_COMPLETE":
        return {"done": True, "changes": [], "reason": f"there is no stack {name} any more"}
    if stack.status.endswith("_IN_PROGRESS"):
        return {"done": False, "changes": [], "reason": f"stack {name} is {stack.status}"}
    if stack.status == "DELETE_FAILED":
        events = stacks.events(stack.stack_id)
        if any(item.token == token for item in events):
            cause = first_cause(events, token) or stack.reason or "its events do not say why"
            raise StackFailed(f"{cause} (stack {name} is now DELETE_FAILED): mend it and start the same input again")
    ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).hold_for_deletion(
        cluster_name, execution_arn, datetime.now(UTC)
    )
    stacks.delete_stack(stack.stack_id, token)
    return {"done": False, "changes": [f"started to delete stack {name}"], "reason": f"it was {stack.status}"}
