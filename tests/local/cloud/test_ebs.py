"""EBS answers pages, takes its time with snapshots, and refuses what AWS refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cloud.running import ACCOUNT_ID, REGION, RunningCloud, running_cloud
from tests.local.cloud.test_control import ask

ZONE = f"{REGION}d"
OLD = datetime(2026, 11, 1, 10, tzinfo=UTC)


def volume_id(number: int) -> str:
    return f"vol-0{number:016x}"


def snapshot_id(number: int) -> str:
    return f"snap-0{number:016x}"


def seed(cloud: RunningCloud, volumes: list[dict[str, Any]], snapshots: list[dict[str, Any]]) -> dict[str, int]:
    """Plant; answers how many were new."""
    status, answer = ask(cloud, "POST", "ebs/seed", {"volumes": volumes, "snapshots": snapshots})
    assert status == 200, answer
    counts: dict[str, int] = answer
    return counts


def create_volume(cloud: RunningCloud, **more: Any) -> Any:
    return cloud.client("ec2").create_volume(AvailabilityZone=ZONE, **{"Size": 10, **more})


def state_of(cloud: RunningCloud, identifier: str) -> str:
    (found,) = cloud.client("ec2").describe_snapshots(SnapshotIds=[identifier])["Snapshots"]
    state: str = found["State"]
    return state


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    code: str = error.value.response["Error"]["Code"]
    return code


@pytest.fixture(scope="module")
def fleet(cloud: RunningCloud) -> str:
    """Thirteen volumes of one cluster with a snapshot each, and one more that has nothing to do with it; the cluster's name."""
    tags = {"KubernetesCluster": "paged", "odd": "<&>"}
    volumes = [
        {"volume_id": volume_id(n), "size_gib": 5 + n, "created_at": (OLD - timedelta(days=n)).isoformat(), "tags": tags,
         "zone": ZONE, **({"attached_to": "i-0123456789abcdef0"} if n == 3 else {})}
        for n in range(13)
    ]  # fmt: skip
    snapshots = [
        {"snapshot_id": snapshot_id(n), "volume_id": volume_id(n), "size_gib": 5, "started_at": OLD.isoformat(), "tags": tags,
         "state": "error" if n == 4 else "completed"}
        for n in range(13)
    ]  # fmt: skip
    foreign = {"snapshot_id": snapshot_id(99), "volume_id": volume_id(99), "size_gib": 9, "owner_id": "111111111111"}
    assert seed(cloud, [*volumes, {"volume_id": volume_id(77), "size_gib": 1}], [*snapshots, foreign])["volumes"] == 14
    return "paged"


def pages(cloud: RunningCloud, operation: str, size: int, **asked: Any) -> Iterator[list[dict[str, Any]]]:
    key = {"describe_volumes": "Volumes", "describe_snapshots": "Snapshots"}[operation]
    for page in cloud.client("ec2").get_paginator(operation).paginate(PaginationConfig={"PageSize": size}, **asked):
        yield page[key]


def test_what_is_planted_has_its_past(cloud: RunningCloud, fleet: str) -> None:
    ec2 = cloud.client("ec2")
    (volume,) = ec2.describe_volumes(VolumeIds=[volume_id(3)])["Volumes"]
    assert (volume["Size"], volume["State"], volume["CreateTime"]) == (8, "in-use", OLD - timedelta(days=3))
    assert [item["InstanceId"] for item in volume["Attachments"]] == ["i-0123456789abcdef0"]
    assert {tag["Key"]: tag["Value"] for tag in volume["Tags"]} == {"KubernetesCluster": fleet, "odd": "<&>"}
    (snapshot,) = ec2.describe_snapshots(SnapshotIds=[snapshot_id(4)])["Snapshots"]
    assert (snapshot["State"], snapshot["StartTime"], snapshot["OwnerId"]) == ("error", OLD, ACCOUNT_ID)
    assert seed(cloud, [{"volume_id": volume_id(3), "size_gib": 99}], []) == {"volumes": 0, "snapshots": 0}
    assert ec2.describe_volumes(VolumeIds=[volume_id(3)])["Volumes"][0]["Size"] == 8


