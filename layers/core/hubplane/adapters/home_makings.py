"""Generations of a home in the Ledger: an item ``home#<claim>#<number>`` each, begun before the first deed, ended after the last.

``#`` is in no claim's name. The number is part of the key and written once, so of two that begin at one time one does.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from hubplane.domain.homes.making import Making, Source
from hubplane.domain.homes.volumes import WantedVolume
from hubplane.domain.provider_errors import error_code, translated

CONDITION_FAILED: Final = "ConditionalCheckFailedException"


class HomeMakings:
    """The port ``domain.homes.ports.Makings``; ``client`` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, ledger_table_name: str) -> None:
        self._client = client
        self._table_name = ledger_table_name

    def last(self, cluster_name: str, claim_name: str) -> Making | None:
        """The newest generation, read consistently; None where the home was never brought back."""
        with translated(f"read how the home {claim_name} of cluster {cluster_name} was brought back"):
            found = self._client.query(
                TableName=self._table_name,
                KeyConditionExpression="#cluster = :cluster AND begins_with(entry, :prefix)",
                ExpressionAttributeNames={"#cluster": "cluster"},
                ExpressionAttributeValues={":cluster": {"S": cluster_name}, ":prefix": {"S": f"home#{claim_name}#"}},
                ScanIndexForward=False,
                Limit=1,
                ConsistentRead=True,
            )["Items"]
        return _making(found[0]) if found else None

    def begin(self, cluster_name: str, making: Making) -> bool:
        """Write the generation; False, and nothing is written, where there is one of its number already."""
        wanted = {} if making.wanted is None else {"wanted": {"S": json.dumps(asdict(making.wanted), sort_keys=True)}}
        made = {} if making.volume_id is None else {"volume_id": {"S": making.volume_id}}
        with translated(f"begin to bring back the home {making.claim_name} of cluster {cluster_name}"):
            try:
                self._client.put_item(
                    TableName=self._table_name,
                    Item={
                        **_key(cluster_name, making),
                        "source": {"S": str(making.source)},
                        "claim_name": {"S": making.claim_name},
                        "persistent_volume_name": {"S": making.persistent_volume_name},
                        "begun_at": {"S": making.begun_at.astimezone(UTC).isoformat()},
                        "tries": {"N": str(making.tries)},
                        **wanted,
                        **made,
                    },
                    ConditionExpression="attribute_not_exists(entry)",
                )
            except Exception as error:
                if error_code(error) != CONDITION_FAILED:
                    raise
                return False
        return True

    def note(self, cluster_name: str, making: Making, volume_id: str, now: datetime) -> None:
        """Write down which volume it made, and when that was known. Repeatable."""
        values = {":volume": {"S": volume_id}, ":now": {"S": now.astimezone(UTC).isoformat()}}
        self._update(cluster_name, making, "SET volume_id = :volume, made_at = :now", values)

    def end(self, cluster_name: str, making: Making, volume_id: str, now: datetime) -> None:
        """Write down that the claim holds this volume, and since when that is known. Repeatable."""
        values = {":volume": {"S": volume_id}, ":now": {"S": now.astimezone(UTC).isoformat()}}
        self._update(cluster_name, making, "SET held_volume_id = :volume, ended_at = :now", values)

    def _update(self, cluster_name: str, making: Making, expression: str, values: dict[str, Any]) -> None:
        with translated(f"write down how the home {making.claim_name} of cluster {cluster_name} was brought back"):
            self._client.update_item(
                TableName=self._table_name,
                Key=_key(cluster_name, making),
                UpdateExpression=expression,
                ConditionExpression="attribute_exists(begun_at)",
                ExpressionAttributeValues=values,
            )


def _key(cluster_name: str, making: Making) -> dict[str, Any]:
    return {"cluster": {"S": cluster_name}, "entry": {"S": f"home#{making.claim_name}#{making.number:06}"}}


def _making(item: Any) -> Making:
    made, ended = item.get("made_at"), item.get("ended_at")
    wanted = item.get("wanted")
    return Making(
        number=int(item["entry"]["S"].rpartition("#")[2]),
        source=Source(item["source"]["S"]),
        claim_name=item["claim_name"]["S"],
        persistent_volume_name=item["persistent_volume_name"]["S"],
        begun_at=datetime.fromisoformat(item["begun_at"]["S"]),
        volume_id=item["volume_id"]["S"] if "volume_id" in item else None,
        made_at=datetime.fromisoformat(made["S"]) if made else None,
        wanted=WantedVolume(**json.loads(wanted["S"])) if wanted else None,
        tries=int(item["tries"]["N"]),
        ended_at=datetime.fromisoformat(ended["S"]) if ended else None,
    )
