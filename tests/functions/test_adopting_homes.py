"""PlanAdoption and MarkHomes: a plan written down once, approved by its id, carried out exactly, cut off and done again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.ebs import Ebs
from hubplane.adapters.home_holds import HomeHolder
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.errors import HomeChangeRefused
from hubplane.domain.homes.adopting import Verdict, line_from_json
from hubplane.domain.storage.records import Claim, Inventory, Owner, Snapshot, Volume
from tests.adapters.fake_aws import fake_client
from tests.adapters.fake_ebs import ACCOUNT, CREATED, FakeEbs
from tests.functions.release_clients import event, load
from tests.functions.test_home_list import store

EVENT, MARK = event("plan_adoption"), event("mark_homes")
SUB = "hubplane:owner-sub"


def tags(claim: str, **more: str) -> dict[str, str]:
    return {"kubernetes.io/cluster/opensarlab": "owned", "kubernetes.io/created-for/pvc/name": claim, **more}


class World:
    """Homes of people in EC2, and a sweep of them on demand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="storage")
        self.bucket, self.dynamodb, self.ebs = StorageBucket(s3, "storage"), boto3.client("dynamodb"), FakeEbs()
        keys = ("cluster", "entry")
        self.dynamodb.create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)],
        )
        self.dynamodb.create_table(
            TableName="clusters",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "cluster_name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "cluster_name", "KeyType": "HASH"}],
        )
        variables = {"STORAGE_BUCKET_NAME": "storage", "LEDGER_TABLE_NAME": "ledger"}
        self.planner = load("plan_adoption", monkeypatch, **variables)
        self.marker = load("mark_homes", monkeypatch, **variables, CLUSTERS_TABLE_NAME="clusters", HOLD_SECONDS="300")
        client = fake_client("ec2", self.ebs)
        monkeypatch.setattr(self.marker, "ebs", lambda: Ebs(client, client))
        self.inventory = Inventory("opensarlab", ACCOUNT, claims=())

    def add(self, person: str, number: int, **more: str) -> None:
        """A home of a person with one copy."""
        claim, volume_id, snapshot_id = f"claim-{person}", f"vol-{number}", f"snap-{number}"
        self.ebs.volume(volume_id, tags(claim, **more))
        self.ebs.snapshot(snapshot_id, volume_id, tags(claim, **more))
        self.inventory = replace(
            self.inventory,
            owners=(*self.inventory.owners, Owner(f"sub-{person}", person, claim)),
            claims=(*(self.inventory.claims or ()), Claim("jupyter", claim, f"uid-{person}", volume_id)),
        )

    def sweep(self) -> None:
        def told(item: dict[str, Any]) -> dict[str, str]:
            return {tag["Key"]: tag["Value"] for tag in item["Tags"]}

        volumes = tuple(Volume(key, 10, "available", CREATED, told(item)) for key, item in self.ebs.volumes.items())
        snapshots = tuple(
            Snapshot(key, item["VolumeId"], item["State"], CREATED, 10, ACCOUNT, told(item))
            for key, item in self.ebs.snapshots.items()
        )
        store(self.bucket, EVENT["run"]["prefix"], replace(self.inventory, volumes=volumes, snapshots=snapshots))

    def plan(self, **more: Any) -> dict[str, Any]:
        self.sweep()
        answer: dict[str, Any] = self.planner.handler({**EVENT, **more}, None)
        return answer

    def enforce(self, plan_id: str) -> dict[str, Any]:
        """As the machine does it."""
        planned = self.plan(mode="enforce", plan_id=plan_id, by="Grace")
        given = {**MARK, "plan_id": plan_id, "marks_key": planned["marks_key"]}
        while True:
            answer: dict[str, Any] = self.marker.handler(given, None)
            if answer["done"]:
                return answer
            given |= {name: answer[name] for name in ("cursor", "marked", "skipped")}

    def owners(self) -> dict[str, str | None]:
        everything = {**self.ebs.volumes, **self.ebs.snapshots}
        return {key: next((tag["Value"] for tag in item["Tags"] if tag["Key"] == SUB), None) for key, item in everything.items()}

    def ledger(self, plan_id: str) -> dict[str, str]:
        key = {"cluster": {"S": "opensarlab"}, "entry": {"S": f"adoption#{plan_id}"}}
        return {name: value["S"] for name, value in self.dynamodb.get_item(TableName="ledger", Key=key)["Item"].items()}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    with mock_aws():
        yield World(monkeypatch)


