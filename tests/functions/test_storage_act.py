"""start_snapshots, check_snapshots, apply_deletions from event to result; S3 and DynamoDB by moto, the others by fakes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.ebs import Ebs
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.errors import StorageInputInvalid
from hubplane.domain.storage.actions import Action, ClaimReference, PlannedAction
from hubplane.domain.storage.documents import SweptCluster, action_to_json
from hubplane.domain.storage.outcomes import outcome_from_json
from hubplane.domain.storage.records import Inventory, Owner, Sighting
from tests.adapters.fake_aws import fake_client
from tests.adapters.fake_ebs import ACCOUNT, FakeEbs
from tests.adapters.kubernetes_api import Api, running_api
from tests.adapters.test_claims import NAMESPACE, csi, put_claim, put_pod, put_volume
from tests.functions.release_clients import connect, event, load

NIGHT = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
NOW = NIGHT + timedelta(hours=2)
TAGS = {
    "kubernetes.io/cluster/opensarlab": "owned",
    "kubernetes.io/created-for/pvc/name": "claim-ann",
    "kubernetes.io/created-for/pvc/namespace": "jupyter",
}


class StillClock:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def pause(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Account:
    """One account with a bucket, a ledger, EBS and a clock; ``function`` loads a handler into it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.ebs = FakeEbs(page=500)
        self.ebs.now = NOW
        self.clock = StillClock()
        self.s3 = boto3.client("s3", "us-east-1")
        self.s3.create_bucket(Bucket="storage")
        self.dynamodb = boto3.client("dynamodb", "us-east-1")
        self.dynamodb.create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "cluster", "AttributeType": "S"},
                {"AttributeName": "entry", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "cluster", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
        )
        self.bucket = StorageBucket(self.s3, "storage")

    def function(self, name: str) -> Any:
        settings = {"LEDGER_TABLE_NAME": "ledger", "STORAGE_BUCKET_NAME": "storage", "WORK_SECONDS": "780"}
        module = load(name, self.monkeypatch, **({} if name == "check_snapshots" else settings))
        ec2 = fake_client("ec2", self.ebs)
        self.monkeypatch.setattr(module, "ebs", lambda: Ebs(ec2, ec2))
        if name != "check_snapshots":
            self.monkeypatch.setattr(module, "CLOCK", self.clock)
        return module

    def plan(self, prefix: str, step: str, *actions: PlannedAction) -> None:
        """What sweep and plan leave behind: one batch."""
        key = f"{prefix}{step}/batches/00001.jsonl.gz"
        self.bucket.put_lines(key, map(action_to_json, actions))
        self.bucket.put_json(f"{prefix}{step}/batches.json", [{"number": 1, "key": key, "count": len(actions)}])
        known = Inventory(
            cluster_name="opensarlab",
            account_id=ACCOUNT,
            owners=(Owner("sub-ann", "ann", "claim-ann"),),
            sightings=(Sighting("vol-a", NIGHT - timedelta(days=30), NIGHT - timedelta(days=9)),),
        )
        self.bucket.put_cluster(prefix, SweptCluster(known, NOW, 1, 1))

    def outcomes(self, prefix: str, step: str) -> list[Any]:
        keys = list(self.bucket.keys(f"{prefix}{step}/outcomes/"))
        return [outcome_from_json(line) for key in keys for line in self.bucket.lines(key)]

    def changed(self) -> list[str]:
        """The calls that changed something."""
        return [name for name, _ in self.ebs.calls if not name.startswith("describe")]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with mock_aws():
        yield Account(monkeypatch)


def wanted(volume_id: str, action: Action = Action.CREATE_SNAPSHOT) -> PlannedAction:
    return PlannedAction(volume_id, action, "It has no completed snapshot.", tags=TAGS)


def test_snapshots_are_started_once_and_waited_for(account: Account) -> None:
    started, checked = event("start_snapshots"), event("check_snapshots")
    prefix = started["run"]["prefix"]
    account.ebs.volume("vol-a", TAGS)
    account.ebs.volume("vol-b", TAGS)
    account.plan(prefix, "snapshot_volumes", wanted("vol-a"), wanted("vol-b", Action.DEFER), wanted("vol-gone"))
    start = account.function("start_snapshots")
    first, again = (start.handler(started, None) for _ in range(2))
    assert (first["done"], first["cursor"], first["started"], first["gone"]) == (True, None, 2, 1)
    assert again == first
    assert account.changed() == ["create_snapshot"] * 3  # the third was refused: its volume is gone
    assert len(account.ebs.snapshots) == 2
    assert [(item.resource_id, item.created_id is not None) for item in account.outcomes(prefix, "snapshot_volumes")] == [
        ("vol-a", True),
        ("vol-b", True),
        ("vol-gone", False),
    ]
    check = account.function("check_snapshots")
    late = {**checked, "run": {**checked["run"], "deadline_at": "2999-01-01T00:00:00+00:00"}}
    assert check.handler(late, None)["done"] is False
    for item, state in zip(account.ebs.snapshots.values(), ("completed", "error"), strict=True):
        item["State"] = state
    found = check.handler(late, None)
    assert (found["done"], found["pending"], found["completed"], found["failed"]) == (True, 0, 1, 1)


