"""An account that is ready for the 2019 cluster, and what is changed in it to make it unready."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hubplane.domain.account_check.facts import (
    AccountFacts,
    Ami,
    Certificate,
    ExistingCluster,
    InstanceType,
    KubernetesVersion,
    NotebookImageFound,
    QuotaUse,
    Subnet,
)
from hubplane.domain.account_check.judging import Judgement, judge_account
from hubplane.domain.cluster_spec.model import ClusterSpec, Hub, Network, NodeGroup, NotebookImage, OAuth
from hubplane.domain.images import HubChart

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACCOUNT = "111122223333"
CERTIFICATE = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/c-1"
REGISTRY = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
CHART = HubChart("https://hub.jupyter.org/helm-chart/", "4.4.0")

SPEC = ClusterSpec(
    cluster_name="opensarlab",
    network=Network(vpc_id="vpc-1", subnet_ids=("subnet-a", "subnet-d"), active_subnet_ids=("subnet-d",)),
    hub=Hub(certificate_arn=CERTIFICATE, admin_users=("emlundell_test1",), url="https://opensarlab.asf.alaska.edu"),
    oauth=OAuth(domain_url="https://opensarlab.auth.us-east-1.amazoncognito.com"),
    notebook_image=NotebookImage(name=f"{REGISTRY}/asf-franz-labs", tag="2019-08-10-00-15-33"),
    kubernetes_version="1.35",
)
M5 = InstanceType("m5.2xlarge", 8, ("x86_64",), 15, frozenset({"us-east-1a", "us-east-1d"}))
GOOD = AccountFacts(
    region="us-east-1",
    subnets={
        "subnet-a": Subnet("subnet-a", "vpc-1", "us-east-1a", "use1-az1", 4000),
        "subnet-d": Subnet("subnet-d", "vpc-1", "us-east-1d", "use1-az6", 4000),
    },
    instance_types={"m5.2xlarge": M5},
    amis={},
    recommended_ami_ids={"main": "ami-recommended"},
    certificate=Certificate(CERTIFICATE, "ISSUED", ("*.asf.alaska.edu",), NOW + timedelta(days=200), "ELIGIBLE"),
    kubernetes_version=KubernetesVersion("1.35", "STANDARD_SUPPORT", NOW + timedelta(days=300)),
    existing_cluster=None,
    notebook_image=NotebookImageFound(True, True, True, "5.5.1"),
    target_group=None,
    load_balancer_vpc_id=None,
    volume_availability_zones={},
    quotas={
        "clusters": QuotaUse(100, 3),
        "load_balancers": QuotaUse(50, 3),
        "security_groups": QuotaUse(2500, 40),
        "vcpus_standard": QuotaUse(640, 32),
    },
)
CLUSTER = ExistingCluster("1.35", "ACTIVE", ("subnet-a", "subnet-d"), ("subnet-d",), is_ours=True)
OWN_AMI = Ami("ami-1", "amazon-eks-node-al2023-x86_64-standard-1.35-v20260601", "", "available", "x86_64")


def judge(spec: ClusterSpec = SPEC, facts: AccountFacts = GOOD, zone: str | None = None, chart: HubChart = CHART) -> Judgement:
    return judge_account(spec, facts, chart=chart, account_id=ACCOUNT, recorded_availability_zone=zone, now=NOW)


def subnets(**changes: dict[str, Any]) -> AccountFacts:
    """The good account with fields of its subnets changed; keys are the letters in their ids."""
    changed = {f"subnet-{letter}": GOOD.subnets[f"subnet-{letter}"]._replace(**fields) for letter, fields in changes.items()}
    return GOOD._replace(subnets={**GOOD.subnets, **changed})


def certificate(**fields: Any) -> AccountFacts:
    assert GOOD.certificate is not None
    return GOOD._replace(certificate=GOOD.certificate._replace(**fields))


def group(**fields: Any) -> ClusterSpec:
    return replace(SPEC, node_groups=(NodeGroup(**fields),))


def network(**fields: Any) -> ClusterSpec:
    return replace(SPEC, network=replace(SPEC.network, **fields))


def notebook(**fields: Any) -> ClusterSpec:
    return replace(SPEC, notebook_image=replace(SPEC.notebook_image, **fields))


def own_ami(**fields: Any) -> AccountFacts:
    return GOOD._replace(amis={"ami-1": OWN_AMI._replace(**fields)})