def test_a_plan_is_written_down_once_and_marks_nothing(world: World) -> None:
    world.add("ann", 1)
    world.add("eve", 2, **{SUB: "sub-other"})
    answer = world.plan()
    assert answer["counts"] == {"bind": 1, "refuse": 1}
    lines = {line.claim_name: line for line in map(line_from_json, world.bucket.lines(answer["plan_key"]))}
    assert (lines["claim-ann"].verdict, lines["claim-ann"].volume_ids) == (Verdict.BIND, ("vol-1",))
    first = world.ledger(answer["plan_id"])
    assert (world.plan()["plan_id"], world.ledger(answer["plan_id"])) == (answer["plan_id"], first)
    assert world.owners() == {"vol-1": None, "snap-1": None, "vol-2": "sub-other", "snap-2": "sub-other"}


def test_an_approved_plan_is_carried_out_and_the_ledger_says_by_whose_word(world: World) -> None:
    for number in range(1, 121):
        world.add(f"person{number}", number)
    plan_id = world.plan()["plan_id"]
    answer = world.enforce(plan_id)
    assert (answer["marked"], answer["skipped"], answer["cursor"]) == (240, 0, 120)
    assert world.owners()["vol-7"] == world.owners()["snap-7"] == "sub-person7"
    entry = world.ledger(plan_id)
    assert (entry["approved_by"], "finished_at" in entry) == ("Grace", True)
    again = world.enforce(plan_id)
    assert (again["marked"], again["skipped"]) == (0, 120), "all of it says whose it is"


def test_what_was_not_in_the_plan_is_not_marked(world: World) -> None:
    world.add("ann", 1)
    plan_id = world.plan()["plan_id"]
    world.add("ben", 2)
    assert world.enforce(plan_id)["marked"] == 2
    assert world.owners()["vol-2"] is None


def test_what_changed_since_is_skipped_with_its_reason(world: World) -> None:
    world.add("ann", 1)
    world.add("ben", 2)
    plan_id = world.plan()["plan_id"]
    world.inventory = replace(world.inventory, owners=(*world.inventory.owners, Owner("sub-bob", "bob", "claim-ben")))
    answer = world.enforce(plan_id)
    assert answer["notes"] == ["claim-ben: 2 names lead to this claim: ben, bob"]
    assert (world.owners()["vol-1"], world.owners()["vol-2"]) == ("sub-ann", None)


def test_what_changes_after_the_second_sweep_is_seen_right_before(world: World) -> None:
    world.add("ann", 1)
    plan_id = world.plan()["plan_id"]
    planned = world.plan(mode="enforce", plan_id=plan_id, by="Grace")
    world.ebs.volume("vol-1", tags("claim-ann", **{SUB: "sub-eve"}))
    del world.ebs.snapshots["snap-1"]
    answer = world.marker.handler({**MARK, "plan_id": plan_id, "marks_key": planned["marks_key"]}, None)
    assert answer["notes"] == ["vol-1 is marked as another account by now", "snap-1 is gone"]
    assert world.owners()["vol-1"] == "sub-eve"


def test_a_home_that_another_machine_holds_is_left_and_what_was_held_is_released(world: World) -> None:
    world.add("ann", 1)
    world.add("ben", 2)
    plan_id = world.plan()["plan_id"]
    holds = HomeHolder(world.dynamodb, "ledger", "clusters")
    holds.hold("opensarlab", "claim-ben", "a restore", "so", datetime(2100, 1, 1, tzinfo=UTC))
    answer = world.enforce(plan_id)
    assert (answer["marked"], answer["skipped"]) == (2, 1)
    assert "the home claim-ben of opensarlab is held by a restore" in answer["notes"][0]
    assert (world.owners()["vol-1"], world.owners()["vol-2"]) == ("sub-ann", None)
    assert holds.read("opensarlab", "claim-ann") is None
    holds.release("opensarlab", "claim-ben", "a restore")
    assert world.enforce(plan_id)["marked"] == 2


def test_a_plan_that_nobody_made_is_refused(world: World) -> None:
    with pytest.raises(HomeChangeRefused, match="there is no plan 0123456789abcdef"):
        world.plan(mode="enforce", plan_id="0123456789abcdef", by="Grace")