def test_pages_hold_all_once_in_any_size(cloud: RunningCloud, fleet: str) -> None:
    filters = [{"Name": "tag:KubernetesCluster", "Values": [fleet]}]
    found = list(pages(cloud, "describe_volumes", 5, Filters=filters))
    assert [len(page) for page in found] == [5, 5, 3]
    assert [item["VolumeId"] for page in found for item in page] == [volume_id(n) for n in range(13)]
    found = list(pages(cloud, "describe_snapshots", 6, OwnerIds=["self"], Filters=filters))
    assert [len(page) for page in found] == [6, 6, 1]
    assert [len(page) for page in pages(cloud, "describe_snapshots", 13, OwnerIds=["self"], Filters=filters)] == [13]


def test_filters_and_owners_are_kept(cloud: RunningCloud, fleet: str) -> None:
    ec2 = cloud.client("ec2")

    def snapshots(filters: dict[str, list[str]], owner: str = "self") -> set[str]:
        asked = [{"Name": name, "Values": values} for name, values in filters.items()]
        return {item["SnapshotId"] for item in ec2.describe_snapshots(OwnerIds=[owner], Filters=asked)["Snapshots"]}

    assert snapshots({"status": ["error"], "tag-key": ["KubernetesCluster"]}) == {snapshot_id(4)}
    assert snapshots({"volume-id": [volume_id(1), volume_id(2)]}) == {snapshot_id(1), snapshot_id(2)}
    assert snapshots({"volume-id": [volume_id(99)]}) == set()
    assert snapshots({"volume-id": [volume_id(99)]}, "111111111111") == {snapshot_id(99)}
    asked = [{"Name": "status", "Values": ["in-use"]}, {"Name": "tag-key", "Values": ["none", "Kubernetes*"]}]
    assert [item["VolumeId"] for item in ec2.describe_volumes(Filters=asked)["Volumes"]] == [volume_id(3)]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        pytest.param({"MaxResults": 4}, "InvalidParameterValue", id="page-too-small"),
        pytest.param({"MaxResults": 1001}, "InvalidParameterValue", id="page-too-large"),
        pytest.param({"MaxResults": 5, "VolumeIds": [volume_id(1)]}, "InvalidParameterCombination", id="ids-and-page"),
        pytest.param({"NextToken": "bWFkZSB1cA=="}, "InvalidPaginationToken", id="made-up-token"),
        pytest.param({"NextToken": "?"}, "InvalidPaginationToken", id="no-token"),
        pytest.param({"Filters": [{"Name": "state", "Values": ["x"]}]}, "InvalidParameterValue", id="unknown-filter"),
        pytest.param({"Filters": [{"Name": "volume-id", "Values": [f"vol-{n}" for n in range(201)]}]}, "FilterLimitExceeded",
                     id="too-many-values"),
        pytest.param({"VolumeIds": [volume_id(500)]}, "InvalidVolume.NotFound", id="absent"),
    ],
)  # fmt: skip
def test_requests_that_ec2_refuses(cloud: RunningCloud, fleet: str, asked: dict[str, Any], code: str) -> None:
    assert refused(cloud.client("ec2").describe_volumes, **asked) == code


