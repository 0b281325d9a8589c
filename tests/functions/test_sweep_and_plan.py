"""SweepStorage and PlanStorage together: EC2's pages, the tables and the cluster into S3, and from there to a plan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from cfnlint.decode import decode
from moto import mock_aws

from hubplane.adapters import ebs_sweep
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.errors import NotYet, ProviderError, Throttled
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.storage.actions import Action
from hubplane.domain.storage.documents import action_from_json
from hubplane.domain.storage.records import Owner, Sighting, UseEvent
from hubplane.domain.storage.taking_inventory import ENOUGH_FOR_THE_END
from local.bench import pages
from tests.adapters.kubernetes_api import Api, running_api
from tests.functions.release_clients import EVENTS, connect, event, load

NOW = datetime.now(UTC).replace(microsecond=0)
ACCOUNT, BUCKET = "553778890976", "storage"
VARIABLES = {"STORAGE_BUCKET_NAME": BUCKET, "LEDGER_TABLE_NAME": "Ledger", "USERS_TABLE_NAME": "Users"}
CLAIMS = "/api/v1/namespaces/jupyter/persistentvolumeclaims"


def stamp(days_ago: float) -> str:
    return f"{NOW - timedelta(days=days_ago):%Y-%m-%dT%H:%M:%S}.000Z"


def tag_set(**tags: str) -> str:
    named = {key.replace("__", "/").replace("_", "-"): value for key, value in tags.items()}
    return f"<tagSet>{''.join(f'<item><key>{key}</key><value>{value}</value></item>' for key, value in named.items())}</tagSet>"


MINE = {"kubernetes.io__cluster__opensarlab": "owned", "kubernetes.io__created_for__pvc__name": "claim-ann"}


def volume(name: str, tags: dict[str, str] | None = None, state: str = "available") -> str:
    return (
        f"<item><volumeId>{name}</volumeId><size>500</size><status>{state}</status><createTime>{stamp(400)}</createTime>"
        f"<snapshotId/><volumeType>gp3</volumeType>{tag_set(**(MINE if tags is None else tags))}</item>"
    )


def snapshot(name: str, of: str, days_ago: float, tags: dict[str, str] | None = None, state: str = "completed") -> str:
    return (
        f"<item><snapshotId>{name}</snapshotId><volumeId>{of}</volumeId><status>{state}</status>"
        f"<startTime>{stamp(days_ago)}</startTime><ownerId>{ACCOUNT}</ownerId><volumeSize>500</volumeSize>"
        f"{tag_set(**(MINE if tags is None else tags))}</item>"
    )


class Clock:
    """A Lambda's context whose time runs out: each look at it costs ``step`` seconds."""

    function_name = "sweep"

    def __init__(self, seconds: float, step: float) -> None:
        self.seconds, self.step = seconds, step

    def get_remaining_time_in_millis(self) -> float:
        self.seconds -= self.step
        return self.seconds * 1000


