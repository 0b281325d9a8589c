"""Holds on homes: one Ledger item ``hold#<claim>`` each, written only where no other's lease stands.

A cluster that ends and a change of a home of it never go on side by side: the change writes its hold and then reads the
cluster's status; the deletion writes the status and then reads the holds. Whoever writes last sees the other. One transaction
over both tables would say the same, but a class that signs in at once would conflict with itself over the cluster's one item.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from hubplane.domain.clusters import ENDING
from hubplane.domain.errors import ClusterBusy, HomeHeld
from hubplane.domain.homes.holds import Hold
from hubplane.domain.provider_errors import error_code, translated

CONDITION_FAILED: Final = "ConditionalCheckFailedException"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class HomeHolds:
    """Reads holds and gives them back; ``client`` is a boto3 DynamoDB client, ``now`` the time leases are held against."""

    def __init__(self, client: Any, ledger_table_name: str, now: Callable[[], datetime] = _utc_now) -> None:
        self._client = client
        self._table_name = ledger_table_name
        self._now = now

    def release(self, cluster_name: str, claim_name: str, holder: str) -> None:
        """Give the hold back. Repeatable; another's hold, or none, stays as it is."""
        with translated(f"release the home {claim_name} of cluster {cluster_name}"):
            try:
                self._client.delete_item(
                    TableName=self._table_name,
                    Key=_key(cluster_name, claim_name),
                    ConditionExpression="holder = :me",
                    ExpressionAttributeValues={":me": {"S": holder}},
                )
            except Exception as error:
                if error_code(error) != CONDITION_FAILED:
                    raise

    def read(self, cluster_name: str, claim_name: str) -> Hold | None:
        """The hold that stands now, None where there is none or its lease has passed. Read consistently."""
        with translated(f"read the hold on the home {claim_name} of cluster {cluster_name}"):
            key = _key(cluster_name, claim_name)
            item = self._client.get_item(TableName=self._table_name, Key=key, ConsistentRead=True).get("Item")
        held = _hold(item) if item else None
        return held if held and held.until_at > self._now() else None

    def standing(self, cluster_name: str) -> tuple[Hold, ...]:
        """Every hold of a cluster that stands now; in pages."""
        with translated(f"read the holds on homes of cluster {cluster_name}"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table_name,
                KeyConditionExpression="#cluster = :cluster AND begins_with(entry, :prefix)",
                ExpressionAttributeNames={"#cluster": "cluster"},
                ExpressionAttributeValues={":cluster": {"S": cluster_name}, ":prefix": {"S": "hold#"}},
                ConsistentRead=True,
            )
            found = [_hold(item) for page in pages for item in page["Items"]]
        return tuple(held for held in found if held.until_at > self._now())


class HomeHolder(HomeHolds):
    """Takes holds as well, in a cluster that is not ending."""

    def __init__(
        self, client: Any, ledger_table_name: str, clusters_table_name: str, now: Callable[[], datetime] = _utc_now
    ) -> None:
        super().__init__(client, ledger_table_name, now)
        self._clusters_table_name = clusters_table_name

    def hold(self, cluster_name: str, claim_name: str, holder: str, why: str, until_at: datetime) -> None:
        """Hold the home until ``until_at``. Repeatable: the same holder renews. Raises ``HomeHeld`` where another holds it, and
        ``ClusterBusy``, holding nothing, where the cluster is being deleted or was."""
        with translated(f"hold the home {claim_name} of cluster {cluster_name}"):
            try:
                self._put(cluster_name, claim_name, holder, why, until_at)
            except Exception as error:
                if error_code(error) != CONDITION_FAILED:
                    raise
                held = _hold(getattr(error, "response", {})["Item"])
                raise HomeHeld(
                    f"the home {claim_name} of {cluster_name} is held by {held.holder} until {_text(held.until_at)} "
                    f"({held.why}): wait until that has ended, and try again"
                ) from error
            status = self._status(cluster_name)
            if status in ENDING:
                self._put(cluster_name, claim_name, holder, why, self._now())
                raise ClusterBusy(f"cluster {cluster_name} is {status}: build it again before a home of it is changed")

    def _put(self, cluster_name: str, claim_name: str, holder: str, why: str, until_at: datetime) -> None:
        self._client.put_item(
            TableName=self._table_name,
            Item={
                **_key(cluster_name, claim_name),
                "holder": {"S": holder},
                "why": {"S": why},
                "until_at": {"S": _text(until_at)},
            },
            ConditionExpression="attribute_not_exists(entry) OR holder = :me OR until_at <= :now",
            ExpressionAttributeValues={":me": {"S": holder}, ":now": {"S": _text(self._now())}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _status(self, cluster_name: str) -> str | None:
        """Read consistently: a status that was written before this hold must be seen."""
        item = self._client.get_item(
            TableName=self._clusters_table_name,
            Key={"cluster_name": {"S": cluster_name}},
            ProjectionExpression="#status",
            ExpressionAttributeNames={"#status": "status"},
            ConsistentRead=True,
        ).get("Item", {})
        return item["status"]["S"] if "status" in item else None


def _key(cluster_name: str, claim_name: str) -> dict[str, Any]:
    return {"cluster": {"S": cluster_name}, "entry": {"S": f"hold#{claim_name}"}}


def _hold(item: Any) -> Hold:
    return Hold(item["holder"]["S"], item["why"]["S"], datetime.fromisoformat(item["until_at"]["S"]))


def _text(moment: datetime) -> str:
    """Whole seconds of UTC: DynamoDB compares texts."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")
