"""What the Ledger keeps of a change of a home: ``home-change#<claim>#<execution>``, the intent first and the outcome after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hubplane.domain.homes.changes import HomeChange
from hubplane.domain.provider_errors import translated


def begin_change(client: Any, table_name: str, change: HomeChange, execution_arn: str, now: datetime) -> None:
    """Write what is going to be done; ``client`` is a boto3 DynamoDB client. Repeatable: the first moment stays."""
    with translated(f"note the change of {change.claim_name} of {change.cluster_name}"):
        client.update_item(
            TableName=table_name,
            Key=_key(change, execution_arn),
            UpdateExpression="SET begun_at = if_not_exists(begun_at, :now), intent = :intent",
            ExpressionAttributeValues={
                ":now": {"S": now.isoformat()},
                ":intent": {"S": json.dumps(change.to_json(), sort_keys=True)},
            },
        )


def finish_change(
    client: Any, table_name: str, change: HomeChange, execution_arn: str, outcome: Mapping[str, Any], now: datetime
) -> None:
    """Write what became of it. Repeatable."""
    with translated(f"note the outcome for {change.claim_name} of {change.cluster_name}"):
        client.update_item(
            TableName=table_name,
            Key=_key(change, execution_arn),
            UpdateExpression="SET finished_at = if_not_exists(finished_at, :now), outcome = :outcome",
            ExpressionAttributeValues={
                ":now": {"S": now.isoformat()},
                ":outcome": {"S": json.dumps(dict(outcome), sort_keys=True)},
            },
        )


def _key(change: HomeChange, execution_arn: str) -> dict[str, Any]:
    entry = f"home-change#{change.claim_name}#{execution_arn.rpartition(':')[2]}"
    return {"cluster": {"S": change.cluster_name}, "entry": {"S": entry}}