def test_a_snapshot_is_pending_then_completed_and_told_of(cloud: RunningCloud) -> None:
    ec2, queue = cloud.client("ec2"), listening(cloud, "snapshots", {"detail-type": ["EBS Snapshot Notification"]})
    volume = create_volume(cloud, Size=12)["VolumeId"]
    before = datetime.now(UTC)
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "hubplane:run", "Value": "1"}]}]
    started = ec2.create_snapshot(VolumeId=volume, Description="a & b", TagSpecifications=tags)
    assert (started["State"], started["VolumeSize"], started["OwnerId"]) == ("pending", 12, ACCOUNT_ID)
    assert abs(started["StartTime"] - before) < timedelta(seconds=5)
    assert started["Tags"] == tags[0]["Tags"]
    cloud.wait("completed", lambda: state_of(cloud, started["SnapshotId"]) == "completed")
    (event,) = heard(cloud, queue, 1)
    assert (event["source"], event["detail"]["result"]) == ("aws.ec2", "succeeded")
    assert event["detail"]["snapshot_id"].endswith(started["SnapshotId"])


def test_a_snapshot_fails_where_asked_once(cloud: RunningCloud) -> None:
    ec2, volume = cloud.client("ec2"), create_volume(cloud)["VolumeId"]
    assert ask(cloud, "POST", "ebs/faults", {"volume_id": volume})[0] == 200
    for state in ("error", "completed"):
        started = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        assert (
            cloud.wait(
                "an end", lambda started=started: state_of(cloud, started) not in ("pending",) and state_of(cloud, started)
            )
            == state
        )


def test_a_hundred_snapshots_are_pending_at_most_and_spacing_is_watched(tmp_path: Path) -> None:
    with running_cloud(tmp_path) as own:
        ec2, volume = own.client("ec2"), create_volume(own)["VolumeId"]
        ask(own, "POST", "ebs/pace", {"snapshot_seconds": 600})
        for _ in range(100):
            ec2.create_snapshot(VolumeId=volume)
        assert refused(ec2.create_snapshot, VolumeId=volume) == "PendingSnapshotLimitExceeded"
        assert ask(own, "POST", "ebs/finish")[1] == {"completed": 100}
        ask(own, "POST", "ebs/pace", {"spacing_seconds": 600})
        assert refused(ec2.create_snapshot, VolumeId=volume) == "SnapshotCreationPerVolumeRateExceeded"
        assert ec2.create_snapshot(VolumeId=create_volume(own)["VolumeId"])["State"] == "pending"


def test_a_volume_from_a_snapshot_is_as_large_as_it(cloud: RunningCloud, fleet: str) -> None:
    ec2 = cloud.client("ec2")
    snapshots = {"snapshot_id": snapshot_id(200), "volume_id": volume_id(200), "size_gib": 42}
    pending = {"snapshot_id": snapshot_id(201), "volume_id": volume_id(200), "size_gib": 42, "state": "pending"}
    seed(cloud, [], [snapshots, pending])
    made = ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=snapshot_id(200))
    assert (made["Size"], made["SnapshotId"]) == (42, snapshot_id(200))
    assert create_volume(cloud, Size=50, SnapshotId=snapshot_id(200))["Size"] == 50
    for more, code in (
        ({"Size": 41, "SnapshotId": snapshot_id(200)}, "InvalidParameterValue"),
        ({"SnapshotId": "snap-0bad"}, "InvalidSnapshot.NotFound"),
        ({"SnapshotId": snapshot_id(99)}, "InvalidSnapshot.NotFound"),
        ({"SnapshotId": snapshot_id(201), "Size": 50}, "IncorrectState"),
        ({"SnapshotId": snapshot_id(4), "Size": 50}, "IncorrectState"),
        ({}, "MissingParameter"),
    ):
        assert refused(ec2.create_volume, AvailabilityZone=ZONE, **more) == code, more


def test_a_client_token_makes_one_volume(cloud: RunningCloud) -> None:
    first, second = (create_volume(cloud, ClientToken="once")["VolumeId"] for _ in range(2))
    assert first == second != create_volume(cloud, ClientToken="twice")["VolumeId"]


