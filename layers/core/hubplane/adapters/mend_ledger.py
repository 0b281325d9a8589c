"""The Ledger's entries of mending: ``mend#<machine>#<execution name>`` of a cluster, written before the first deed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hubplane.domain.provider_errors import error_code, translated

CONDITION_FAILED = "ConditionalCheckFailedException"


@dataclass(frozen=True, slots=True)
class MendLedger:
    """Entries of one cluster; ``client`` is a boto3 DynamoDB client."""

    client: Any
    table_name: str
    cluster_name: str

    def begun(self, machine: str) -> Mapping[str, datetime]:
        """When each execution of the machine began here, by its ARN. Read consistently, in pages."""
        with translated(f"read what {machine} mended on cluster {self.cluster_name}"):
            pages = self.client.get_paginator("query").paginate(
                TableName=self.table_name,
                KeyConditionExpression="#cluster = :cluster AND begins_with(entry, :prefix)",
                ProjectionExpression="execution_arn, begun_at",
                ExpressionAttributeNames={"#cluster": "cluster"},
                ExpressionAttributeValues={":cluster": {"S": self.cluster_name}, ":prefix": {"S": f"mend#{machine}#"}},
                ConsistentRead=True,
            )
            items = [item for page in pages for item in page["Items"]]
        return {item["execution_arn"]["S"]: datetime.fromisoformat(item["begun_at"]["S"]) for item in items}

    def begin(self, machine: str, execution_arn: str, now: datetime, why: str) -> bool:
        """Write that the execution begins. False, and nothing written, where it began before. Repeatable."""
        item = {**self._key(machine, execution_arn), "execution_arn": {"S": execution_arn}, "begun_at": {"S": now.isoformat()}}
        with translated(f"write down that {machine} begins on cluster {self.cluster_name}"):
            try:
                self.client.put_item(
                    TableName=self.table_name,
                    Item={**item, "why": {"S": why}},
                    ConditionExpression="attribute_not_exists(entry)",
                )
            except Exception as error:
                if error_code(error) == CONDITION_FAILED:
                    return False
                raise
        return True

    def finish(self, machine: str, execution_arn: str, now: datetime, outcome: str, changes: Sequence[str]) -> bool:
        """Write how a begun execution ended. False where none began. Repeatable."""
        with translated(f"write down how {machine} ended on cluster {self.cluster_name}"):
            try:
                self.client.update_item(
                    TableName=self.table_name,
                    Key=self._key(machine, execution_arn),
                    UpdateExpression="SET finished_at = :now, outcome = :outcome, changes = :changes",
                    ConditionExpression="attribute_exists(begun_at)",
                    ExpressionAttributeValues={
                        ":now": {"S": now.isoformat()},
                        ":outcome": {"S": outcome},
                        ":changes": {"S": json.dumps(list(changes), ensure_ascii=False)},
                    },
                )
            except Exception as error:
                if error_code(error) == CONDITION_FAILED:
                    return False
                raise
        return True

    def allow(self, day: date, by: str, most: int) -> bool:
        """Count one mending that no person started, ``by`` whom, unless there are ``most`` of that day already. False: there are.

        Repeatable: what is counted already is allowed, and counted once. ``most`` 0 allows nothing.
        """
        if most < 1:
            return False
        with translated(f"count what is mended by policy on cluster {self.cluster_name}"):
            try:
                self.client.update_item(
                    TableName=self.table_name,
                    Key={"cluster": {"S": self.cluster_name}, "entry": {"S": f"mends-by-policy#{day.isoformat()}"}},
                    UpdateExpression="ADD started_by :me",
                    ConditionExpression=(
                        "attribute_not_exists(started_by) OR size(started_by) < :most OR contains(started_by, :by)"
                    ),
                    ExpressionAttributeValues={
                        ":me": {"SS": [by]},
                        ":by": {"S": by},
                        ":most": {"N": str(most)},
                    },
                )
            except Exception as error:
                if error_code(error) == CONDITION_FAILED:
                    return False
                raise
        return True

    def _key(self, machine: str, execution_arn: str) -> dict[str, Any]:
        return {"cluster": {"S": self.cluster_name}, "entry": {"S": f"mend#{machine}#{execution_arn.rpartition(':')[2]}"}}
