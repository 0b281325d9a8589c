"""Each contradiction is a fault with its own sentence."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from hubplane.domain.account_check.facts import (
    AccountFacts,
    KubernetesVersion,
    NotebookImageFound,
    QuotaUse,
    Subnet,
    TargetGroup,
)
from hubplane.domain.cluster_spec.model import ClusterSpec, ImageBuild
from tests.unit.account_check.accounts import (
    CERTIFICATE,
    CLUSTER,
    GOOD,
    M5,
    NOW,
    REGISTRY,
    SPEC,
    certificate,
    group,
    judge,
    network,
    notebook,
    own_ami,
    subnets,
)

NETWORK_FAULTS = [
    pytest.param(
        SPEC,
        subnets(d={"availability_zone": "us-east-1b"}),
        "us-east-1d",
        "subnet subnet-d is in us-east-1b, the cluster's nodes are in us-east-1d (recorded by its first build): homes are "
        "volumes of "
        "us-east-1d and cannot be mounted elsewhere, so name a subnet of us-east-1d in network.active_subnet_ids",
        id="the-recorded-zone-never-changes",
    ),
    pytest.param(
        network(active_subnet_ids=("subnet-a",)),
        GOOD._replace(existing_cluster=CLUSTER),
        None,
        "subnet subnet-a is in us-east-1a, the cluster's nodes are in us-east-1d (its node groups exist there)",
        id="existing-nodes-settle-the-zone",
    ),
    pytest.param(
        network(active_subnet_ids=("subnet-a",)),
        GOOD._replace(volume_availability_zones={"us-east-1d": 41}),
        None,
        "subnet subnet-a is in us-east-1a, the cluster's nodes are in us-east-1d (41 of its volumes exist there)",
        id="existing-homes-settle-the-zone",
    ),
    pytest.param(
        network(active_subnet_ids=("subnet-a", "subnet-d")),
        GOOD,
        None,
        "active subnets are in 2 Availability Zones (subnet-a in us-east-1a, subnet-d in us-east-1d): a home is a volume "
        "of one zone",
        id="nodes-in-one-zone",
    ),
    pytest.param(
        network(subnet_ids=("subnet-d",)),
        GOOD,
        None,
        "subnets subnet-d are all in us-east-1d: EKS and the load balancer need subnets in at least two Availability Zones",
        id="two-zones-over-all",
    ),
    pytest.param(
        SPEC,
        subnets(a={"availability_zone": "us-east-1d"}),
        None,
        "subnets subnet-a, subnet-d are all in us-east-1d: a load balancer takes one subnet per Availability Zone",
        id="one-subnet-per-zone",
    ),
    pytest.param(
        network(subnet_ids=("subnet-a", "subnet-d", "subnet-x")),
        GOOD,
        None,
        "subnet subnet-x does not exist in us-east-1",
        id="absent-subnet",
    ),
    pytest.param(
        SPEC,
        subnets(a={"vpc_id": "vpc-2"}),
        None,
        "subnet subnet-a is in vpc-2, not in vpc-1: choose subnets",
        id="subnet-of-another-vpc",
    ),
    pytest.param(
        SPEC,
        subnets(a={"availability_zone": "us-east-1e", "availability_zone_id": "use1-az3"}),
        None,
        "subnet subnet-a is in us-east-1e (use1-az3), where EKS places no cluster",
        id="zone-without-eks",
    ),
    pytest.param(
        SPEC,
        subnets(a={"free_addresses": 13}),
        None,
        "subnet subnet-a has 13 free addresses: EKS (6) and the load balancer (8) need 14",
        id="too-few-addresses",
    ),
    pytest.param(
        group(desired_size=20, max_size=21),
        subnets(d={"free_addresses": 19}),
        None,
        "active subnets subnet-d have 19 free addresses for 20 nodes",
        id="too-few-addresses-for-the-nodes",
    ),
]
NODE_FAULTS = [
    pytest.param(
        group(instance_type="m5.2xlarge"),
        GOOD._replace(instance_types={"m5.2xlarge": M5._replace(availability_zones=frozenset({"us-east-1a"}))}),
        None,
        "node group main: instance type m5.2xlarge is not offered in us-east-1d, where the nodes are (it is in us-east-1a)",
        id="instance-type-not-in-the-zone",
    ),
    pytest.param(
        group(instance_type="m5.2xlrage"),
        GOOD,
        None,
        "node group main: instance type m5.2xlrage does not exist in us-east-1",
        id="unknown-instance-type",
    ),
    pytest.param(
        group(ami_type="AL2023_ARM_64_STANDARD"),
        GOOD,
        None,
        "node group main: AMI type AL2023_ARM_64_STANDARD is for arm64, instance type m5.2xlarge is x86_64",
        id="ami-type-of-another-architecture",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(recommended_ami_ids={"main": None}),
        None,
        "node group main: EKS recommends no image of AMI type AL2023_x86_64_STANDARD for Kubernetes 1.35",
        id="no-recommended-image",
    ),
    pytest.param(
        group(ami_id="ami-1"),
        GOOD,
        None,
        "node group main: image ami-1 does not exist in us-east-1 or is not shared with this account",
        id="absent-ami",
    ),
    pytest.param(
        group(ami_id="ami-1"), own_ami(state="disabled"), None, "node group main: image ami-1 is disabled", id="ami-not-available"
    ),
    pytest.param(
        group(ami_id="ami-1"),
        own_ami(architecture="arm64"),
        None,
        "node group main: image ami-1 is for arm64, instance type m5.2xlarge is x86_64",
        id="ami-of-another-architecture",
    ),
    pytest.param(
        group(ami_id="ami-1"),
        own_ami(name="amazon-eks-node-al2023-x86_64-standard-1.13-v20190614"),
        None,
        "(amazon-eks-node-al2023-x86_64-standard-1.13-v20190614) is for Kubernetes 1.13, the cluster is to run 1.35",
        id="ami-far-behind",
    ),
    pytest.param(
        group(ami_id="ami-1"),
        own_ami(name="amazon-eks-node-al2023-x86_64-standard-1.36-v20270101"),
        None,
        "is for Kubernetes 1.36, the cluster is to run 1.35: nodes may be up to 3 minor versions older and never newer",
        id="ami-ahead",
    ),
    *(
        pytest.param(
            group(ami_id="ami-1"),
            own_ami(name=name),
            None,
            f"({name}) is {system}: nodes are set up by nodeadm, which Amazon Linux 2023 has",
            id=f"ami-of-{system}",
        )
        for name, system in (
            ("amazon-eks-node-1.32-v20251101", "Amazon Linux 2"),
            ("amazon-eks-gpu-node-1.32-v20251101", "Amazon Linux 2"),
            ("bottlerocket-aws-k8s-1.35-x86_64-v1.60.0-abc", "Bottlerocket"),
            ("ubuntu-eks/k8s_1.35/images/hvm-ssd/ubuntu-noble", "Ubuntu"),
            ("Windows_Server-2022-English-Core-EKS_Optimized-1.35-2026.10.13", "Windows"),
        )
    ),
    pytest.param(
        group(ami_id="ami-1"),
        own_ami(root_device="/dev/sda1"),
        None,
        "image ami-1 has its root disk at /dev/sda1: volume_size_gib and encryption are set for /dev/xvda",
        id="ami-with-another-root-device",
    ),
    pytest.param(
        group(ami_id="ami-1", volume_size_gib=30),
        own_ami(root_device="/dev/xvda", root_size_gib=31),
        None,
        "image ami-1 needs a root disk of 31 GiB, volume_size_gib is 30",
        id="ami-larger-than-the-disk",
    ),
]
VERSION_FAULTS = [
    pytest.param(
        SPEC, GOOD._replace(kubernetes_version=None), None, "EKS does not offer Kubernetes 1.35 in us-east-1", id="unknown"
    ),
    pytest.param(
        SPEC,
        GOOD._replace(kubernetes_version=KubernetesVersion("1.35", "UNSUPPORTED", None)),
        None,
        "EKS does not offer Kubernetes 1.35",
        id="unsupported",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(existing_cluster=CLUSTER._replace(version="1.36")),
        None,
        "EKS cluster opensarlab runs Kubernetes 1.36: it cannot go back to 1.35, so set kubernetes_version to 1.36 or later",
        id="downgrade",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(existing_cluster=CLUSTER._replace(version="1.33")),
        None,
        "EKS upgrades one minor version at a time, so set kubernetes_version to 1.34 first, not to 1.35",
        id="two-steps-at-once",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(
            existing_cluster=CLUSTER._replace(subnet_ids=("subnet-z",)),
            subnets={**GOOD.subnets, "subnet-z": Subnet("subnet-z", "vpc-9", "us-east-1a", "use1-az1", 9)},
        ),
        None,
        "EKS cluster opensarlab is in vpc-9, not in vpc-1: a cluster cannot move to another VPC",
        id="cluster-in-another-vpc",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(existing_cluster=CLUSTER._replace(status="DELETING")),
        None,
        "EKS cluster opensarlab is DELETING: wait until it is gone",
        id="cluster-on-its-way-out",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(existing_cluster=CLUSTER._replace(is_ours=False)),
        None,
        "EKS cluster opensarlab exists and is not Hubplane's (it lacks the tag hubplane:cluster)",
        id="cluster-of-somebody-else",
    ),
]
ENTRANCE_FAULTS = [
    pytest.param(
        SPEC, GOOD._replace(certificate=None), None, f"certificate {CERTIFICATE} does not exist", id="absent-certificate"
    ),
    pytest.param(
        replace(SPEC, hub=replace(SPEC.hub, certificate_arn=CERTIFICATE.replace("us-east-1", "us-west-2"))),
        GOOD,
        None,
        "is in us-west-2, the load balancer is in us-east-1: request or import it in us-east-1",
        id="certificate-of-another-region",
    ),
    pytest.param(
        SPEC,
        certificate(status="PENDING_VALIDATION", not_after=None),
        None,
        "waits for validation: create the DNS records that Certificate Manager shows",
        id="certificate-pending",
    ),
    pytest.param(SPEC, certificate(status="EXPIRED"), None, "has expired: renew or replace it", id="certificate-expired"),
    pytest.param(SPEC, certificate(not_after=NOW), None, "has expired: renew or replace it", id="certificate-ends-this-second"),
    pytest.param(SPEC, certificate(status="REVOKED"), None, "is REVOKED: name one that is ISSUED", id="certificate-revoked"),
    pytest.param(
        SPEC,
        certificate(domain_names=("asf.alaska.edu", "*.opensarlab.asf.alaska.edu")),
        None,
        "is for asf.alaska.edu, *.opensarlab.asf.alaska.edu, not for opensarlab.asf.alaska.edu",
        id="certificate-of-other-hosts",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(load_balancer_vpc_id="vpc-9"),
        None,
        "a load balancer opensarlab exists in vpc-9, the cluster is to be in vpc-1",
        id="load-balancer-name-taken",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(target_group=TargetGroup("opensarlab-30052", "vpc-1", 80, ())),
        None,
        "target group opensarlab-30052 exists for port 80 in vpc-1: it is not this cluster's, so remove it or choose "
        "another hub.node_port",
        id="node-port-name-taken",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(target_group=TargetGroup("opensarlab-30052", "vpc-1", 30052, ("opensarlab", "old-hub"))),
        None,
        "target group opensarlab-30052 exists for port 30052 in vpc-1, used by load balancer old-hub",
        id="node-port-behind-another-load-balancer",
    ),
]
IMAGE_FAULTS = [
    pytest.param(
        SPEC,
        GOOD._replace(notebook_image=NotebookImageFound(True)),
        None,
        f"notebook image {REGISTRY}/asf-franz-labs: there is no such repository in ECR",
        id="absent-repository",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(notebook_image=NotebookImageFound(True, True)),
        None,
        f"notebook image {REGISTRY}/asf-franz-labs has no tag 2019-08-10-00-15-33: push it",
        id="absent-tag",
    ),
    pytest.param(
        SPEC,
        GOOD._replace(notebook_image=NotebookImageFound(True, True, True, "1.0.0")),
        None,
        "has JupyterHub 1.0.0, the hub of chart 4.4.0 runs 5.5.0: the major versions must be equal",
        id="another-major-version",
    ),
    pytest.param(
        notebook(jupyterhub_version="4.1.6"),
        GOOD,
        None,
        "has JupyterHub 4.1.6, the hub of chart 4.4.0 runs 5.5.0",
        id="the-specification-speaks-before-the-image",
    ),
    pytest.param(
        notebook(name="quay.io/asf/labs", build=ImageBuild("https://github.com/asf/labs", "main")),
        GOOD._replace(notebook_image=NotebookImageFound(False)),
        None,
        "notebook image quay.io/asf/labs: images are built into ECR of this account and Region only",
        id="build-into-a-foreign-registry",
    ),
    pytest.param(
        notebook(build=ImageBuild("https://github.com/asf/labs", "main")),
        GOOD._replace(notebook_image=NotebookImageFound(True)),
        None,
        "the ECR repository asf-franz-labs does not exist, and Hubplane makes only those that start with hubplane/opensarlab/",
        id="build-into-an-absent-repository",
    ),
]
QUOTA_FAULTS = [
    pytest.param(
        SPEC,
        GOOD._replace(quotas={"clusters": QuotaUse(3, 3)}),
        None,
        "quota L-1194D53C (EKS clusters per Region) is 3: 3 in use by others, 1 wanted by this cluster; ask Service Quotas for 4",
        id="clusters",
    ),
    pytest.param(SPEC, GOOD._replace(quotas={"load_balancers": QuotaUse(20, 20)}), None, "quota L-53DA6B97", id="load-balancers"),
    pytest.param(
        SPEC, GOOD._replace(quotas={"security_groups": QuotaUse(42, 40)}), None, "quota L-E79EC296", id="security-groups"
    ),
    pytest.param(
        SPEC,
        GOOD._replace(quotas={"vcpus_standard": QuotaUse(32, 17)}),
        None,
        "is 32: 17 in use by others, 64 wanted by this cluster; ask Service Quotas for 81",
        id="vcpus-not-even-for-the-first-nodes",
    ),
]


@pytest.mark.parametrize(
    ("spec", "facts", "zone", "fault"),
    [*NETWORK_FAULTS, *NODE_FAULTS, *VERSION_FAULTS, *ENTRANCE_FAULTS, *IMAGE_FAULTS, *QUOTA_FAULTS],
)
def test_a_contradiction_is_a_fault_that_says_what_to_do(
    spec: ClusterSpec, facts: AccountFacts, zone: str | None, fault: str
) -> None:
    faults = judge(spec, facts, zone).faults
    assert [text for text in faults if fault in text], faults
    assert all(re.search(r": .+|; .+", text) for text in faults)


def test_the_only_fault_of_a_single_contradiction_is_its_own() -> None:
    assert len(judge(facts=subnets(d={"availability_zone": "us-east-1b"}), zone="us-east-1d").faults) == 1
    assert len(judge(facts=certificate(status="REVOKED")).faults) == 1
    assert len(judge(facts=GOOD._replace(kubernetes_version=None)).faults) == 1


def test_all_faults_are_told_at_once() -> None:
    facts = GOOD._replace(
        certificate=None, kubernetes_version=None, notebook_image=NotebookImageFound(True), quotas={"clusters": QuotaUse(0, 0)}
    )
    assert len(judge(network(subnet_ids=("subnet-d", "subnet-x")), facts).faults) == 5