def test_a_token_is_for_one_request_and_outlives_its_volume(cloud: RunningCloud) -> None:
    first = create_volume(cloud, ClientToken="outlives")["VolumeId"]
    assert refused(create_volume, cloud=cloud, ClientToken="outlives", Size=11) == "IdempotentParameterMismatch"
    cloud.client("ec2").delete_volume(VolumeId=first)
    assert create_volume(cloud, ClientToken="outlives")["VolumeId"] == first
    assert refused(cloud.client("ec2").describe_volumes, VolumeIds=[first]) == "InvalidVolume.NotFound"


def test_a_volume_from_a_snapshot_is_creating_for_a_moment_and_holds_what_was_written_before(cloud: RunningCloud) -> None:
    ec2, volume = cloud.client("ec2"), create_volume(cloud)["VolumeId"]
    assert ask(cloud, "POST", "ebs/write", {"volume_id": volume, "content": "of the first day"})[0] == 200
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    assert ask(cloud, "POST", "ebs/write", {"volume_id": volume, "content": "of the second day"})[0] == 200
    cloud.wait("completed", lambda: state_of(cloud, snapshot) == "completed")
    ask(cloud, "POST", "ebs/pace", {"volume_seconds": 3})
    restored = create_volume(cloud, SnapshotId=snapshot, ClientToken="restored")
    assert restored["State"] == "creating"
    here = {"InstanceId": "i-0123456789abcdef0", "Device": "/dev/xvdba"}
    assert refused(ec2.attach_volume, VolumeId=restored["VolumeId"], **here) == "IncorrectState"
    ask(cloud, "POST", "ebs/pace", {"volume_seconds": 0.3})

    def state(volume_id: str) -> str:
        found: str = ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]["State"]
        return found

    cloud.wait("available", lambda: state(restored["VolumeId"]) == "available")
    told = {item["volume_id"]: item.get("content") for item in ask(cloud, "GET", "ebs")[1]["volumes"]}
    assert (told[volume], told[restored["VolumeId"]]) == ("of the second day", "of the first day")
    assert ask(cloud, "POST", "ebs/write", {"volume_id": volume_id(500), "content": "x"})[0] == 400


def many(count: int, prefix: str = "key") -> list[dict[str, str]]:
    return [{"Key": f"{prefix}-{number}", "Value": "x"} for number in range(count)]


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        pytest.param([{"Key": "AWS:mine", "Value": "x"}], "InvalidParameterValue", id="reserved"),
        pytest.param([{"Key": "k" * 129, "Value": "x"}], "InvalidParameterValue", id="long-key"),
        pytest.param([{"Key": "k", "Value": "x" * 257}], "InvalidParameterValue", id="long-value"),
        pytest.param(many(51), "TagLimitExceeded", id="too-many"),
    ],
)
def test_tags_that_ec2_refuses(cloud: RunningCloud, tags: list[dict[str, str]], code: str) -> None:
    ec2, volume = cloud.client("ec2"), create_volume(cloud)["VolumeId"]
    assert refused(ec2.create_tags, Resources=[volume], Tags=tags) == code
    specification = [{"ResourceType": "snapshot", "Tags": tags}]
    assert refused(ec2.create_snapshot, VolumeId=volume, TagSpecifications=specification) == code
    assert not ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0].get("Tags")
    assert ec2.describe_snapshots(Filters=[{"Name": "volume-id", "Values": [volume]}])["Snapshots"] == []


def test_tags_fill_up_and_need_something_to_be_on(cloud: RunningCloud) -> None:
    ec2, volume = cloud.client("ec2"), create_volume(cloud)["VolumeId"]
    ec2.create_tags(Resources=[volume], Tags=many(50))
    ec2.create_tags(Resources=[volume], Tags=many(50))
    assert refused(ec2.create_tags, Resources=[volume], Tags=many(1, "other")) == "TagLimitExceeded"
    assert refused(ec2.create_tags, Resources=[volume_id(500)], Tags=many(1)) == "InvalidVolume.NotFound"
    assert refused(ec2.create_tags, Resources=[snapshot_id(500)], Tags=many(1)) == "InvalidSnapshot.NotFound"