class Stage:
    """Both functions over one bucket, two tables, a cluster's API and whatever EC2 shows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, api: Api) -> None:
        self.patch, self.api = monkeypatch, api
        self.sweep_app = load("sweep_storage", monkeypatch, **VARIABLES)
        self.plan_app = load("plan_storage", monkeypatch, **VARIABLES)
        connect(self.sweep_app, api.connection, monkeypatch)
        self.dynamodb, self.s3 = boto3.client("dynamodb"), boto3.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        for table, *keys in (("Ledger", "cluster", "entry"), ("Users", "username")):
            self.dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
            )
        self.bucket = StorageBucket(self.s3, BUCKET)
        self.event = event("sweep_storage")
        self.prefix = self.event["run"]["prefix"]

    def put(self, table: str, **item: str) -> None:
        self.dynamodb.put_item(TableName=table, Item={key: {"S": value} for key, value in item.items()})

    @contextmanager
    def ec2(self, volumes: list[str], snapshots: list[str]) -> Iterator[list[str]]:
        with pages.serving(volumes, snapshots) as (address, asked):
            self.patch.setattr(self.sweep_app, "sweep_client", partial(ebs_sweep.sweep_client, endpoint_url=address))
            yield asked

    def sweep(self, cursor: Any = None, clock: Clock | None = None) -> dict[str, Any]:
        result: dict[str, Any] = self.sweep_app.handler({**self.event, "cursor": cursor}, clock)
        return json.loads(json.dumps(result))  # type: ignore[no-any-return]

    def plan(self, step: str, approved_key: str | None = None, **policy: Any) -> dict[str, Any]:
        run = {**self.event["run"], "step": step, "policy": {**self.event["run"]["policy"], **policy}}
        result: dict[str, Any] = self.plan_app.handler({**event("plan_storage"), "run": run, "approved_key": approved_key}, None)
        return json.loads(json.dumps(result))  # type: ignore[no-any-return]

    def lines(self, key: str) -> list[dict[str, Any]]:
        return list(self.bucket.lines(f"{self.prefix}{key}"))


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws(), running_api() as api:
        yield Stage(monkeypatch, api)


def test_a_sweep_keeps_what_is_the_clusters_and_counts_what_is_pending_in_the_account(stage: Stage) -> None:
    other = {"kubernetes.io__cluster__other": "owned"}
    volumes = [volume("vol-1"), volume("vol-2", {"KubernetesCluster": "opensarlab"}), volume("vol-3", {"KubernetesCluster": "x"})]
    snapshots = [
        snapshot("snap-1", "vol-1", 1),
        snapshot("snap-2", "vol-1", 2, {}),
        snapshot("snap-3", "vol-gone", 3),
        snapshot("snap-4", "vol-3", 4, other),
        snapshot("snap-5", "vol-3", 0, other, "pending"),
        snapshot("snap-6", "vol-2", 0, {}, "pending"),
    ]
    with stage.ec2(volumes, snapshots) as asked:
        result = stage.sweep()
    assert asked == ["DescribeVolumes", "DescribeSnapshots"], "no call per volume"
    assert result["done"]
    assert result["counts"] == {"volumes": 2, "snapshots": 4, "seen_snapshots": 6, "pending": 2}
    inventory = stage.bucket.inventory(stage.prefix)
    assert [item.volume_id for item in inventory.volumes] == ["vol-1", "vol-2"]
    assert [item.snapshot_id for item in inventory.snapshots] == ["snap-1", "snap-2", "snap-3", "snap-6"]
    assert (inventory.cluster_name, inventory.account_id, inventory.pending_in_account) == ("opensarlab", ACCOUNT, 2)
    assert inventory.claims == ()
    assert {item.volume_id for item in stage.bucket.sightings("opensarlab")} == {"vol-1", "vol-2"}


def test_a_sweep_without_the_storage_lock_leaves_no_sightings(stage: Stage) -> None:
    stage.event["run"]["step"] = "list_homes"
    with stage.ec2([volume("vol-1")], []):
        assert stage.sweep()["done"]
    assert stage.bucket.sightings("opensarlab") == ()
    assert {item.volume_id for item in stage.bucket.inventory(stage.prefix).sightings} == {"vol-1"}


def test_a_sweep_goes_on_from_its_cursor_wherever_the_time_ran_out(stage: Stage) -> None:
    volumes = [volume(f"vol-{number:04}") for number in range(1100)]
    snapshots = [snapshot(f"snap-{number:04}", f"vol-{number % 1100:04}", number % 9) for number in range(4300)]
    with stage.ec2(volumes, snapshots) as asked:
        whole = stage.sweep()
        expected = stage.bucket.inventory(stage.prefix)
        least = list(asked)
        for step in (60, 170):
            asked.clear()
            result, tries = {"cursor": None, "done": False}, 0
            while not result["done"]:
                again = stage.sweep(result["cursor"], Clock(600, step))
                assert stage.sweep(result["cursor"], Clock(600, step))["cursor"]["stage"] == again["cursor"]["stage"], (
                    "repeatable"
                )
                result, tries = again, tries + 1
                assert tries < 12
            assert result["counts"] == whole["counts"]
            found = stage.bucket.inventory(stage.prefix)
            assert (found.volumes, found.snapshots) == (expected.volumes, expected.snapshots)
    assert least == ["DescribeVolumes"] * 3 + ["DescribeSnapshots"] * 5
    assert tries > 2, "the last clock ran out again and again"


def test_tables_and_cluster_are_read_in_the_last_part(stage: Stage) -> None:
    seen_at = (NOW - timedelta(days=3)).isoformat()
    users = UsersTable(stage.dynamodb, "Users")
    users.write(RecordChange(UserRecord("ann", "sub-ann", "ann@example.edu", Status.APPROVED)))
    users.see("ann", "sub-ann", datetime.fromisoformat(seen_at), timedelta(0))
    stage.put("Ledger", cluster="volume-use", entry="vol-1", detached_at=seen_at)
    stage.put("Ledger", cluster="volume-use", entry="vol-elsewhere", detached_at=seen_at)
    facts = {"snapshot_id": "snap-1", "owner_sub": "sub-ann", "last_used_at": seen_at, "days_before": 5}
    item = {"cluster": {"S": "opensarlab"}, "entry": {"S": "mail#storage_warning#1"}, "accepted_at": {"S": NOW.isoformat()}}
    written = json.dumps({**facts, "announced_delete_at": NOW.isoformat()})
    stage.dynamodb.put_item(TableName="Ledger", Item={**item, "facts": {"SS": [written]}})
    night = stage.event["run"]["night_at"][:10]
    counters = {"volumes": {"N": "2"}, "snapshots": {"N": "7"}}
    entry = {"cluster": {"S": "opensarlab"}, "entry": {"S": f"storage#{night}#run#1"}}
    stage.dynamodb.put_item(TableName="Ledger", Item={**entry, **counters})
    spec = {"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}}
    stage.api.put("/api/v1/persistentvolumes/pv-1", {"kind": "PersistentVolume", "metadata": {"name": "pv-1"}, "spec": spec})
    metadata = {"name": "claim-ann", "namespace": "jupyter", "uid": "uid-1"}
    claim = {"kind": "PersistentVolumeClaim", "metadata": metadata, "spec": {"volumeName": "pv-1"}}
    stage.api.put(f"{CLAIMS}/claim-ann", claim)
    with stage.ec2([volume("vol-1")], [snapshot("snap-1", "vol-1", 1)]):
        assert stage.sweep()["notes"] == []
    inventory = stage.bucket.inventory(stage.prefix)
    assert inventory.claims is not None
    assert [(claim.name, claim.volume_id, claim.uid) for claim in inventory.claims] == [("claim-ann", "vol-1", "uid-1")]
    assert inventory.persistent_volume_ids == {"vol-1"}
    assert inventory.owners == (Owner("sub-ann", "ann", "claim-ann", datetime.fromisoformat(seen_at)),)
    assert inventory.events == (UseEvent("vol-1", "detach", datetime.fromisoformat(seen_at)),)
    assert [(mail.snapshot_id, mail.days_before) for mail in inventory.warnings] == [("snap-1", 5)]
    assert (inventory.volumes_deleted_tonight, inventory.snapshots_deleted_tonight) == (2, 7)


def test_a_cluster_that_cannot_be_asked_is_written_down_as_unknown(stage: Stage) -> None:
    def refuse(*_: Any) -> Any:
        raise NotYet("EKS cluster opensarlab is CREATING")

    stage.patch.setattr(stage.sweep_app, "cluster_connection", refuse)
    with stage.ec2([volume("vol-1")], []):
        result = stage.sweep()
    assert result["done"]
    assert result["notes"] == [
        "The cluster could not be asked what it uses, so all its volumes are kept: EKS cluster opensarlab is CREATING"
    ]
    swept = stage.bucket.cluster(stage.prefix)
    assert (swept.inventory.claims, swept.claims_unknown) == (None, "EKS cluster opensarlab is CREATING")
    assert stage.plan("prune_volumes")["counts"]["keep"] == 1


def test_people_who_cannot_be_read_end_no_night(stage: Stage) -> None:
    stage.put("Users", username="ann", sub="sub-ann", email="somebody edited this")
    with stage.ec2([volume("vol-1")], [snapshot("snap-1", "vol-1", 1)]):
        result = stage.sweep()
    assert result["done"]
    assert len(result["notes"]) == 1
    assert result["notes"][0].startswith("The people could not be read, so nobody is warned and every last copy is kept: ")
    assert stage.bucket.inventory(stage.prefix).owners == ()


def test_a_throttled_cluster_is_asked_again_by_the_machine(stage: Stage) -> None:
    def refuse(*_: Any) -> Any:
        raise Throttled("slower")

    stage.patch.setattr(stage.sweep_app, "cluster_connection", refuse)
    with stage.ec2([], []), pytest.raises(Throttled):
        stage.sweep()
    assert stage.bucket.json(f"{stage.prefix}cluster.json.gz") is None


def test_a_claims_volume_without_the_clusters_tag_is_told_of_and_left_alone(stage: Stage) -> None:
    spec = {"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-strange"}}
    stage.api.put("/api/v1/persistentvolumes/pv-1", {"kind": "PersistentVolume", "metadata": {"name": "pv-1"}, "spec": spec})
    metadata = {"name": "claim-ann", "namespace": "jupyter", "uid": "uid-1"}
    claim = {"kind": "PersistentVolumeClaim", "metadata": metadata, "spec": {"volumeName": "pv-1"}}
    stage.api.put(f"{CLAIMS}/claim-ann", claim)
    with stage.ec2([volume("vol-strange", {})], []) as asked:
        result = stage.sweep()
    assert asked == ["DescribeVolumes", "DescribeSnapshots", "DescribeVolumes"]
    assert result["counts"]["volumes"] == 0
    assert [item.volume_id for item in stage.bucket.inventory(stage.prefix).volumes] == ["vol-strange"]
    assert sum(stage.plan("prune_volumes")["counts"].values()) == 0


def test_sightings_outlive_a_run_and_a_volume_but_not_its_last_snapshot(stage: Stage) -> None:
    before = datetime(2026, 1, 1, tzinfo=UTC)
    known = [Sighting(name, before, before) for name in ("vol-1", "vol-snapshotted", "vol-forgotten")]
    stage.bucket.put_sightings("opensarlab", known)
    with stage.ec2([volume("vol-1")], [snapshot("snap-1", "vol-snapshotted", 9)]):
        stage.sweep()
        once = stage.bucket.sightings("opensarlab")
        stage.sweep()
    found = {item.volume_id: item for item in once}
    assert set(found) == {"vol-1", "vol-snapshotted"}
    assert all(item.first_seen_at == before for item in found.values())
    assert stage.bucket.sightings("opensarlab") == once, "repeating it changes nothing while the volumes rest"


def night_of_250(stage: Stage) -> None:
    """250 homes that are gone, three snapshots each: the ladder of one day keeps the newest."""
    snapshots = [
        snapshot(f"snap-{home:03}-{days}", f"vol-{home:03}", days, {**MINE, "kubernetes.io__created_for__pvc__name": f"c{home}"})
        for days in (1, 2, 3)
        for home in range(250)
    ]
    with stage.ec2([], snapshots):
        stage.sweep()


LADDER = {"daily_snapshots": 1, "weekly_snapshots": 0, "monthly_snapshots": 0}


def test_a_plan_has_a_line_for_everything_and_batches_of_200_changes(stage: Stage) -> None:
    night_of_250(stage)
    result = stage.plan("prune_snapshots", largest_share=1.0, **LADDER)
    assert (result["counts"]["keep"], result["counts"]["delete_snapshot"], result["counts"]["attention"]) == (250, 500, 0)
    assert (result["stop"], result["batch_count"], result["warning_count"]) == (None, 3, 0)
    lines = stage.lines("prune_snapshots/plan.jsonl.gz")
    assert len(lines) == 750
    assert all(line["reason"] and line["size_gib"] == 500 and line["claim_name"] for line in lines)
    items = stage.bucket.json(result["batches_key"])
    assert [item["count"] for item in items] == [200, 200, 100]
    changes = [line for item in items for line in stage.bucket.lines(item["key"])]
    assert len({line["resource_id"] for line in changes}) == 500
    volumes = [line["volume_id"] for line in changes]
    assert volumes == sorted(volumes), "the snapshots of a volume lie together"
    assert {action_from_json(line).action for line in changes} == {Action.DELETE_SNAPSHOT}


def test_snapshots_come_in_the_order_of_their_urgency_with_their_tags_and_those_without_room_too(stage: Stage) -> None:
    volumes = [volume(f"vol-{number:03}") for number in range(90)]
    with stage.ec2(volumes, [snapshot(f"snap-{number:03}", f"vol-{number:03}", 90 - number) for number in range(1, 90)]):
        stage.sweep()
    result = stage.plan("snapshot_volumes")
    assert (result["counts"]["create_snapshot"], result["counts"]["defer"]) == (80, 10)
    lines = [line for item in stage.bucket.json(result["batches_key"]) for line in stage.bucket.lines(item["key"])]
    assert [line["resource_id"] for line in lines] == [f"vol-{number:03}" for number in range(90)]
    assert all(line["tags"]["kubernetes.io/cluster/opensarlab"] == "owned" for line in lines)


def test_a_stop_holds_everything_until_exactly_these_are_approved(stage: Stage) -> None:
    night_of_250(stage)
    stopped = stage.plan("prune_snapshots", **LADDER)
    assert (stopped["counts"]["hold"], stopped["counts"]["delete_snapshot"], stopped["batch_count"]) == (500, 0, 0)
    assert stopped["stop"]["count"] == 500
    assert "500 of 750 snapshots would be deleted" in stopped["stop"]["reason"]
    approved = stage.plan("prune_snapshots", stopped["stop"]["key"], **LADDER)
    assert (approved["counts"]["delete_snapshot"], approved["stop"], approved["batch_count"]) == (500, None, 3)
    more = stage.plan("prune_snapshots", stopped["stop"]["key"], daily_snapshots=0, weekly_snapshots=0, monthly_snapshots=0)
    assert more["stop"] is None, "the newest stays in any case, so these are the same"


@pytest.mark.parametrize(
    "key", [pytest.param("runs/other/stop-1.json", id="of another run"), pytest.param("{home}stop-0123.json", id="never asked")]
)
def test_what_was_not_asked_cannot_be_approved(stage: Stage, key: str) -> None:
    night_of_250(stage)
    stage.bucket.put_json("runs/other/stop-1.json", {"resource_ids": ["snap-000-2"]})
    with pytest.raises(ProviderError, match="is no stop of this run"):
        stage.plan("prune_snapshots", key.format(home=f"{stage.prefix}prune_snapshots/"), **LADDER)


def test_lambda_gives_a_sweep_more_time_than_its_last_part_needs(stage: Stage) -> None:
    document, _ = decode(str(EVENTS.parent / "template.yaml"))
    timeout = document["Resources"]["SweepStorageFunction"]["Properties"]["Timeout"]
    assert timeout > ENOUGH_FOR_THE_END + 60, "or every try would leave the end to the next"


def test_a_plan_needs_a_whole_sweep(stage: Stage) -> None:
    with stage.ec2([volume("vol-1")], []):
        assert not stage.sweep(None, Clock(300, 1))["done"]
    with pytest.raises(ProviderError, match=r"cluster.json.gz is missing: the sweep of this run did not end"):
        stage.plan("snapshot_volumes")
