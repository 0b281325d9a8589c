"""The Users table: conditions decide who holds a name and a claim, and nothing that was read is overwritten unread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.errors import ProviderError, Throttled
from hubplane.domain.registration.records import ReturnGrant, Status, UserRecord
from tests.adapters.fake_aws import fake_client

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADA = UserRecord("ada", "sub-1", "ada@example.org", Status.PENDING)


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName="users",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "username", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "username", "KeyType": "HASH"}],
        )
        yield client


@pytest.fixture
def users(dynamodb: Any) -> UsersTable:
    return UsersTable(dynamodb, "users")


def test_a_record_is_read_back_as_it_was_written(users: UsersTable) -> None:
    full = UserRecord(
        "a-b",
        "sub-2",
        "",
        Status.TOMBSTONE,
        clusters=("one", "two"),
        former_subs=("sub-0", "sub-1"),
        return_grant=ReturnGrant("Ada Admin", NOW),
        home_passed_to="sub-3",
    )
    assert users.write(RecordChange(full))
    assert users.read("A-B") == full
    assert users.known("A-b").records == {"a-b": full}
    assert users.known("a-b").claim_holders == {"claim-a-2db": "a-b", "claim-a-b": "a-b"}


def test_nobody_is_no_record(users: UsersTable) -> None:
    assert users.read("ada") is None
    assert (users.known("ada").records, users.known("ada").claim_holders) == ({}, {})


@pytest.mark.parametrize(
    "name", ["", "claim#claim-ada", "x" * 3000, "é" * 400, "\ud800"], ids=["empty", "claim", "long", "escaped", "lone"]
)
def test_text_that_can_be_no_key_is_nobody(users: UsersTable, name: str) -> None:
    users.write(RecordChange(ADA))
    assert users.read(name) is None
    assert users.known(name).records == {}
    assert not users.see(name, "sub-1", NOW, HOUR)


def test_of_two_who_race_for_a_name_one_gets_it(users: UsersTable) -> None:
    assert users.write(RecordChange(ADA))
    assert not users.write(RecordChange(replace(ADA, sub="sub-2")))
    assert users.read("ada") == ADA


def test_of_two_names_with_one_claim_one_gets_it_and_the_other_leaves_nothing(users: UsersTable) -> None:
    assert users.write(RecordChange(UserRecord("a-b", "sub-1", "", Status.PENDING)))
    assert not users.write(RecordChange(UserRecord("a-2db", "sub-2", "", Status.PENDING)))
    assert users.read("a-2db") is None
    assert "claim-a-2d2db" not in users.known("a-2db").claim_holders


def test_a_write_again_is_success(users: UsersTable) -> None:
    approved = replace(ADA, status=Status.APPROVED)
    for _ in range(2):
        assert users.write(RecordChange(ADA))
    for _ in range(2):
        assert users.write(RecordChange(approved, ADA))


def test_a_late_repeat_undoes_nothing(users: UsersTable) -> None:
    users.write(RecordChange(ADA))
    users.write(RecordChange(replace(ADA, status=Status.APPROVED), ADA))
    assert not users.write(RecordChange(ADA))
    assert users.read("ada") == replace(ADA, status=Status.APPROVED)


@pytest.mark.parametrize(
    "between",
    [
        {"sub": "sub-9"},
        {"email": "x@example.org"},
        {"status": Status.REFUSED},
        {"clusters": ("one",)},
        {"former_subs": ("s",)},
        {"return_grant": ReturnGrant("x", NOW)},
        {"home_passed_to": "sub-9"},
    ],
    ids=lambda item: next(iter(item)),
)
def test_whatever_changed_since_it_was_read_is_not_overwritten(users: UsersTable, between: dict[str, Any]) -> None:
    users.write(RecordChange(ADA))
    changed = replace(ADA, **between)
    assert users.write(RecordChange(changed, ADA))
    assert not users.write(RecordChange(replace(ADA, status=Status.APPROVED), ADA))
    assert users.read("ada") == changed
    assert users.write(RecordChange(ADA, changed))
    assert users.read("ada") == ADA


def test_two_records_change_together_or_not_at_all(users: UsersTable) -> None:
    bob = UserRecord("bob", "sub-2", "", Status.APPROVED)
    users.write(RecordChange(ADA))
    users.write(RecordChange(bob))
    former, returning = replace(ADA, home_passed_to="sub-2"), replace(bob, former_subs=("sub-1",))
    stale = replace(bob, status=Status.DISABLED)
    assert not users.write(RecordChange(former, ADA), RecordChange(returning, stale))
    assert users.read("ada") == ADA
    assert users.write(RecordChange(former, ADA), RecordChange(returning, bob))
    assert (users.read("ada"), users.read("bob")) == (former, returning)


def test_what_is_written_with_a_record_decides_too_and_also_in_a_repeat(users: UsersTable) -> None:
    nonce = {
        "Put": {
            "TableName": "users",
            "Item": {"username": {"S": "nonce#1"}},
            "ConditionExpression": "attribute_not_exists(username)",
        }
    }
    assert users.write(RecordChange(ADA), also=[nonce])
    assert not users.write(RecordChange(ADA), also=[nonce])


def test_a_change_never_renames(users: UsersTable) -> None:
    with pytest.raises(ValueError, match="never handed on"):
        users.write(RecordChange(replace(ADA, username="bob"), ADA))


def test_last_seen_is_written_at_most_once_in_a_while_and_by_nobody_else(users: UsersTable) -> None:
    users.write(RecordChange(ADA))
    assert not users.see("ada", "sub-2", NOW, HOUR)
    assert users.see("Ada", "sub-1", NOW, HOUR)
    assert not users.see("ada", "sub-1", NOW + timedelta(minutes=59), HOUR)
    assert users.see("ada", "sub-1", NOW + HOUR, HOUR)
    assert not users.see("nobody", "sub-1", NOW, HOUR)
    assert users.read("nobody") is None
    record = users.read("ada")
    assert record == ADA
    assert record is not None and record.last_seen_at == NOW + HOUR
    users.write(RecordChange(replace(ADA, status=Status.APPROVED), ADA))
    record = users.read("ada")
    assert record is not None and record.last_seen_at == NOW + HOUR


class ThreePages:
    """DynamoDB that pages, as moto does not for so few."""

    def scan(self, **asked: Any) -> dict[str, Any]:
        number = int(asked.get("ExclusiveStartKey", {}).get("username", {}).get("S", "0"))
        items = [_item(f"user{number}"), {"username": {"S": f"claim#claim-user{number}"}, "holder": {"S": f"user{number}"}}]
        more = {"LastEvaluatedKey": {"username": {"S": str(number + 1)}}} if number < 2 else {}
        return {"Items": items, **more}


def _item(username: str) -> dict[str, Any]:
    texts = {"username": username, "sub": f"sub of {username}", "email": "", "status": "approved"}
    return {**{key: {"S": value} for key, value in texts.items()}, "clusters": {"L": []}, "former_subs": {"L": []}}


def test_all_records_are_read_page_by_page_without_the_items_of_claims() -> None:
    users = UsersTable(fake_client("dynamodb", ThreePages()), "users")
    assert [record.username for record in users.records()] == ["user0", "user1", "user2"]


class Canceling:
    """A transaction that DynamoDB cancels; ``fake_client`` cannot carry its reasons."""

    def __init__(self, code: str) -> None:
        self.code = code

    def transact_write_items(self, **_: Any) -> None:
        error = Exception("canceled")
        reasons = [{"Code": "None"}, {"Code": self.code}]
        error.response = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}  # type: ignore[attr-defined]
        raise error


@pytest.mark.parametrize(("code", "expected"), [("TransactionConflict", Throttled), ("ValidationError", ProviderError)])
def test_a_transaction_that_was_not_decided_is_no_refusal(code: str, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        UsersTable(Canceling(code), "users").write(RecordChange(ADA))


class HalfAnAnswer:
    def batch_get_item(self, **asked: Any) -> dict[str, Any]:
        return {"Responses": {}, "UnprocessedKeys": asked["RequestItems"]}


def test_half_an_answer_is_none() -> None:
    with pytest.raises(Throttled):
        UsersTable(fake_client("dynamodb", HalfAnAnswer()), "users").known("ada")


def test_an_edited_record_says_which_and_what_to_do(users: UsersTable, dynamodb: Any) -> None:
    dynamodb.put_item(TableName="users", Item={**_item("ada"), "status": {"S": "Approved"}})
    with pytest.raises(ProviderError, match=r"'ada' cannot be read .*repair it"):
        users.read("ada")