def test_dry_runs_delete_nothing(cloud: RunningCloud) -> None:
    ec2, volume = cloud.client("ec2"), create_volume(cloud)["VolumeId"]
    assert refused(ec2.delete_volume, VolumeId=volume, DryRun=True) == "DryRunOperation"
    assert len(ec2.describe_volumes(VolumeIds=[volume])["Volumes"]) == 1


def test_attachments_have_a_zone_and_an_end(cloud: RunningCloud) -> None:
    ec2 = cloud.client("ec2")
    subnets = {item["AvailabilityZone"]: item["SubnetId"] for item in ec2.describe_subnets()["Subnets"]}
    instance = ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, SubnetId=subnets[ZONE])["Instances"][0]
    here = {"InstanceId": instance["InstanceId"], "Device": "/dev/xvdba"}
    zone = instance["Placement"]["AvailabilityZone"]
    near = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    far = ec2.create_volume(AvailabilityZone=f"{REGION}f", Size=1)["VolumeId"]
    assert refused(ec2.attach_volume, VolumeId=far, **here) == "InvalidVolume.ZoneMismatch"
    assert refused(ec2.detach_volume, VolumeId=near) == "IncorrectState"
    ec2.attach_volume(VolumeId=near, **here)
    assert refused(ec2.attach_volume, VolumeId=near, **here) == "VolumeInUse"
    assert refused(ec2.delete_volume, VolumeId=near) == "VolumeInUse"
    ec2.detach_volume(VolumeId=near)
    ec2.delete_volume(VolumeId=near)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        pytest.param("ebs/seed", {"volumes": [{"volume_id": "vol-x", "size_gib": 1}]}, "volume_id: 'vol-x'", id="id"),
        pytest.param("ebs/seed", {"volumes": [{"volume_id": volume_id(1), "size_gib": "1"}]}, "size_gib", id="size"),
        pytest.param("ebs/seed", {"volumes": {}}, "volumes: must be a list", id="no-list"),
        pytest.param("ebs/seed", {"snapshots": [{"snapshot_id": snapshot_id(1), "volume_id": volume_id(1), "size_gib": 1,
                                                  "started_at": "2026-11-01T10:00:00"}]}, "with a zone", id="naive"),
        pytest.param("ebs/seed", {"snapshots": [{"snapshot_id": snapshot_id(1), "state": "half"}]}, "state of", id="state"),
        pytest.param("ebs/pace", {"snapshot_seconds": -1}, "snapshot_seconds: -1", id="pace"),
        pytest.param("ebs/pace", {"minutes": 1}, "snapshot_seconds", id="unknown-pace"),
        pytest.param("ebs/faults", {}, "volume_id: missing", id="fault"),
        pytest.param("ebs/write", {"volume_id": volume_id(1)}, "volume_id and content", id="nothing-to-write"),
        pytest.param("ebs/seed", {"volumes": [{"volume_id": volume_id(1), "size_gib": 1, "content": 1}]}, "content: 1",
                     id="content"),
    ],
)  # fmt: skip
def test_malformed_seeds_are_refused(cloud: RunningCloud, path: str, body: Any, words: str) -> None:
    status, answer = ask(cloud, "POST", path, body)
    assert status == 400
    assert words in answer["message"]


def listening(cloud: RunningCloud, name: str, pattern: dict[str, Any]) -> str:
    """A queue that gets the events of a pattern; its URL."""
    sqs, events = cloud.client("sqs"), cloud.client("events")
    url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}"}])
    return url


def heard(cloud: RunningCloud, url: str, count: int) -> list[dict[str, Any]]:
    """The first ``count`` events of a queue."""
    found: list[dict[str, Any]] = []

    def receive() -> bool:
        answer = cloud.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        found.extend(json.loads(message["Body"]) for message in answer.get("Messages", []))
        return len(found) >= count

    cloud.wait(f"{count} events", receive)
    return found


