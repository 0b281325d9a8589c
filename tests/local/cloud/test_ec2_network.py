"""Security groups and network interfaces are found by filter, keep their tags, and stay while they are in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cloud.running import RunningCloud, running_cloud

TAG = {"Key": "cluster.k8s.amazonaws.com/name", "Value": "sar"}
VPC, SUBNET = "vpc-4da21e37", "subnet-4388e824"


def group(cloud: RunningCloud, name: str) -> str:
    made: str = cloud.client("ec2").create_security_group(GroupName=name, Description=name, VpcId=VPC)["GroupId"]
    return made


def interface(cloud: RunningCloud, group_id: str, **more: Any) -> str:
    made = cloud.client("ec2").create_network_interface(SubnetId=SUBNET, Groups=[group_id], **more)
    return str(made["NetworkInterface"]["NetworkInterfaceId"])


def found(cloud: RunningCloud, name: str, value: str) -> list[str]:
    asked = [{"Name": name, "Values": [value]}]
    return [
        item["NetworkInterfaceId"] for item in cloud.client("ec2").describe_network_interfaces(Filters=asked)["NetworkInterfaces"]
    ]


def groups(cloud: RunningCloud, group_id: str) -> list[str]:
    asked = [{"Name": "group-id", "Values": [group_id]}]
    return [item["GroupId"] for item in cloud.client("ec2").describe_security_groups(Filters=asked)["SecurityGroups"]]


def test_filters_find_what_was_asked_for_and_nothing_else(cloud: RunningCloud) -> None:
    one, two = group(cloud, "one"), group(cloud, "two")
    assert groups(cloud, one) == [one]
    assert groups(cloud, "sg-0123456789abcdef0") == []
    plain = interface(cloud, one)
    tagged = interface(cloud, two, TagSpecifications=[{"ResourceType": "network-interface", "Tags": [TAG]}])
    assert found(cloud, f"tag:{TAG['Key']}", "sar") == [tagged]
    assert found(cloud, f"tag:{TAG['Key']}", "other") == []
    assert found(cloud, "network-interface-id", plain) == [plain]
    assert found(cloud, "status", "in-use") == []
    (told,) = cloud.client("ec2").describe_network_interfaces(NetworkInterfaceIds=[tagged])["NetworkInterfaces"]
    assert told["TagSet"] == [TAG]


def test_a_group_stays_while_an_interface_wears_it(cloud: RunningCloud) -> None:
    ec2, worn = cloud.client("ec2"), group(cloud, "worn")
    wearer = interface(cloud, worn)
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_security_group(GroupId=worn)
    ec2.delete_network_interface(NetworkInterfaceId=wearer)
    ec2.delete_security_group(GroupId=worn)
    assert groups(cloud, worn) == []


def test_without_the_mends_the_faults_are_there(tmp_path: Path) -> None:
    with running_cloud(tmp_path, skip_mends="groups_by_id,interfaces_by_filter,groups_in_use_stay") as bare:
        one = group(bare, "one")
        assert len(groups(bare, one)) > 1
        interface(bare, one, TagSpecifications=[{"ResourceType": "network-interface", "Tags": [TAG]}])
        assert found(bare, f"tag:{TAG['Key']}", "other")
        bare.client("ec2").delete_security_group(GroupId=one)
