"""What the Ledger keeps of an adoption: ``adoption#<plan id>``, the plan first, then who approved it and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hubplane.domain.provider_errors import translated


class Adoptions:
    """Reads and writes; ``client`` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client, self._table_name = client, table_name

    def planned_key(self, cluster_name: str, plan_id: str) -> str | None:
        """Where in the storage bucket the plan lies; None where there was none of this id."""
        with translated(f"read the plan {plan_id} of {cluster_name}"):
            key = _key(cluster_name, plan_id)
            item = self._client.get_item(TableName=self._table_name, Key=key, ConsistentRead=True).get("Item")
        return None if item is None else str(item["plan_key"]["S"])

    def plan(self, cluster_name: str, plan_id: str, plan_key: str, counts: Mapping[str, int], now: datetime) -> None:
        """Write a plan down. Repeatable: the first time stays."""
        self._update(
            cluster_name,
            plan_id,
            "SET planned_at = if_not_exists(planned_at, :now), plan_key = if_not_exists(plan_key, :key), counts = :counts",
            {":now": now.isoformat(), ":key": plan_key, ":counts": json.dumps(dict(counts), sort_keys=True)},
        )

    def approve(self, cluster_name: str, plan_id: str, by: str, execution_arn: str, now: datetime) -> None:
        """Write down who carries it out, before the first mark. Repeatable: the first one stays."""
        self._update(
            cluster_name,
            plan_id,
            "SET approved_at = if_not_exists(approved_at, :now), approved_by = if_not_exists(approved_by, :by), execution = :arn",
            {":now": now.isoformat(), ":by": by, ":arn": execution_arn},
        )

    def finish(self, cluster_name: str, plan_id: str, marked: int, skipped: int, now: datetime) -> None:
        """Write down that it was carried out, and how much of it by the last execution."""
        outcome = json.dumps({"marked": marked, "skipped": skipped})
        self._update(
            cluster_name, plan_id, "SET finished_at = :now, outcome = :outcome", {":now": now.isoformat(), ":outcome": outcome}
        )

    def _update(self, cluster_name: str, plan_id: str, expression: str, values: Mapping[str, str]) -> None:
        with translated(f"note the adoption {plan_id} of {cluster_name}"):
            self._client.update_item(
                TableName=self._table_name,
                Key=_key(cluster_name, plan_id),
                UpdateExpression=expression,
                ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
            )


def _key(cluster_name: str, plan_id: str) -> dict[str, Any]:
    return {"cluster": {"S": cluster_name}, "entry": {"S": f"adoption#{plan_id}"}}
