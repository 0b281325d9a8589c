"""A home that is being changed and a cluster that is being deleted, each planned before the other began: in whatever order their
steps fall, either the change does not begin, or nothing is proved or removed before it has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from hubplane.adapters.home_holds import HomeHolder, HomeHolds
from hubplane.domain.errors import ClusterBusy
from tests.functions.deletion_cluster import NAME
from tests.functions.deletion_world import Account

CLAIM, CHANGE = "claim-bob", "arn:aws:states:us-east-1:553778890976:execution:hubplane-restore-home:1"
ENFORCED = {"cluster_name": NAME, "confirm": NAME, "mode": "enforce"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Account]:
    with pytest.MonkeyPatch.context() as monkeypatch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        yield Account(monkeypatch)


@pytest.fixture
def account(shared: Account) -> Account:
    """The cluster is as it was built: ACTIVE, without a lock or a hold."""
    dynamodb = shared.services["dynamodb"]
    kept = {key: value for key, value in shared.record().items() if key not in ("lock", "storage_lock", "deletion")}
    dynamodb.put_item(TableName="clusters", Item={**kept, "status": {"S": "ACTIVE"}})
    dynamodb.delete_item(TableName="ledger", Key={"cluster": {"S": NAME}, "entry": {"S": f"hold#{CLAIM}"}})
    shared.wire.at = lambda _: None
    return shared


class Paused:
    """A DynamoDB client whose reads of a cluster wait until they are let go: the change is between its two steps."""

    def __init__(self, inner: Any) -> None:
        self._inner, self.written, self.go = inner, threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def get_item(self, **asked: Any) -> Any:
        self.written.set()
        assert self.go.wait(20)
        return self._inner.get_item(**asked)


class Change:
    """The hold of a change that was planned while the cluster was ACTIVE, taken in two steps: written, then looked."""

    def __init__(self, account: Account) -> None:
        self.client = Paused(account.services["dynamodb"])
        self.holder, self.refused = HomeHolder(self.client, "ledger", "clusters"), False
        self.thread = threading.Thread(target=self._hold)

    def _hold(self) -> None:
        try:
            self.holder.hold(NAME, CLAIM, CHANGE, "it is restored", datetime.now(UTC) + timedelta(minutes=30))
        except ClusterBusy:
            self.refused = True

    def write(self) -> None:
        self.thread.start()
        assert self.client.written.wait(20)

    def look(self) -> None:
        self.client.go.set()
        self.thread.join(20)

    def end(self) -> None:
        HomeHolds(self.client, "ledger").release(NAME, CLAIM, CHANGE)


ORDERS = [(written, looked) for written in range(5) for looked in range(written, 5)]


@pytest.mark.parametrize(("written", "looked"), ORDERS, ids=[f"written {one}, looked {two}" for one, two in ORDERS])
def test_in_every_order_one_of_them_waits(account: Account, written: int, looked: int) -> None:
    """Moments: 0 before the deletion, 1 after it looked for holds, 2 after it took the lock, 3 after it looked again, 4 when
    it goes on to prove homes."""
    change, moment = Change(account), 0

    def pass_moment() -> None:
        nonlocal moment
        if moment == written:
            change.write()
        if moment == looked:
            change.look()
        moment += 1

    def at(told: str) -> None:
        asked = told.startswith("after call")
        if moment < 4 and ((asked and told.endswith("dynamodb.query")) or told.startswith("after prepare_deletion")):
            pass_moment()

    arn, refused, done = account.new_execution(), False, False
    pass_moment()
    account.wire.at = at
    try:
        account.run("prepare_deletion", arn, input=ENFORCED)
    except ClusterBusy:
        refused = True
    else:
        done = all_stopped(account, arn)
    account.wire.at = lambda _: None
    while moment < 5:
        pass_moment()
    if refused:
        assert not change.refused, "both were refused"
        assert account.record()["status"]["S"] == "ACTIVE", "who was refused changed nothing"
        return
    assert change.refused or not done, "a home is changed while everything is proved and removed"
    change.end()
    assert all_stopped(account, arn), "the change has ended, and the deletion goes on"


def all_stopped(account: Account, arn: str) -> bool:
    """Whether the deletion may go on to prove homes, after as many looks as servers need to stop."""
    looks: list[Callable[[], dict[str, Any]]] = [lambda: account.run("stop_cluster_servers", arn)] * 4
    return any(look()["done"] for look in looks)


def test_a_change_that_had_begun_ends_with_its_next_look(account: Account) -> None:
    arn, change = account.new_execution(), Change(account)

    def at(told: str) -> None:
        if told.endswith("dynamodb.query") and told.startswith("after call"):
            account.wire.at = lambda _: None
            change.write()
            change.look()

    account.wire.at = at
    account.run("prepare_deletion", arn, input=ENFORCED)
    assert not change.refused
    assert "1 home(s) are being changed" in account.run("stop_cluster_servers", arn)["reason"]
    with pytest.raises(ClusterBusy, match="DELETING"):
        change.holder.hold(NAME, CLAIM, CHANGE, "it is restored", datetime.now(UTC) + timedelta(minutes=30))
    assert all_stopped(account, arn)
