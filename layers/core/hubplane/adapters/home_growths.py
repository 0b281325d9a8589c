"""What the Ledger keeps of a home's growth: ``home-growth#<claim>#<size>``, the intent first and the outcome after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hubplane.domain.homes.growing import Growth
from hubplane.domain.provider_errors import error_code, translated


class HomeGrowths:
    """Reads and conditional writes; ``client`` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client, self._table_name = client, table_name

    def begun_at(self, cluster_name: str, claim_name: str, size_gib: int) -> datetime | None:
        """When the growth to this size began that has not been finished; None where there is none."""
        with translated(f"read the growth of {claim_name} of {cluster_name}"):
            key = _key(cluster_name, claim_name, size_gib)
            item = self._client.get_item(TableName=self._table_name, Key=key, ConsistentRead=True).get("Item") or {}
        if "begun_at" not in item or "finished_at" in item:
            return None
        return datetime.fromisoformat(item["begun_at"]["S"])

    def begin(self, growth: Growth, now: datetime) -> None:
        """Write what is going to be done. Repeatable: one that was not finished keeps its beginning."""
        with translated(f"note the growth of {growth.claim_name} of {growth.cluster_name}"):
            try:
                self._client.update_item(
                    TableName=self._table_name,
                    Key=_key(growth.cluster_name, growth.claim_name, growth.to_gib),
                    UpdateExpression="SET begun_at = :now, intent = :intent REMOVE finished_at, outcome",
                    ConditionExpression="attribute_not_exists(begun_at) OR attribute_exists(finished_at)",
                    ExpressionAttributeValues={
                        ":now": {"S": now.isoformat()},
                        ":intent": {"S": json.dumps(growth.to_json(), sort_keys=True)},
                    },
                )
            except Exception as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise

    def finish(self, growth: Growth, outcome: Mapping[str, Any], now: datetime) -> None:
        """Write what became of it. Repeatable: the first moment stays."""
        with translated(f"note the outcome for {growth.claim_name} of {growth.cluster_name}"):
            self._client.update_item(
                TableName=self._table_name,
                Key=_key(growth.cluster_name, growth.claim_name, growth.to_gib),
                UpdateExpression="SET finished_at = if_not_exists(finished_at, :now), outcome = :outcome",
                ExpressionAttributeValues={
                    ":now": {"S": now.isoformat()},
                    ":outcome": {"S": json.dumps(dict(outcome), sort_keys=True)},
                },
            )


def _key(cluster_name: str, claim_name: str, size_gib: int) -> dict[str, Any]:
    return {"cluster": {"S": cluster_name}, "entry": {"S": f"home-growth#{claim_name}#{size_gib}"}}
