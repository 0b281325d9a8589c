# ruff: noqa: N803 - parameters are named as the API names them
"""CheckAccount on moto's account, with the 2019 cluster's own specification; EKS, parameters and quotas are fakes."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.domain.errors import AccountNotReady, ProviderError, Throttled
from tests.adapters.fake_aws import Refusal, fake_client

EVENT = json.loads(Path("events/check_account.json").read_text())
ACCOUNT = "123456789012"
CERTIFICATE = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/10791780-75d2-4ef0-bfbc-2c074e94b92b"
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {"digest": "sha256:" + "c" * 64},
    "layers": [],
}


class FakeEks:
    """An account without clusters; ``versions`` that EKS offers."""

    def __init__(self) -> None:
        self.versions = ["1.34", "1.35"]
        self.throttled = False

    def describe_cluster(self, name: str) -> dict[str, Any]:
        if self.throttled:
            raise Refusal("TooManyRequestsException", "slow down")
        raise Refusal("ResourceNotFoundException", f"No cluster found for name: {name}.")

    def describe_cluster_versions(self, **_: Any) -> dict[str, Any]:
        return {"clusterVersions": [{"clusterVersion": item, "versionStatus": "STANDARD_SUPPORT"} for item in self.versions]}

    def list_clusters(self, **_: Any) -> dict[str, Any]:
        return {"clusters": []}


class FakeCertificates:
    """One issued certificate."""

    def describe_certificate(self, CertificateArn: str) -> dict[str, Any]:
        if CertificateArn != CERTIFICATE:
            raise Refusal("ResourceNotFoundException")
        return {
            "Certificate": {"DomainName": "*.asf.alaska.edu", "Status": "ISSUED", "NotAfter": datetime(2126, 1, 1, tzinfo=UTC)}
        }


class FakeParameters:
    """The images that EKS recommends for 1.35."""

    def get_parameter(self, Name: str) -> dict[str, Any]:
        if Name != "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id":
            raise Refusal("ParameterNotFound")
        return {"Parameter": {"Value": "ami-0recommended"}}


class FakeQuotas:
    """Every quota is 1000, unless this role may not ask."""

    def __init__(self) -> None:
        self.denied = False

    def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:
        if self.denied:
            raise Refusal("AccessDeniedException", "not allowed")
        return {"Quota": {"Value": 1000.0}}


class World:
    """The account: subnets in two zones, a certificate, an image; and the function on it."""

    def __init__(self) -> None:
        self.eks, self.quotas = FakeEks(), FakeQuotas()
        ec2 = boto3.client("ec2")
        self.subnets = {item["AvailabilityZone"][-1]: item for item in ec2.describe_subnets()["Subnets"]}
        ecr = boto3.client("ecr")
        ecr.create_repository(repositoryName="asf-franz-labs")
        ecr.put_image(repositoryName="asf-franz-labs", imageTag="2019-08-10-00-15-33", imageManifest=json.dumps(MANIFEST))
        spec = EVENT["spec"]
        self.spec = {
            **spec,
            "network": self.network("a", "d"),
            "hub": {**spec["hub"], "certificate_arn": CERTIFICATE},
            "notebook_image": {
                **spec["notebook_image"],
                "name": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/asf-franz-labs",
                "jupyterhub_version": "5.5.1",
            },
        }

    def network(self, *zones: str) -> dict[str, Any]:
        """The VPC's subnets of these zones; the nodes are in the last one."""
        subnet_ids = [self.subnets[zone]["SubnetId"] for zone in zones]
        vpc_id = self.subnets["a"]["VpcId"]
        return {
            "vpc_id": vpc_id,
            "subnet_ids": subnet_ids,
            "active_subnet_ids": subnet_ids[-1:],
            "load_balancer_cidr": "0.0.0.0/0",
        }

    def run(self, recorded: str | None = None, **changes: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.module.handler(
            {**EVENT, "spec": {**self.spec, **changes}, "recorded_availability_zone": recorded}, None
        )
        return result

    module: Any


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for key, value in {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}.items():
        monkeypatch.setenv(key, value)
    for key in ("AWS_ENDPOINT_URL", "JUPYTERHUB_CHART", "JUPYTERHUB_CHART_VERSION"):
        monkeypatch.delenv(key, raising=False)
    with mock_aws():
        found = World()
        found.module = importlib.reload(importlib.import_module("functions.check_account.app"))
        fakes = {
            "eks": fake_client("eks", found.eks),
            "acm": fake_client("acm", FakeCertificates()),
            "ssm": fake_client("ssm", FakeParameters()),
            "service-quotas": fake_client("service-quotas", found.quotas),
        }
        monkeypatch.setattr(found.module, "client", lambda service: fakes.get(service) or boto3.client(service))
        monkeypatch.setattr("hubplane.adapters.ecr.Ecr.image_config", lambda *_: (None, "no registry behind the mock"))
        yield found


def test_a_ready_account_is_answered_with_what_later_stages_need(world: World) -> None:
    result = world.run()
    assert {key: result[key] for key in result if key not in ("notes", "reason")} == {
        "availability_zone": "us-east-1d",
        "ami_ids": {"main": None},
        "account_id": ACCOUNT,
        "region": "us-east-1",
        "partition": "aws",
        "hub_chart": {"source": "https://hub.jupyter.org/helm-chart/", "version": "4.4.0", "jupyterhub_version": "5.5.0"},
        "changes": [],
    }
    assert result["notes"] == []


def test_the_recorded_zone_stops_a_build_that_would_move_the_nodes(world: World) -> None:
    with pytest.raises(AccountNotReady) as refusal:
        world.run(recorded="us-east-1d", network=world.network("d", "a"))
    subnet_id = world.subnets["a"]["SubnetId"]
    assert f"subnet {subnet_id} is in us-east-1a, the cluster's nodes are in us-east-1d" in str(refusal.value)


def test_homes_in_another_zone_stop_a_build_that_has_no_record(world: World) -> None:
    tags = [
        {"Key": "KubernetesCluster", "Value": "opensarlab"},
        {"Key": "kubernetes.io/created-for/pvc/name", "Value": "claim-a"},
    ]
    boto3.client("ec2").create_volume(
        AvailabilityZone="us-east-1b", Size=8, TagSpecifications=[{"ResourceType": "volume", "Tags": tags}]
    )
    with pytest.raises(AccountNotReady, match=r"the cluster's nodes are in us-east-1b \(1 of its volumes exist there\)"):
        world.run()


def test_all_faults_come_at_once_one_to_a_line(world: World) -> None:
    world.eks.versions = ["1.34"]
    vpc_id = boto3.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    boto3.client("elbv2").create_target_group(Name="opensarlab-30052", Port=80, Protocol="HTTP", VpcId=vpc_id)
    image = {**world.spec["notebook_image"], "tag": "absent"}
    with pytest.raises(AccountNotReady) as refusal:
        world.run(notebook_image=image, node_groups=[{**EVENT["spec"]["node_groups"][0], "instance_type": "m5.huge"}])
    lines = str(refusal.value).splitlines()
    assert [line[:2] for line in lines] == ["- "] * len(lines)
    for words in (
        "does not offer Kubernetes 1.35",
        "m5.huge does not exist",
        "target group opensarlab-30052",
        "has no tag absent",
    ):
        assert len([line for line in lines if words in line]) == 1, words
    assert len(lines) == 4


def test_the_deployments_chart_is_answered_where_the_cluster_names_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.module, "SETTINGS", world.module.Settings("/charts/jupyterhub", ""))
    assert world.run()["hub_chart"] == {"source": "/charts/jupyterhub", "version": None, "jupyterhub_version": "5.5.0"}


def test_a_foreign_registry_that_is_closed_is_noted_and_ones_own_is_an_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: Any) -> None:
        raise ProviderError("describe repository asf-franz-labs: AccessDenied")

    monkeypatch.setattr("hubplane.adapters.ecr.Ecr.repository_uri", closed)
    foreign = {**world.spec["notebook_image"], "name": "553778890976.dkr.ecr.us-east-1.amazonaws.com/asf-franz-labs"}
    assert "it is in account 553778890976, which answered" in world.run(notebook_image=foreign)["notes"][0]
    with pytest.raises(ProviderError, match="AccessDenied"):
        world.run()


def test_quotas_that_may_not_be_read_are_noted(world: World) -> None:
    world.quotas.denied = True
    notes = world.run()["notes"]
    assert len(notes) == 4
    assert all("was not checked" in note for note in notes)


def test_throttling_is_left_to_the_machines_retry(world: World) -> None:
    world.eks.throttled = True
    with pytest.raises(Throttled):
        world.run()
