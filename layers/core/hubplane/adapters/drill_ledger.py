"""The canary of a cluster's restore drills, as the Ledger keeps it: what was written into it, before and after."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hubplane.domain.provider_errors import translated

ENTRY = "drill#canary"


class CanaryRecord:
    """One item of the Ledger; ``client`` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, table_name: str, cluster_name: str) -> None:
        self._client, self._table_name = client, table_name
        self._key = {"cluster": {"S": cluster_name}, "entry": {"S": ENTRY}}

    def intend(self, marker: str) -> str:
        """The marker to write: this one, or the one that an earlier call meant to write. Repeatable."""
        with translated("note the canary's marker"):
            answer = self._client.update_item(
                TableName=self._table_name,
                Key=self._key,
                UpdateExpression="SET intended = if_not_exists(intended, :marker)",
                ExpressionAttributeValues={":marker": {"S": marker}},
                ReturnValues="ALL_NEW",
            )
        intended: str = answer["Attributes"]["intended"]["S"]
        return intended

    def wrote(self, marker: str, volume_id: str, now: datetime) -> None:
        """The canary holds this. Repeatable."""
        with translated("note that the canary is written"):
            self._client.update_item(
                TableName=self._table_name,
                Key=self._key,
                UpdateExpression="SET marker = :marker, volume_id = :volume_id, written_at = :now",
                ExpressionAttributeValues={
                    ":marker": {"S": marker},
                    ":volume_id": {"S": volume_id},
                    ":now": {"S": now.isoformat()},
                },
            )

    def marker(self) -> str | None:
        """What the canary was written with; None before it was."""
        with translated("read the canary's marker"):
            item = self._client.get_item(TableName=self._table_name, Key=self._key, ConsistentRead=True).get("Item", {})
        return item["marker"]["S"] if "marker" in item else None
