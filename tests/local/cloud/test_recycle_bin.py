"""The Recycle Bin keeps what is deleted under a rule, and rules come by API and by stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cloud.running import REGION, RunningCloud, running_cloud

DAYS = {"RetentionPeriodUnit": "DAYS"}


def template(snapshot_days: int, volume_days: int) -> str:
    """A stack with two rules, whose days come through a parameter as in the control plane's."""

    def rule(kind: str) -> dict[str, Any]:
        days = {"RetentionPeriodValue": {"Ref": kind.replace("_", "")}, **DAYS}
        return {"Type": "AWS::Rbin::Rule", "Properties": {"ResourceType": kind, "RetentionPeriod": days}}

    return json.dumps(
        {
            "Parameters": {
                "EBSSNAPSHOT": {"Type": "Number", "Default": snapshot_days},
                "EBSVOLUME": {"Type": "Number", "Default": volume_days},
            },
            "Resources": {"Snapshots": rule("EBS_SNAPSHOT"), "Volumes": rule("EBS_VOLUME")},
            "Outputs": {
                "Identifier": {"Value": {"Fn::GetAtt": ["Snapshots", "Identifier"]}},
                "Arn": {"Value": {"Ref": "Snapshots"}},
            },
        }
    )


def rules(cloud: RunningCloud, kind: str) -> dict[str, int]:
    pages = cloud.client("rbin").get_paginator("list_rules").paginate(ResourceType=kind)
    return {rule["Identifier"]: rule["RetentionPeriod"]["RetentionPeriodValue"] for page in pages for rule in page["Rules"]}


def stack(cloud: RunningCloud, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return found


def test_rules_come_with_a_stack_change_with_it_and_go_with_it(cloud: RunningCloud) -> None:
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="net", TemplateBody=template(30, 7))
    cloud.wait("the stack", lambda: stack(cloud, "net")["StackStatus"] == "CREATE_COMPLETE")
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack(cloud, "net")["Outputs"]}
    assert rules(cloud, "EBS_SNAPSHOT") == {outputs["Identifier"]: 30}
    assert list(rules(cloud, "EBS_VOLUME").values()) == [7]
    assert outputs["Arn"].endswith(f":rule/{outputs['Identifier']}")
    cloudformation.update_stack(StackName="net", TemplateBody=template(31, 7))
    cloud.wait("the update", lambda: stack(cloud, "net")["StackStatus"] == "UPDATE_COMPLETE")
    assert rules(cloud, "EBS_SNAPSHOT") == {outputs["Identifier"]: 31}
    cloudformation.delete_stack(StackName="net")
    cloud.wait("the rules to go", lambda: not rules(cloud, "EBS_SNAPSHOT") and not rules(cloud, "EBS_VOLUME"))


def test_what_is_deleted_under_a_rule_comes_back(cloud: RunningCloud) -> None:
    ec2, rbin = cloud.client("ec2"), cloud.client("rbin")
    made = rbin.create_rule(
        ResourceType="EBS_SNAPSHOT",
        RetentionPeriod={"RetentionPeriodValue": 3, **DAYS},
        ResourceTags=[{"ResourceTagKey": "kept"}],
    )
    everything = rbin.create_rule(ResourceType="EBS_VOLUME", RetentionPeriod={"RetentionPeriodValue": 1, **DAYS})
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "kept", "Value": "yes"}]}]
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}d", Size=3)["VolumeId"]
    kept = ec2.create_snapshot(VolumeId=volume, TagSpecifications=tags)["SnapshotId"]
    lost = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    for snapshot in (kept, lost):
        ec2.delete_snapshot(SnapshotId=snapshot)
    ec2.delete_volume(VolumeId=volume)
    (found,) = ec2.list_snapshots_in_recycle_bin()["Snapshots"]
    assert (found["SnapshotId"], (found["RecycleBinExitTime"] - found["RecycleBinEnterTime"]).days) == (kept, 3)
    assert ec2.restore_snapshot_from_recycle_bin(SnapshotId=kept)["VolumeId"] == volume
    assert ec2.describe_snapshots(SnapshotIds=[kept])["Snapshots"][0]["Tags"] == tags[0]["Tags"]
    assert [item["VolumeId"] for item in ec2.list_volumes_in_recycle_bin(VolumeIds=[volume])["Volumes"]] == [volume]
    ec2.restore_volume_from_recycle_bin(VolumeId=volume)
    assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Size"] == 3
    with pytest.raises(ClientError, match="NotFound"):
        ec2.restore_snapshot_from_recycle_bin(SnapshotId=lost)
    for rule in (made, everything):
        rbin.delete_rule(Identifier=rule["Identifier"])
    with pytest.raises(rbin.exceptions.ResourceNotFoundException):
        rbin.get_rule(Identifier=made["Identifier"])


@pytest.mark.parametrize(
    ("kind", "days"),
    [
        pytest.param("EBS_VOLUME", 8, id="volume-too-long"),
        pytest.param("EBS_SNAPSHOT", 366, id="snapshot-too-long"),
    ],
)
def test_rules_that_rbin_refuses(cloud: RunningCloud, kind: str, days: int) -> None:
    rbin = cloud.client("rbin")
    with pytest.raises(rbin.exceptions.ValidationException, match="RetentionPeriod"):
        rbin.create_rule(ResourceType=kind, RetentionPeriod={"RetentionPeriodValue": days, **DAYS})
    assert rules(cloud, kind) == {}


def test_without_the_mends_there_is_no_bin(tmp_path: Path) -> None:
    with running_cloud(tmp_path, "recycle_bin_rules,recycle_bin_in_stacks,deleted_goes_to_the_bin") as unmended:
        with pytest.raises(ClientError):
            rules(unmended, "EBS_VOLUME")
        with pytest.raises(ClientError, match="InvalidAction"):
            unmended.client("ec2").list_snapshots_in_recycle_bin()
        with pytest.raises(ClientError, match="Unrecognized resource types"):
            unmended.client("cloudformation").create_stack(StackName="net", TemplateBody=template(30, 7))
