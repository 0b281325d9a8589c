"""The Ledger's entries of storage nights: ``storage#<night>#<run>#<batch>``, one item per batch.

Intents are written before a batch's first deed, outcomes after its last. Counters beside them (``volumes``, ``snapshots``) tell
a night's share without reading either.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from hubplane.domain.provider_errors import error_code, translated
from hubplane.domain.storage.actions import DELETES, Action
from hubplane.domain.storage.outcomes import (
    Intent,
    Outcome,
    Result,
    intent_from_json,
    intent_to_json,
    outcome_from_json,
    outcome_to_json,
)
from hubplane.domain.storage.ports import Entry
from hubplane.domain.storage.records import AcceptedWarning

CONDITION_FAILED: Final = "ConditionalCheckFailedException"
WARNINGS: Final = "mail#storage_warning#"


class Deleted(NamedTuple):
    """How many of each were deleted in a night, by every run of it."""

    volumes: int
    snapshots: int


class StorageLedger:
    """The port ``domain.storage.ports.Ledger`` of one run; ``client`` is a boto3 DynamoDB client. ``night`` as ``2026-11-25``."""

    def __init__(self, client: Any, table_name: str, cluster_name: str, night: str, run_id: str) -> None:
        self._client = client
        self._table_name = table_name
        self._cluster_name = cluster_name
        self._prefix = f"{_night(night)}{run_id}#"

    def begin(self, batch: str, intents: Sequence[Intent], now: datetime) -> Entry | None:
        """Write the intents, None; or the entry that is there already, as it is."""
        with translated(f"begin batch {batch}"):
            try:
                self._client.put_item(
                    TableName=self._table_name,
                    Item={
                        **self._key(batch),
                        "begun_at": {"S": now.isoformat()},
                        "intents": {"S": _written(intent_to_json(intent) for intent in intents)},
                        **_counters(intent.action for intent in intents),
                    },
                    ConditionExpression="attribute_not_exists(entry)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except Exception as error:
                if error_code(error) != CONDITION_FAILED:
                    raise
                return _entry(getattr(error, "response", {})["Item"])
        return None

    def finish(self, batch: str, outcomes: Sequence[Outcome], now: datetime) -> None:
        """Write what became of a begun batch; the counters become what was really deleted. Repeatable."""
        deleted = (outcome.action for outcome in outcomes if outcome.result is Result.DELETED)
        counted = {f":{name}": value for name, value in _counters(deleted).items()}
        with translated(f"finish batch {batch}"):
            self._client.update_item(
                TableName=self._table_name,
                Key=self._key(batch),
                UpdateExpression="SET finished_at = :now, outcomes = :outcomes, volumes = :volumes, snapshots = :snapshots",
                ConditionExpression="attribute_exists(begun_at)",
                ExpressionAttributeValues={
                    ":now": {"S": now.isoformat()},
                    ":outcomes": {"S": _written(outcome_to_json(outcome) for outcome in outcomes)},
                    **counted,
                },
            )

    def _key(self, batch: str) -> dict[str, Any]:
        return {"cluster": {"S": self._cluster_name}, "entry": {"S": self._prefix + batch}}


def deleted_tonight(client: Any, table_name: str, cluster_name: str, night: str) -> Deleted:
    """What this night's runs have deleted so far. A batch that was begun and never finished counts with all it intended."""
    volumes = snapshots = 0
    for item in _items(client, table_name, cluster_name, _night(night), "volumes, snapshots"):
        volumes += int(item["volumes"]["N"])
        snapshots += int(item["snapshots"]["N"])
    return Deleted(volumes, snapshots)


def accepted_warnings(client: Any, table_name: str, cluster_name: str) -> tuple[AcceptedWarning, ...]:
    """Every storage warning of the cluster that the mail service took and that did not bounce; once for each date it told."""
    found = []
    for item in _items(client, table_name, cluster_name, WARNINGS, "accepted_at, bounced_at, facts"):
        if "accepted_at" not in item or "bounced_at" in item:
            continue
        for text in item.get("facts", {}).get("SS", ()):
            facts = json.loads(text)
            found.append(
                AcceptedWarning(
                    snapshot_id=facts["snapshot_id"],
                    owner_sub=facts["owner_sub"],
                    last_used_at=datetime.fromisoformat(facts["last_used_at"]),
                    days_before=int(facts["days_before"]),
                    accepted_at=datetime.fromisoformat(item["accepted_at"]["S"]),
                    announced_delete_at=datetime.fromisoformat(facts["announced_delete_at"]),
                )
            )
    return tuple(found)


def _items(client: Any, table_name: str, cluster_name: str, prefix: str, wanted: str) -> Iterator[Any]:
    with translated(f"read the ledger of cluster {cluster_name} below {prefix}"):
        pages = client.get_paginator("query").paginate(
            TableName=table_name,
            KeyConditionExpression="#cluster = :cluster AND begins_with(entry, :prefix)",
            ProjectionExpression=wanted,
            ExpressionAttributeNames={"#cluster": "cluster"},
            ExpressionAttributeValues={":cluster": {"S": cluster_name}, ":prefix": {"S": prefix}},
            ConsistentRead=True,
        )
        yield from (item for page in pages for item in page["Items"])


def _night(night: str) -> str:
    return f"storage#{night}#"


def _counters(actions: Iterable[Action]) -> dict[str, Any]:
    counted = [action for action in actions if action in DELETES]
    snapshots = sum(1 for action in counted if action is Action.DELETE_SNAPSHOT)
    return {"volumes": {"N": str(len(counted) - snapshots)}, "snapshots": {"N": str(snapshots)}}


def _written(documents: Iterable[dict[str, Any]]) -> str:
    return json.dumps(list(documents), separators=(",", ":"), ensure_ascii=False)


def _entry(item: Any) -> Entry:
    outcomes = item.get("outcomes")
    return Entry(
        begun_at=datetime.fromisoformat(item["begun_at"]["S"]),
        intents=tuple(intent_from_json(document) for document in json.loads(item["intents"]["S"])),
        outcomes=None if outcomes is None else tuple(outcome_from_json(document) for document in json.loads(outcomes["S"])),
    )
