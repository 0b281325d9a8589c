"""The account has what the 2019 parameter file names, and EC2 tells the truth about what it offers."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cloud.running import ACCOUNT_ID, RunningCloud, running_cloud

CERTIFICATE = f"arn:aws:acm:us-east-1:{ACCOUNT_ID}:certificate/10791780-75d2-4ef0-bfbc-2c074e94b92b"


def code_of(call: Any, **arguments: Any) -> str:
    """The error code of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    code: str = caught.value.response["Error"]["Code"]
    return code


def test_the_account_and_network_of_2019(cloud: RunningCloud) -> None:
    assert cloud.client("sts").get_caller_identity()["Account"] == ACCOUNT_ID
    subnets = cloud.client("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": ["vpc-4da21e37"]}])["Subnets"]
    assert {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in subnets} == {
        "subnet-39a09073": "us-east-1a",
        "subnet-4388e824": "us-east-1d",
    }
    assert all(subnet["AvailableIpAddressCount"] > 4000 for subnet in subnets)
    certificate = cloud.client("acm").describe_certificate(CertificateArn=CERTIFICATE)["Certificate"]
    assert (certificate["Status"], certificate["DomainName"]) == ("ISSUED", "*.asf.alaska.edu")
    images = cloud.client("ecr").describe_images(repositoryName="asf-franz-labs")["imageDetails"]
    assert [image["imageTags"] for image in images] == [["2019-08-10-00-15-33"]]


@pytest.mark.parametrize("version", ["1.33", "1.34", "1.35", "1.36"])
def test_the_recommended_image_exists_and_says_its_version(cloud: RunningCloud, version: str) -> None:
    name = f"/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/x86_64/standard/recommended/image_id"
    image_id = cloud.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    image = cloud.client("ec2").describe_images(ImageIds=[image_id])["Images"][0]
    assert image["Name"].startswith(f"amazon-eks-node-al2023-x86_64-standard-{version}-v2026")
    assert (image["State"], image["Architecture"]) == ("available", "x86_64")


def test_zones_types_and_offerings(cloud: RunningCloud) -> None:
    ec2 = cloud.client("ec2")
    zones = {zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]}
    assert zones == {f"us-east-1{letter}" for letter in "abcdef"}
    kind = ec2.describe_instance_types(InstanceTypes=["m5.2xlarge"])["InstanceTypes"][0]
    assert kind["VCpuInfo"]["DefaultVCpus"] == 8
    assert kind["NetworkInfo"]["Ipv4AddressesPerInterface"] == 15
    for name in ("m5.2xlarge", "g4dn.xlarge"):
        offered = ec2.describe_instance_type_offerings(
            LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": [name]}]
        )["InstanceTypeOfferings"]
        assert {"us-east-1a", "us-east-1d"} <= {item["Location"] for item in offered}
        assert {item["InstanceType"] for item in offered} == {name}
    assert code_of(ec2.describe_instance_types, InstanceTypes=["m5.huge"]) == "InvalidInstanceType"
    assert code_of(ec2.describe_images, ImageIds=["ami-00000000000000000"]) == "InvalidAMIID.NotFound"


def test_a_dry_run_leaves_the_volume(cloud: RunningCloud) -> None:
    ec2 = cloud.client("ec2")
    volume = ec2.create_volume(AvailabilityZone="us-east-1d", Size=1)["VolumeId"]
    assert code_of(ec2.delete_volume, VolumeId=volume, DryRun=True) == "DryRunOperation"
    assert len(ec2.describe_volumes(VolumeIds=[volume])["Volumes"]) == 1


def test_quotas(cloud: RunningCloud) -> None:
    quotas = cloud.client("service-quotas")
    assert quotas.get_service_quota(ServiceCode="eks", QuotaCode="L-1194D53C")["Quota"]["Value"] == 100
    assert code_of(quotas.get_service_quota, ServiceCode="eks", QuotaCode="L-00000000") == "NoSuchResourceException"


def test_without_the_mends_the_faults_are_there(tmp_path: Any) -> None:
    skipped = "dry_runs_do_nothing,real_zones,real_instance_types,unknown_images_are_refused,service_quotas"
    with running_cloud(tmp_path, skip_mends=skipped) as unmended:
        ec2 = unmended.client("ec2")
        volume = ec2.create_volume(AvailabilityZone="us-east-1d", Size=1)["VolumeId"]
        ec2.delete_volume(VolumeId=volume, DryRun=True)
        assert code_of(ec2.describe_volumes, VolumeIds=[volume]) == "InvalidVolume.NotFound"
        assert ec2.describe_instance_types(InstanceTypes=["m5.huge"])["InstanceTypes"]
        assert ec2.describe_images(ImageIds=["ami-00000000000000000"])["Images"] == []
        assert len(ec2.describe_availability_zones()["AvailabilityZones"]) == 3
        code_of(ec2.describe_instance_type_offerings, LocationType="availability-zone")
        with pytest.raises(ClientError):
            unmended.client("service-quotas").get_service_quota(ServiceCode="eks", QuotaCode="L-1194D53C")
