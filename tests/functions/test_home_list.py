"""PrepareHomeSweep and WriteHomeList: an input judged, a swept cluster as a table in the bucket."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.errors import ClusterUnknown, HomeInputInvalid
from hubplane.domain.storage.documents import SweptCluster, record_to_json
from hubplane.domain.storage.jsonlines import LineWriter
from hubplane.domain.storage.records import Claim, Inventory, Owner, Snapshot, Volume
from tests.functions.people_world import People
from tests.functions.release_clients import event, load

AT = datetime(2026, 11, 25, 10, 5, tzinfo=UTC)
EVENT = event("write_home_list")
OURS = {"kubernetes.io/cluster/opensarlab": "owned", "kubernetes.io/created-for/pvc/name": "claim-ana"}


def lines(records: tuple[Any, ...]) -> LineWriter:
    writer = LineWriter()
    for record in records:
        writer.add(record_to_json(record))
    return writer


def store(bucket: StorageBucket, prefix: str, inventory: Inventory, unknown: str | None = None) -> None:
    """An inventory as a sweep leaves it."""
    bucket.put_page(prefix, "volumes", 1, lines(inventory.volumes))
    bucket.put_page(prefix, "snapshots", 1, lines(inventory.snapshots))
    bucket.put_cluster(prefix, SweptCluster(inventory, AT, 1, 1, unknown))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[StorageBucket]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="storage")
        yield StorageBucket(client, "storage")


def test_the_table_lies_in_the_bucket_and_the_answer_counts(bucket: StorageBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    inventory = Inventory(
        "opensarlab",
        "553778890976",
        (Volume("vol-1", 100, "available", AT, OURS, volume_type="gp3"),),
        (Snapshot("snap-1", "vol-1", "completed", AT, 100, "553778890976", OURS),),
        claims=(Claim("jupyter", "claim-ana", "uid", "vol-1"),),
        owners=(Owner("sub-ana", "ana", "claim-ana"),),
    )
    store(bucket, EVENT["run"]["prefix"], inventory)
    handler = load("write_home_list", monkeypatch, STORAGE_BUCKET_NAME="storage").handler
    answer = handler(EVENT, None)
    assert (answer["homes"], answer["counts"], answer["usd_per_month"]) == (1, {"bound": 1}, 13.0)
    assert answer["reason"] == "1 home of opensarlab: 1 bound; at most 13.00 USD a month"
    document = bucket.json(answer["json_key"])
    assert [(home["claim_name"], home["usernames"], home["copies"]) for home in document["homes"]] == [("claim-ana", ["ana"], 1)]
    table = list(csv.DictReader(io.StringIO(bucket.text(answer["csv_key"]) or "")))
    assert [(row["claim_name"], row["usernames"], row["size_gib"]) for row in table] == [("claim-ana", "ana", "100")]
    assert handler(EVENT, None)["json_key"] == answer["json_key"]


def test_a_cluster_that_could_not_be_asked_is_said(bucket: StorageBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    store(bucket, EVENT["run"]["prefix"], Inventory("opensarlab", "553778890976", claims=None), "no answer")
    answer = load("write_home_list", monkeypatch, STORAGE_BUCKET_NAME="storage").handler(EVENT, None)
    assert answer["notes"] == ["the cluster could not be asked which homes have a claim"]


def test_the_sweep_of_a_list_plans_nothing_and_lies_by_itself(new_world: Callable[..., People]) -> None:
    people = new_world("sar")
    arn = "arn:aws:states:us-east-1:553778890976:execution:hubplane-list-homes:one"
    asked = {"machine": "list_homes", "input": {"cluster_name": "sar"}, "execution_arn": arn}
    answer = people.run("prepare_home_sweep", asked)
    assert (answer["run"]["step"], answer["run"]["mode"], answer["mode"]) == ("list_homes", "plan", "plan")
    assert answer["run"]["prefix"].startswith("runs/sar/")
    with pytest.raises(ClusterUnknown):
        people.run("prepare_home_sweep", {**asked, "input": {"cluster_name": "ice"}})
    with pytest.raises(HomeInputInvalid):
        people.run("prepare_home_sweep", {**asked, "input": {"cluster_name": "sar", "mode": "plan"}})


@pytest.mark.parametrize("people", [10, 1000])
def test_calls_grow_with_pages_and_not_with_people(bucket: StorageBucket, monkeypatch: pytest.MonkeyPatch, people: int) -> None:
    def tags(number: int) -> dict[str, str]:
        return {**OURS, "kubernetes.io/created-for/pvc/name": f"claim-p{number}"}

    volumes = tuple(Volume(f"vol-{n}", 100, "available", AT, tags(n), volume_type="gp3") for n in range(people))
    snapshots = tuple(Snapshot(f"snap-{n}", f"vol-{n}", "completed", AT, 100, "553778890976", tags(n)) for n in range(people))
    store(bucket, EVENT["run"]["prefix"], Inventory("opensarlab", "553778890976", volumes, snapshots, claims=()))
    module, calls = load("write_home_list", monkeypatch, STORAGE_BUCKET_NAME="storage"), []
    module.client("s3").meta.events.register("before-call.s3", lambda model, **_: calls.append(model.name))
    assert module.handler(EVENT, None)["homes"] == people
    assert sorted(calls) == ["GetObject"] * 3 + ["PutObject"] * 2
