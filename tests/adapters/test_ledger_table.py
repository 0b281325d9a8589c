"""The Ledger's storage entries: intents once, outcomes after, and what a night has taken so far."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.ledger_table import StorageLedger, accepted_warnings, deleted_tonight
from hubplane.domain.errors import ProviderError
from hubplane.domain.storage.actions import Action
from hubplane.domain.storage.outcomes import Intent, Outcome, Result
from hubplane.domain.storage.records import AcceptedWarning

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
NIGHT = "2026-11-25"
INTENTS = (
    Intent("vol-1", Action.DELETE_CLAIM, "Unused for 9 days.", "snap-1", "claim-ann", "sub-ann"),
    Intent("vol-2", Action.DELETE_VOLUME, "Unused for 9 days.", "snap-2"),
    Intent("snap-3", Action.DELETE_SNAPSHOT, "Older.", last_copy=True),
    Intent("vol-4", Action.CREATE_SNAPSHOT, "No snapshot."),
)
OUTCOMES = (
    Outcome("vol-1", Action.DELETE_CLAIM, Result.DELETED, "Unused for 9 days.", "snap-1", "claim-ann", "sub-ann"),
    Outcome("vol-2", Action.DELETE_VOLUME, Result.SKIPPED, "It is in use."),
    Outcome("snap-3", Action.DELETE_SNAPSHOT, Result.DELETED, "Older.", last_copy=True),
    Outcome("vol-4", Action.CREATE_SNAPSHOT, Result.STARTED, "No snapshot.", created_id="snap-9"),
)


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "cluster", "AttributeType": "S"},
                {"AttributeName": "entry", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "cluster", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
        )
        yield client


def ledger(dynamodb: Any, run_id: str = "2026-11-25/run-1", night: str = NIGHT) -> StorageLedger:
    return StorageLedger(dynamodb, "ledger", "lab", night, run_id)


def test_a_batch_is_begun_once_and_its_second_try_is_told_so(dynamodb: Any) -> None:
    assert ledger(dynamodb).begin("00001", INTENTS, NOW) is None
    entry = ledger(dynamodb).begin("00001", INTENTS[:1], NOW + timedelta(minutes=5))
    assert entry is not None
    assert (entry.begun_at, entry.intents, entry.outcomes) == (NOW, INTENTS, None)
    ledger(dynamodb).finish("00001", OUTCOMES, NOW)
    ledger(dynamodb).finish("00001", OUTCOMES, NOW)
    entry = ledger(dynamodb).begin("00001", INTENTS, NOW)
    assert entry is not None
    assert entry.outcomes == OUTCOMES
    assert ledger(dynamodb, "2026-11-25/run-2").begin("00001", INTENTS, NOW) is None


def test_what_was_never_begun_cannot_be_finished(dynamodb: Any) -> None:
    with pytest.raises(ProviderError, match="finish batch 00001"):
        ledger(dynamodb).finish("00001", OUTCOMES, NOW)


def test_an_unfinished_batch_counts_with_all_it_intended(dynamodb: Any) -> None:
    ledger(dynamodb).begin("00001", INTENTS, NOW)
    ledger(dynamodb, night="2026-11-24", run_id="2026-11-24/run").begin("00001", INTENTS, NOW)
    assert deleted_tonight(dynamodb, "ledger", "lab", NIGHT) == (2, 1)
    ledger(dynamodb).finish("00001", OUTCOMES, NOW)
    assert deleted_tonight(dynamodb, "ledger", "lab", NIGHT) == (1, 1)
    ledger(dynamodb, "2026-11-25/run-2").begin("00001", INTENTS, NOW)
    assert deleted_tonight(dynamodb, "ledger", "lab", NIGHT) == (3, 2)
    assert deleted_tonight(dynamodb, "ledger", "other", NIGHT) == (0, 0)


def test_a_full_batch_fits_an_item(dynamodb: Any) -> None:
    """DynamoDB refuses items above 400 KiB."""
    reason = (
        "Deleted through its claim jupyter/claim-some-name: unused for 9 days, and snap-0123456789abcdef0 holds everything." * 2
    )
    intents = [
        Intent(f"vol-0123456789abcde{n:02x}", Action.DELETE_CLAIM, reason, "s" * 22, "c" * 63, "u" * 36) for n in range(200)
    ]
    outcomes = [
        Outcome(item.resource_id, item.action, Result.DELETED, item.reason, "s" * 22, "c" * 63, "u" * 36) for item in intents
    ]
    ledger(dynamodb).begin("00001", intents, NOW)
    ledger(dynamodb).finish("00001", outcomes, NOW)
    (item,) = dynamodb.scan(TableName="ledger")["Items"]
    assert len(json.dumps(item)) < 300 * 1024


def test_only_accepted_mails_count_as_warnings(dynamodb: Any) -> None:
    facts = {
        "snapshot_id": "snap-1",
        "owner_sub": "sub-ann",
        "last_used_at": NOW.isoformat(),
        "days_before": 5,
        "announced_delete_at": (NOW + timedelta(days=6)).isoformat(),
    }

    def put(entry: str, **more: Any) -> None:
        item = {"cluster": {"S": "lab"}, "entry": {"S": entry}, "facts": {"SS": [json.dumps(facts)]}, **more}
        dynamodb.put_item(TableName="ledger", Item=item)

    put("mail#storage_warning#snap-1#1", accepted_at={"S": NOW.isoformat()})
    put("mail#storage_warning#snap-1#2", claimed_at={"S": NOW.isoformat()})
    put("mail#storage_warning#snap-1#3", accepted_at={"S": NOW.isoformat()}, bounced_at={"S": NOW.isoformat()})
    put("mail#volume_deleted#vol-1", accepted_at={"S": NOW.isoformat()})
    assert accepted_warnings(dynamodb, "ledger", "lab") == (
        AcceptedWarning("snap-1", "sub-ann", NOW, 5, NOW, NOW + timedelta(days=6)),
    )
