"""A restore drill on the deployed control plane: copies restored, mounted, compared, and nothing of it left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from local.guide import fleet
from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane
from tests.e2e.control import post
from tests.e2e.storage import CLUSTER, day, ebs, mails
from tests.e2e.test_mail import wait_for

pytestmark = pytest.mark.e2e

PEOPLE = ("drilla", "drillb", "drillc")


def drill(hubplane: Hubplane, **more: Any) -> Outcome:
    outcome = hubplane.follow(hubplane.start_machine("DrillRestore", {"cluster_name": CLUSTER, **more}))
    assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    return outcome


def drills_things(hubplane: Hubplane) -> list[str]:
    """Everything that a drill made and that is still there, the canary aside."""
    volumes = [key for key, item in ebs(hubplane)["volumes"].items() if "hubplane:drill" in item["tags"]]
    listed = json.loads(hubplane.run(CLUSTER, "kubectl", "-n", "hubplane-drill", "get", "pods,pvc", "-o", "json"))["items"]
    return [*volumes, *(item["metadata"]["name"] for item in listed if item["metadata"]["name"] != "drill-canary")]


@pytest.fixture(scope="module")
def homes(hubplane: Hubplane, built_2019: tuple[dict[str, Any], Outcome]) -> Iterator[Hubplane]:
    hubplane.run(CLUSTER, "kubectl", "get", "nodes")
    now = datetime.now(UTC).replace(microsecond=0)
    for person in PEOPLE:
        home = fleet.Home({"person": person, "size_gib": 10, "used_days_ago": 1, "snapshots_days_ago": [2]}, CLUSTER)
        fleet.seed(hubplane.cloud, list(home.volumes(now)), list(home.snapshots(now)))
    yield hubplane


def test_the_first_drill_writes_its_own_home_and_the_next_compares_its_copy(homes: Hubplane) -> None:
    before = ebs(homes)
    first = drill(homes, count=3)
    assert (first.result["status"], first.result["findings"]) == ("passed", [])
    assert len(first.result["results"]) == 3
    assert all(item["mounted"] for item in first.result["results"])
    assert drills_things(homes) == []
    after = ebs(homes)
    (canary,) = set(after["volumes"]) - set(before["volumes"])
    assert "hubplane canary of" in after["volumes"][canary]["content"]
    assert {key: after["volumes"][key] for key in before["volumes"]} == before["volumes"], "no home is touched"
    assert after["snapshots"] == before["snapshots"]

    night = day(homes, "enforce")
    copies = [item for item in ebs(homes)["snapshots"].values() if item["volume_id"] == canary]
    assert [item["state"] for item in copies] == ["completed"], "the storage day copies the drill's own home like all others"
    second = drill(homes, count=1)
    assert second.result["status"] == "passed"
    assert [item["pick"]["is_canary"] for item in second.result["results"]] == [True, False]
    assert drills_things(homes) == []
    assert night.status == "SUCCEEDED"
    page = day(homes, "plan").result["report"]
    s3, bucket = homes.client("s3"), homes.control_plane.outputs["StorageBucketName"]
    document = json.loads(s3.get_object(Bucket=bucket, Key=page["json_key"])["Body"].read())
    assert document["drill"]["summary"] == "All 2 homes came back whole."


def test_a_copy_that_holds_something_else_is_told_to_the_operators(homes: Hubplane) -> None:
    canary = next(key for key, item in ebs(homes)["volumes"].items() if "hubplane canary of" in item.get("content", ""))
    written = ebs(homes)["volumes"][canary]
    post(f"{homes.cloud.endpoint_url}/_hubplane/ebs/write", {"volume_id": canary, "content": "bits that fell over"})
    tags = [{"Key": key, "Value": value} for key, value in written["tags"].items() if key != "do-not-delete"]
    homes.client("ec2").create_snapshot(VolumeId=canary, TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags}])
    wait_for(lambda: all(item["state"] == "completed" for item in ebs(homes)["snapshots"].values()), "the copy")
    failed = drill(homes, count=0)
    assert failed.result["status"] == "failed"
    assert "something else than the drill wrote" in failed.result["findings"][0]
    wait_for(lambda: any("restore drill failed" in mail["Subject"] for mail in mails(homes)), "the operators' mail")
    post(f"{homes.cloud.endpoint_url}/_hubplane/ebs/write", {"volume_id": canary, "content": written["content"]})


def test_what_a_crashed_drill_left_is_swept_by_the_next(homes: Hubplane) -> None:
    states = homes.client("stepfunctions")
    arn = homes.start_machine("DrillRestore", {"cluster_name": CLUSTER, "count": 3})
    wait_for(lambda: drills_things(homes), "something to be left")
    states.stop_execution(executionArn=arn, error="Killed", cause="by a test")
    wait_for(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING", "the end")
    homes.client("dynamodb").delete_item(  # its lease, hours later
        TableName=homes.control_plane.outputs["LedgerTableName"],
        Key={"cluster": {"S": CLUSTER}, "entry": {"S": "hold#drill"}},
    )
    drill(homes, count=1)
    assert drills_things(homes) == []


def test_a_drill_is_scheduled_each_month(homes: Hubplane) -> None:
    schedule = homes.client("scheduler").get_schedule(Name=f"{CLUSTER}-drill-restore", GroupName="hubplane-storage-days")
    assert schedule["ScheduleExpression"].startswith("cron(30 ")
    assert json.loads(schedule["Target"]["Input"]) == {"cluster_name": CLUSTER}


@pytest.mark.parametrize("given", [{"count": 99}, {"cluster_name": "Nowhere!"}, {"homes": 3}])
def test_a_wrong_input_is_refused(homes: Hubplane, given: dict[str, Any]) -> None:
    outcome = homes.follow(homes.start_machine("DrillRestore", {"cluster_name": CLUSTER, **given}))
    assert (outcome.status, outcome.error) == ("FAILED", "HomeInputInvalid")