def modification(cloud: RunningCloud, volume: str) -> tuple[str, int, int]:
    """State and target of a volume's latest modification, and the size that it has."""
    ec2 = cloud.client("ec2")
    (latest,) = ec2.describe_volumes_modifications(VolumeIds=[volume])["VolumesModifications"]
    return latest["ModificationState"], latest["TargetSize"], ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Size"]


def test_a_volume_grows_in_its_own_time_never_shrinks_and_rests_between(cloud: RunningCloud) -> None:
    ec2, volume = cloud.client("ec2"), create_volume(cloud)["VolumeId"]
    assert refused(ec2.describe_volumes_modifications, VolumeIds=[volume]) == "InvalidVolumeModification.NotFound"
    assert refused(ec2.modify_volume, VolumeId=volume, Size=9) == "InvalidParameterValue"
    ask(cloud, "POST", "ebs/pace", {"modification_seconds": 0.5})
    assert ec2.modify_volume(VolumeId=volume, Size=20)["VolumeModification"]["ModificationState"] == "modifying"
    assert modification(cloud, volume) == ("modifying", 20, 10)
    assert refused(ec2.modify_volume, VolumeId=volume, Size=30) == "IncorrectModificationState"
    cloud.wait("the new size", lambda: modification(cloud, volume) == ("optimizing", 20, 20))
    cloud.wait("the end", lambda: modification(cloud, volume) == ("completed", 20, 20))
    assert refused(ec2.modify_volume, VolumeId=volume, Size=30) == "VolumeModificationRateExceeded"
    ask(cloud, "POST", "ebs/pace", {"cool_down_seconds": 0})
    assert ec2.modify_volume(VolumeId=volume, Size=30)["VolumeModification"]["TargetSize"] == 30
    ask(cloud, "POST", "ebs/pace", {"modification_seconds": 0.3, "cool_down_seconds": 21600})


def test_without_the_mends_the_faults_are_there(tmp_path: Path) -> None:
    skipped = "ebs_pages,snapshots_take_time,snapshots_are_limited,volumes_from_snapshots,client_tokens_of_volumes,"
    skipped += "volumes_take_time,contents_are_copied,modifications_take_time,modifications_have_a_cool_down"
    with running_cloud(
        tmp_path, skip_mends=f"{skipped},attachments_are_checked,dry_runs_do_nothing,tags_are_checked"
    ) as unmended:
        ec2, volume = unmended.client("ec2"), create_volume(unmended)["VolumeId"]
        for _ in range(7):
            create_volume(unmended, ClientToken="once")
        assert len(ec2.describe_volumes(MaxResults=5)["Volumes"]) == 8
        assert ec2.create_snapshot(VolumeId=volume)["State"] == "completed"
        assert all(ec2.create_snapshot(VolumeId=volume)["State"] for _ in range(100))
        made = ec2.create_volume(AvailabilityZone=ZONE, SnapshotId="snap-0bad")
        assert (made["Size"], made["State"]) == (8, "available")
        ask(unmended, "POST", "ebs/write", {"volume_id": volume, "content": "lost"})
        ec2.create_snapshot(VolumeId=volume)
        assert not any("content" in item for item in ask(unmended, "GET", "ebs")[1]["snapshots"])
        ec2.create_tags(Resources=["vol-0bad"], Tags=[{"Key": "aws:mine", "Value": "x"}])
        assert modification(unmended, volume)[0] == "completed", "it was never modified"
        ec2.modify_volume(VolumeId=volume, Size=9)
        ec2.modify_volume(VolumeId=volume, Size=20)
        ec2.detach_volume(VolumeId=volume)
        ec2.delete_volume(VolumeId=volume, DryRun=True)
        assert refused(ec2.describe_volumes, VolumeIds=[volume]) == "InvalidVolume.NotFound"
