"""Holds on homes in a real table: one holder, renewed by himself, gone when its lease has passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.home_holds import HomeHolder
from hubplane.domain.errors import ClusterBusy, HomeHeld
from hubplane.domain.homes.holds import Hold

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=10)
WHY = "Your home is being made larger."


class Holds:
    def __init__(self) -> None:
        self.now = NOW
        client = boto3.client("dynamodb", "us-east-1")
        client.create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("cluster", "entry")],
            KeySchema=[{"AttributeName": "cluster", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
        )
        client.create_table(
            TableName="clusters",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "cluster_name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "cluster_name", "KeyType": "HASH"}],
        )
        self.client = client
        self.table = HomeHolder(client, "ledger", "clusters", lambda: self.now)

    def become(self, status: str) -> None:
        self.client.put_item(TableName="clusters", Item={"cluster_name": {"S": "opensarlab"}, "status": {"S": status}})

    def hold(self, holder: str, until_at: datetime = SOON) -> None:
        self.table.hold("opensarlab", "claim-ann", holder, WHY, until_at)

    def standing(self) -> Hold | None:
        return self.table.read("opensarlab", "claim-ann")


@pytest.fixture
def holds() -> Iterator[Holds]:
    with mock_aws():
        yield Holds()


def test_who_holds_keeps_others_out_until_he_gives_it_back(holds: Holds) -> None:
    assert holds.standing() is None
    holds.hold("arn:one")
    assert holds.standing() == Hold("arn:one", WHY, SOON)
    with pytest.raises(HomeHeld, match=r"held by arn:one until 2026-11-25T10:10:00\+00:00 \(Your home is being made larger"):
        holds.hold("arn:two")
    holds.table.release("opensarlab", "claim-ann", "arn:two")
    assert holds.standing() is not None
    for _ in range(2):
        holds.table.release("opensarlab", "claim-ann", "arn:one")
    assert holds.standing() is None
    holds.hold("arn:two")


def test_the_holder_renews_and_a_crashed_one_loses_it_with_its_lease(holds: Holds) -> None:
    holds.hold("arn:one")
    holds.hold("arn:one", SOON + timedelta(minutes=5))
    holds.now = SOON + timedelta(minutes=4)
    with pytest.raises(HomeHeld):
        holds.hold("arn:two")
    holds.now = SOON + timedelta(minutes=5)
    assert holds.standing() is None
    holds.hold("arn:two", SOON + timedelta(hours=1))
    assert holds.standing() == Hold("arn:two", WHY, SOON + timedelta(hours=1))


def test_homes_and_clusters_are_held_one_by_one(holds: Holds) -> None:
    holds.hold("arn:one")
    holds.table.hold("opensarlab", "claim-bob", "arn:two", WHY, SOON)
    holds.table.hold("other", "claim-ann", "arn:two", WHY, SOON)
    held = holds.table.read("opensarlab", "claim-bob")
    assert held is not None
    assert held.holder == "arn:two"


@pytest.mark.parametrize("status", ["DELETING", "DELETION_FAILED", "DELETED"])
def test_in_a_cluster_that_ends_nothing_is_held_and_nothing_renewed(holds: Holds, status: str) -> None:
    holds.hold("arn:one")
    holds.become(status)
    for holder in ("arn:one", "arn:two"):
        with pytest.raises(ClusterBusy, match=status):
            holds.hold(holder)
        assert holds.standing() is None, "what waits for the homes goes on"
    holds.become("ACTIVE")
    holds.hold("arn:two")


def test_another_s_hold_in_a_cluster_that_ends_stays(holds: Holds) -> None:
    holds.hold("arn:one")
    holds.become("DELETING")
    with pytest.raises(HomeHeld):
        holds.hold("arn:two")
    assert holds.standing() == Hold("arn:one", WHY, SOON)