def test_a_full_account_is_waited_for_and_the_work_goes_on_where_it_was(account: Account) -> None:
    asked = event("start_snapshots")
    prefix = asked["run"]["prefix"]
    for number in range(80):
        account.ebs.snapshot(f"snap-other-{number}", f"vol-other-{number}", State="pending")
    for number in range(30):
        account.ebs.volume(f"vol-{number:02}", TAGS)
    account.plan(prefix, "snapshot_volumes", *(wanted(f"vol-{number:02}") for number in range(30)))
    start = account.function("start_snapshots")
    waiting = start.handler(asked, None)
    assert (waiting["done"], waiting["cursor"], waiting["started"]) == (False, {"batch": 0, "start": 0}, 0)
    for number in range(40):
        account.ebs.snapshots[f"snap-other-{number}"]["State"] = "completed"
    some = start.handler({**asked, "cursor": waiting["cursor"]}, None)
    assert (some["done"], some["cursor"], some["started"]) == (True, None, 30)
    assert sum(1 for item in account.ebs.snapshots.values() if item["State"] == "pending") == 70


def test_after_the_deadline_the_rest_is_left_and_named(account: Account) -> None:
    asked = event("start_snapshots", cursor={"batch": 0, "start": 1})
    account.plan(asked["run"]["prefix"], "snapshot_volumes", wanted("vol-a"), wanted("vol-b"))
    account.clock.at = NIGHT + timedelta(hours=13)
    found = account.function("start_snapshots").handler(asked, None)
    assert (found["done"], found["left"], account.ebs.calls) == (True, 1, [])
    (left,) = account.outcomes(asked["run"]["prefix"], "snapshot_volumes")
    assert (left.resource_id, left.result) == ("vol-b", "left")


@pytest.mark.parametrize("name", ["start_snapshots", "apply_deletions"])
def test_a_run_that_only_plans_never_changes_anything(account: Account, name: str) -> None:
    asked = event(name)
    asked["run"]["mode"] = "plan"
    with pytest.raises(StorageInputInvalid, match="only enforce may change anything"):
        account.function(name).handler(asked, None)
    assert account.ebs.calls == []


def idle_home(account: Account, api: Api) -> PlannedAction:
    """Ann's volume, unused for nine days, with its proof and its claim."""
    stopped = {"server-stop-time": str(NIGHT - timedelta(days=10))}
    account.ebs.volume("vol-a", {**TAGS, **stopped})
    account.ebs.snapshot("snap-a", "vol-a", TAGS, StartTime=NIGHT - timedelta(days=8))
    put_claim(api, "claim-ann", "pv-a")
    put_volume(api, "pv-a", **csi("vol-a"))
    reference = ClaimReference("jupyter", "claim-ann", "uid-1")
    return PlannedAction("vol-a", Action.DELETE_CLAIM, "Unused.", proof_snapshot_id="snap-a", claim=reference)


@pytest.fixture
def cluster(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Api]]:
    with running_api() as api:
        module = account.function("apply_deletions")
        connect(module, api.connection, monkeypatch)
        yield module.handler, api


def test_a_volume_goes_through_its_claim_and_its_owner_is_named(account: Account, cluster: tuple[Any, Api]) -> None:
    handler, api = cluster
    asked = event("apply_deletions")
    account.plan(asked["run"]["prefix"], "prune_volumes", idle_home(account, api))
    first, again = (handler(asked, None) for _ in range(2))
    assert (first["deleted"], first["failed"], first["changes"]) == (1, 0, ["deleted 1, started 0 snapshots"])
    assert again == first
    assert f"{NAMESPACE}/persistentvolumeclaims/claim-ann" not in api.objects
    assert [method for method, _, _ in api.requests].count("DELETE") == 1
    assert account.changed() == []
    (outcome,) = account.outcomes(asked["run"]["prefix"], "prune_volumes")
    assert (outcome.result, outcome.claim_name, outcome.owner_sub, outcome.proof_snapshot_id) == (
        "deleted",
        "claim-ann",
        "sub-ann",
        "snap-a",
    )


def test_a_pod_that_started_meanwhile_keeps_its_volume(account: Account, cluster: tuple[Any, Api]) -> None:
    handler, api = cluster
    asked = event("apply_deletions")
    account.plan(asked["run"]["prefix"], "prune_volumes", idle_home(account, api))
    put_pod(api, "jupyter-ann", "claim-ann")
    assert handler(asked, None)["skipped"] == 1
    assert f"{NAMESPACE}/persistentvolumeclaims/claim-ann" in api.objects


def test_snapshots_and_orphans_go_through_ec2(account: Account, cluster: tuple[Any, Api]) -> None:
    handler, _ = cluster
    asked = event("apply_deletions")
    for number in range(9):
        account.ebs.snapshot(f"snap-{number}", "vol-z", TAGS, StartTime=NIGHT - timedelta(hours=number))
    account.ebs.volume("vol-a", {**TAGS, "server-stop-time": str(NIGHT - timedelta(days=10))})
    account.ebs.snapshot("snap-a", "vol-a", TAGS, StartTime=NIGHT - timedelta(days=8))
    orphan = PlannedAction("vol-a", Action.DELETE_VOLUME, "Unused.", proof_snapshot_id="snap-a")
    older = PlannedAction("snap-8", Action.DELETE_SNAPSHOT, "Older.")
    newest = PlannedAction("snap-0", Action.DELETE_SNAPSHOT, "By mistake.")
    account.plan(asked["run"]["prefix"], "prune_volumes", orphan, older, newest)
    found = handler(asked, None)
    assert (found["deleted"], found["skipped"]) == (2, 1)
    assert account.changed() == ["delete_volume", "delete_snapshot"]
    assert "snap-0" in account.ebs.snapshots
