"""The latest attachment and detachment of each volume, as CloudTrail told them: items of one Ledger partition."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hubplane.domain.provider_errors import error_code, translated
from hubplane.domain.storage.records import UseEvent

PARTITION = "volume-use"


def record_use(client: Any, table_name: str, use: UseEvent) -> bool:
    """Keep ``use`` unless a later one of its kind is known; False: it was. ``client`` is a boto3 DynamoDB client. Repeatable."""
    with translated(f"record the {use.kind} of {use.volume_id}"):
        try:
            client.update_item(
                TableName=table_name,
                Key={"cluster": {"S": PARTITION}, "entry": {"S": use.volume_id}},
                UpdateExpression="SET #at = :at",
                ConditionExpression="attribute_not_exists(#at) OR #at < :at",
                ExpressionAttributeNames={"#at": f"{use.kind}ed_at"},
                ExpressionAttributeValues={":at": {"S": use.at.isoformat()}},
            )
        except Exception as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return False
            raise
    return True


def read_uses(client: Any, table_name: str) -> tuple[UseEvent, ...]:
    """Every use that is known, at most two per volume; pages of a query, no call per volume."""
    found: list[UseEvent] = []
    with translated("read the volumes' uses"):
        pages = client.get_paginator("query").paginate(
            TableName=table_name,
            KeyConditionExpression="#cluster = :partition",
            ExpressionAttributeNames={"#cluster": "cluster"},
            ExpressionAttributeValues={":partition": {"S": PARTITION}},
        )
        for item in (item for page in pages for item in page["Items"]):
            volume_id = item["entry"]["S"]
            if "attached_at" in item:
                found.append(UseEvent(volume_id, "attach", datetime.fromisoformat(item["attached_at"]["S"])))
            if "detached_at" in item:
                found.append(UseEvent(volume_id, "detach", datetime.fromisoformat(item["detached_at"]["S"])))
    return tuple(found)
