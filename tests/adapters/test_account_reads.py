# ruff: noqa: N803 - parameters are named as the API names them
"""What the account check reads: absent is None or left out, every page is read, and refusals say what was being done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.acm import certificate
from hubplane.adapters.ec2 import Ec2
from hubplane.adapters.eks import Eks
from hubplane.adapters.elasticloadbalancing import ElasticLoadBalancing
from hubplane.adapters.servicequotas import limit
from hubplane.adapters.ssm import public_parameter
from hubplane.adapters.sts import Caller, caller
from hubplane.domain.account_check.facts import Ami, ExistingCluster, InstanceType, KubernetesVersion, TargetGroup
from hubplane.domain.account_check.quotas import vcpu_quota
from hubplane.domain.errors import Throttled
from tests.adapters.fake_aws import Refusal, fake_client

CREDENTIALS = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def client(service: str) -> Any:
    return boto3.client(service, "us-east-1", **CREDENTIALS)


# ---- EC2 ----


class FakeEc2:
    """Describe calls in pages of one, and the refusals of EC2."""

    def __init__(self) -> None:
        self.instances: list[dict[str, Any]] = []
        self.volumes: list[dict[str, Any]] = []
        self.throttled = False

    def describe_instance_types(self, InstanceTypes: list[str]) -> dict[str, Any]:
        if InstanceTypes != ["m5.2xlarge"]:
            raise Refusal("InvalidInstanceType", "The following supplied instance types do not exist")
        types = {
            "InstanceType": "m5.2xlarge",
            "VCpuInfo": {"DefaultVCpus": 8},
            "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
            "NetworkInfo": {"Ipv4AddressesPerInterface": 15},
        }
        return {"InstanceTypes": [types]}

    def describe_instance_type_offerings(self, NextToken: str = "0", **_: Any) -> dict[str, Any]:
        zones = ["us-east-1a", "us-east-1d"]
        more = {"NextToken": "1"} if NextToken == "0" else {}
        return {"InstanceTypeOfferings": [{"Location": zones[int(NextToken)]}], **more}

    def describe_images(self, ImageIds: list[str], IncludeDeprecated: bool) -> dict[str, Any]:
        if ImageIds != ["ami-1"] or not IncludeDeprecated:
            raise Refusal("InvalidAMIID.NotFound", f"The image id '{ImageIds}' does not exist")
        tags = [{"Key": "kubernetes", "Value": "1.35"}]
        disks = [
            {"DeviceName": "/dev/xvdb", "Ebs": {"VolumeSize": 500}},
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 31}},
        ]
        image = {"ImageId": "ami-1", "Name": "golden", "State": "available", "Architecture": "arm64", "Tags": tags}
        return {"Images": [{**image, "RootDeviceName": "/dev/xvda", "BlockDeviceMappings": disks}]}

    def describe_instances(self, NextToken: str = "0", **_: Any) -> dict[str, Any]:
        if self.throttled:
            raise Refusal("RequestLimitExceeded", "Request limit exceeded.")
        at = int(NextToken)
        more = {"NextToken": str(at + 1)} if at + 1 < len(self.instances) else {}
        return {"Reservations": [{"Instances": self.instances[at : at + 1]}], **more}

    def describe_volumes(self, Filters: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        def fits(volume: dict[str, Any]) -> bool:
            tags = volume["tags"]
            return all(
                any(key in tags for key in item["Values"])
                if item["Name"] == "tag-key"
                else tags.get(item["Name"].removeprefix("tag:")) in item["Values"]
                for item in Filters
            )

        return {"Volumes": [{key: item[key] for key in ("VolumeId", "AvailabilityZone")} for item in self.volumes if fits(item)]}


def instance(kind: str, cores: int, **fields: Any) -> dict[str, Any]:
    return {"InstanceType": kind, "CpuOptions": {"CoreCount": cores, "ThreadsPerCore": 2}, **fields}


def test_subnets_that_exist_are_described_and_others_left_out(aws: None) -> None:
    found = client("ec2").describe_subnets()["Subnets"][0]
    subnets = Ec2(client("ec2")).subnets([found["SubnetId"], "subnet-00000000"])
    assert list(subnets) == [found["SubnetId"]]
    subnet = subnets[found["SubnetId"]]
    assert (subnet.vpc_id, subnet.availability_zone) == (found["VpcId"], found["AvailabilityZone"])
    assert (subnet.availability_zone_id, subnet.free_addresses) == (found["AvailabilityZoneId"], found["AvailableIpAddressCount"])
    assert Ec2(client("ec2")).subnets([]) == {}


def test_an_unknown_instance_type_does_not_hide_the_others() -> None:
    found = Ec2(fake_client("ec2", FakeEc2())).instance_types(["m5.2xlrage", "m5.2xlarge", "m5.2xlarge"])
    assert found == {"m5.2xlarge": InstanceType("m5.2xlarge", 8, ("x86_64",), 15, frozenset({"us-east-1a", "us-east-1d"}))}


class Offers:
    """What one zone offers, in two pages and in its own order."""

    def describe_instance_type_offerings(self, NextToken: str = "0", **asked: Any) -> dict[str, Any]:
        assert asked["LocationType"] == "availability-zone"
        assert [item["Values"] for item in asked["Filters"]] == [["m6i.large", "m5a.large", "m7a.large"], ["us-east-1d"]]
        kinds = ["m7a.large", "m6i.large"]
        more = {"NextToken": "1"} if NextToken == "0" else {}
        return {"InstanceTypeOfferings": [{"InstanceType": kinds[int(NextToken)]}], **more}


def test_the_types_that_a_zone_offers_are_told_in_the_order_in_which_they_were_asked_for() -> None:
    found = Ec2(fake_client("ec2", Offers())).offered_types(["m6i.large", "m5a.large", "m7a.large"], "us-east-1d")
    assert found == ("m6i.large", "m7a.large")


def test_an_absent_image_is_left_out_and_a_deprecated_one_found() -> None:
    found = Ec2(fake_client("ec2", FakeEc2())).amis(["ami-absent", "ami-1"])
    assert found == {"ami-1": Ami("ami-1", "golden", "", "available", "arm64", {"kubernetes": "1.35"}, "/dev/xvda", 31)}


def test_vcpus_of_others_are_counted_by_quota_without_spot_and_without_the_clusters_own_nodes() -> None:
    fake = FakeEc2()
    fake.instances = [
        instance("m5.2xlarge", 4),
        instance("t3.medium", 1),
        instance("g5.xlarge", 2),
        instance("m5.2xlarge", 4, InstanceLifecycle="spot"),
        instance("m5.2xlarge", 4, Tags=[{"Key": "eks:cluster-name", "Value": "lab"}]),
        instance("m5.2xlarge", 4, Tags=[{"Key": "eks:cluster-name", "Value": "other"}]),
        instance("inf1.xlarge", 2),
    ]
    assert Ec2(fake_client("ec2", fake)).on_demand_vcpus("lab", vcpu_quota) == {"vcpus_standard": 18, "vcpus_gpu": 4}


@pytest.mark.parametrize(
    ("kind", "quota"),
    [
        ("m5.2xlarge", "vcpus_standard"),
        ("i4i.large", "vcpus_standard"),
        ("im4gn.large", "vcpus_standard"),
        ("g6.xlarge", "vcpus_gpu"),
        ("vt1.3xlarge", "vcpus_gpu"),
        ("p5.48xlarge", "vcpus_accelerated"),
        ("inf2.xlarge", None),
        ("trn1.2xlarge", None),
        ("dl1.24xlarge", None),
        ("hpc7a.12xlarge", None),
        ("mac2.metal", None),
        ("u-6tb1.56xlarge", None),
        ("x2idn.16xlarge", None),
        ("f1.2xlarge", None),
    ],
)
def test_instance_families_count_against_their_own_quota(kind: str, quota: str | None) -> None:
    assert vcpu_quota(kind) == quota


def test_volumes_of_claims_are_counted_once_by_either_tag() -> None:
    fake, claim = FakeEc2(), {"kubernetes.io/created-for/pvc/name": "claim-a"}
    both = {"kubernetes.io/cluster/lab": "owned", "KubernetesCluster": "lab"}
    fake.volumes = [
        {"VolumeId": "vol-1", "AvailabilityZone": "us-east-1d", "tags": {**claim, **both}},
        {"VolumeId": "vol-2", "AvailabilityZone": "us-east-1d", "tags": {**claim, "KubernetesCluster": "lab"}},
        {"VolumeId": "vol-3", "AvailabilityZone": "us-east-1a", "tags": {**claim, "kubernetes.io/cluster/lab": "owned"}},
        {"VolumeId": "vol-4", "AvailabilityZone": "us-east-1b", "tags": both},
        {"VolumeId": "vol-5", "AvailabilityZone": "us-east-1b", "tags": {**claim, "KubernetesCluster": "other"}},
    ]
    assert Ec2(fake_client("ec2", fake)).volume_zones("lab") == {"us-east-1d": 2, "us-east-1a": 1}


def test_throttling_is_told_from_failure() -> None:
    fake = FakeEc2()
    fake.throttled = True
    with pytest.raises(Throttled, match="describe running instances"):
        Ec2(fake_client("ec2", fake)).on_demand_vcpus("lab", vcpu_quota)


def test_security_groups_are_counted(aws: None) -> None:
    assert Ec2(client("ec2")).count_security_groups() == len(client("ec2").describe_security_groups()["SecurityGroups"]) > 0


# ---- certificates, parameters, quotas, identity ----


def test_a_certificate_tells_state_and_names_and_an_absent_one_is_none(aws: None) -> None:
    arn = client("acm").request_certificate(DomainName="*.example.org", SubjectAlternativeNames=["example.org"])["CertificateArn"]
    found = certificate(client("acm"), arn)
    assert found is not None
    assert found.domain_names == ("*.example.org", "example.org")
    assert found.status == client("acm").describe_certificate(CertificateArn=arn)["Certificate"]["Status"]
    assert certificate(client("acm"), arn.replace(arn[-4:], "0000")) is None


def test_an_absent_parameter_is_none(aws: None) -> None:
    client("ssm").put_parameter(Name="/own/image_id", Value="ami-1", Type="String")
    assert public_parameter(client("ssm"), "/own/image_id") == "ami-1"
    assert public_parameter(client("ssm"), "/own/absent") is None


class FakeQuotas:
    """A quota with an account value, one with AWS's default only, one that is refused."""

    def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:
        if QuotaCode == "L-APPLIED":
            return {"Quota": {"Value": 7.0}}
        raise Refusal("NoSuchResourceException" if QuotaCode == "L-DEFAULT" else "AccessDeniedException", "you may not")

    def get_aws_default_service_quota(self, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:
        return {"Quota": {"Value": 100.0}}


@pytest.mark.parametrize(("code", "value"), [("L-APPLIED", 7.0), ("L-DEFAULT", 100.0), ("L-DENIED", None)])
def test_a_quota_is_the_accounts_or_the_default_or_unknown_with_the_reason(code: str, value: float | None) -> None:
    found = limit(fake_client("service-quotas", FakeQuotas()), "eks", code)
    assert (found.value, "you may not" in found.why_unknown) == (value, value is None)


def test_the_caller_is_known_by_account_and_partition(aws: None) -> None:
    assert caller(client("sts")) == Caller("123456789012", "aws")


# ---- EKS, load balancing ----


class FakeEksAccount:
    """One cluster with two node groups; versions in pages of one."""

    def __init__(self, **tags: str) -> None:
        self.tags = tags

    def describe_cluster_versions(self, includeAll: bool, nextToken: str = "0", **_: Any) -> dict[str, Any]:
        ends = datetime(2027, 3, 27, tzinfo=UTC)
        versions = [
            {"clusterVersion": "1.35", "versionStatus": "STANDARD_SUPPORT", "endOfStandardSupportDate": ends},
            {"clusterVersion": "1.31", "status": "extended-support"},
        ]
        more = {"nextToken": "1"} if nextToken == "0" else {}
        return {"clusterVersions": [versions[int(nextToken)]], **more}

    def describe_cluster(self, name: str) -> dict[str, Any]:
        if name != "lab":
            raise Refusal("ResourceNotFoundException", f"No cluster found for name: {name}.")
        vpc = {"subnetIds": ["subnet-a", "subnet-d"]}
        return {"cluster": {"version": "1.35", "status": "ACTIVE", "resourcesVpcConfig": vpc, "tags": self.tags}}

    def list_nodegroups(self, clusterName: str, nextToken: str = "0", **_: Any) -> dict[str, Any]:
        return {"nodegroups": [f"lab-{nextToken}"], **({"nextToken": "1"} if nextToken == "0" else {})}

    def describe_nodegroup(self, clusterName: str, nodegroupName: str) -> dict[str, Any]:
        return {"nodegroup": {"subnets": ["subnet-d"] if nodegroupName == "lab-0" else ["subnet-d", "subnet-e"]}}

    def list_clusters(self, nextToken: str = "0", **_: Any) -> dict[str, Any]:
        return {"clusters": ["a", "b"], **({"nextToken": "1"} if nextToken == "0" else {})}


def test_a_kubernetes_version_is_found_on_any_page_in_either_form_of_its_status() -> None:
    eks = Eks(fake_client("eks", FakeEksAccount()))
    assert eks.kubernetes_version("1.35") == KubernetesVersion("1.35", "STANDARD_SUPPORT", datetime(2027, 3, 27, tzinfo=UTC))
    assert eks.kubernetes_version("1.31") == KubernetesVersion("1.31", "EXTENDED_SUPPORT", None)
    assert eks.kubernetes_version("1.99") is None


def test_an_existing_cluster_is_told_with_the_subnets_of_all_node_groups() -> None:
    eks = Eks(fake_client("eks", FakeEksAccount()))
    control_plane, nodes = ("subnet-a", "subnet-d"), ("subnet-d", "subnet-e")
    assert eks.existing_cluster("lab") == ExistingCluster("1.35", "ACTIVE", control_plane, nodes, is_ours=False)
    assert eks.existing_cluster("other") is None
    assert eks.count_clusters() == 4


@pytest.mark.parametrize(("tag", "is_ours"), [("lab", True), ("other", False)])
def test_a_cluster_is_ours_by_the_tag_with_its_own_name(tag: str, is_ours: bool) -> None:
    found = Eks(fake_client("eks", FakeEksAccount(**{"hubplane:cluster": tag}))).existing_cluster("lab")
    assert found is not None
    assert found.is_ours is is_ours


def test_names_of_load_balancers_and_target_groups_are_found_with_who_uses_them(aws: None) -> None:
    ec2, elb = client("ec2"), client("elbv2")
    vpc_id = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnet_ids = [item["SubnetId"] for item in ec2.describe_subnets()["Subnets"]][:2]
    balancer = elb.create_load_balancer(Name="lab", Subnets=subnet_ids, Type="application")["LoadBalancers"][0]
    elb.create_load_balancer(Name="net", Subnets=subnet_ids, Type="network")
    group = elb.create_target_group(Name="lab-30052", Port=30052, Protocol="HTTP", VpcId=vpc_id)["TargetGroups"][0]
    actions = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Port=80, Protocol="HTTP", DefaultActions=actions)
    balancing = ElasticLoadBalancing(elb)
    assert balancing.load_balancer_vpc("lab") == vpc_id
    assert balancing.load_balancer_vpc("absent") is None
    assert balancing.target_group("lab-30052") == TargetGroup("lab-30052", vpc_id, 30052, ("lab",))
    assert balancing.target_group("absent") is None
    assert balancing.count_application_load_balancers() == 1
