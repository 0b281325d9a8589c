"""Kubernetes version, instance types and machine images: what the control plane and the nodes are made of."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from hubplane.domain.account_check.facts import AccountFacts, Ami
from hubplane.domain.account_check.findings import Findings
from hubplane.domain.cluster_spec.model import ClusterSpec, NodeGroup

# kubelet may be up to three minor versions older than the API server and never newer.
# https://kubernetes.io/releases/version-skew-policy/#kubelet
KUBELET_MAY_LAG_BY = 3
END_OF_SUPPORT_NOTICE = timedelta(days=60)

# amazon-eks-node-al2023-x86_64-standard-1.35-v20260601, amazon-eks-node-1.13-v20190614, amazon-eks-gpu-node-1.29-v...,
# bottlerocket-aws-k8s-1.35-x86_64-..., ubuntu-eks/k8s_1.35/images/...; descriptions of EKS images say "(k8s: 1.35.0, ...".
AMI_NAME_VERSIONS = (
    r"^amazon-eks-.*?-(1\.\d+)-v\d+",
    r"^bottlerocket-aws-k8s-(1\.\d+)-",
    r"k8s_(1\.\d+)",
)
AMI_DESCRIPTION_VERSION = r"k8s: ?v?(1\.\d+)"
AMI_TAG_VERSION = r"^v?(1\.\d+)(?:[./+-]|$)"
AMI_VERSION_TAGS = ("kubernetes", "kubernetes_version", "KubernetesVersion")

# Images whose nodes are not set up by nodeadm, for which the launch template writes its user data: they start and never join
# the cluster, and EKS says so half an hour later. Names as above; an image of another name may well be made from AL2023.
IMAGES_WITHOUT_NODEADM = (
    (r"^amazon-eks-(?:gpu-|arm64-)?node-1\.\d+-v\d+", "Amazon Linux 2"),
    (r"^bottlerocket-", "Bottlerocket"),
    (r"^ubuntu-eks/", "Ubuntu"),
    (r"^Windows_Server-", "Windows"),
)
# What the launch template sizes and encrypts (functions/plan_stack_change/cluster.yaml); Amazon Linux 2023 starts from it.
ROOT_DEVICE = "/dev/xvda"


def minor(version: str) -> int:
    """35 of ``1.35`` or ``1.35.2``."""
    return int(version.split(".")[1])


def ami_kubernetes_version(ami: Ami) -> str | None:
    """The Kubernetes version that a machine image was made for, from its tags, name or description; None: it does not say."""
    for key in AMI_VERSION_TAGS:
        tagged = re.match(AMI_TAG_VERSION, ami.tags.get(key, ""))
        if tagged:
            return tagged[1]
    for pattern in AMI_NAME_VERSIONS:
        named = re.search(pattern, ami.name)
        if named:
            return named[1]
    described = re.search(AMI_DESCRIPTION_VERSION, ami.description)
    return described[1] if described else None


def recommended_ami_parameter(kubernetes_version: str, ami_type: str) -> str | None:
    """The public SSM parameter with the image id that EKS recommends; None for kinds of image without one (CUSTOM, Windows).

    Paths: https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id.html and, for Bottlerocket,
    https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id-bottlerocket.html
    """
    base = f"/aws/service/eks/optimized-ami/{kubernetes_version}"
    modern = re.fullmatch(r"AL2023_(x86_64|ARM_64)_(STANDARD|NVIDIA|NEURON)", ami_type)
    if modern:
        architecture = "arm64" if modern[1] == "ARM_64" else "x86_64"
        return f"{base}/amazon-linux-2023/{architecture}/{modern[2].lower()}/recommended/image_id"
    older = {"AL2_x86_64": "amazon-linux-2", "AL2_x86_64_GPU": "amazon-linux-2-gpu", "AL2_ARM_64": "amazon-linux-2-arm64"}
    if ami_type in older:
        return f"{base}/{older[ami_type]}/recommended/image_id"
    bottlerocket = re.fullmatch(r"BOTTLEROCKET_(x86_64|ARM_64)(_NVIDIA)?(_FIPS)?", ami_type)
    if bottlerocket:
        architecture = "arm64" if bottlerocket[1] == "ARM_64" else "x86_64"
        variant = (bottlerocket[2] or "").replace("_", "-").lower() + (bottlerocket[3] or "").replace("_", "-").lower()
        return f"/aws/service/bottlerocket/aws-k8s-{kubernetes_version}{variant}/{architecture}/latest/image_id"
    return None


def judge_kubernetes(spec: ClusterSpec, facts: AccountFacts, now: datetime, findings: Findings) -> None:
    """Whether EKS offers the version and, for a cluster that exists, whether the step to it is one that EKS takes."""
    wanted, offered = spec.kubernetes_version, facts.kubernetes_version
    if offered is None or offered.status == "UNSUPPORTED":
        findings.fault(f"EKS does not offer Kubernetes {wanted} in {facts.region}: choose a version that EKS supports")
    elif offered.status == "EXTENDED_SUPPORT":
        findings.note(f"Kubernetes {wanted} is in extended support, which EKS charges for by the hour: plan an upgrade")
    elif offered.standard_support_ends_at and offered.standard_support_ends_at - now < END_OF_SUPPORT_NOTICE:
        day = offered.standard_support_ends_at.date().isoformat()
        findings.note(f"standard support of Kubernetes {wanted} ends on {day}: plan an upgrade")
    _judge_existing(spec, facts, findings)


def _judge_existing(spec: ClusterSpec, facts: AccountFacts, findings: Findings) -> None:
    cluster, wanted = facts.existing_cluster, spec.kubernetes_version
    if cluster is None:
        return
    if not cluster.is_ours:
        findings.fault(
            f"EKS cluster {spec.cluster_name} exists and is not Hubplane's (it lacks the tag hubplane:cluster): a stack cannot "
            "make a cluster of a name that is taken, so choose another cluster_name, or remove that cluster first"
        )
        return
    step = minor(wanted) - minor(cluster.version)
    if step < 0:
        findings.fault(
            f"EKS cluster {spec.cluster_name} runs Kubernetes {cluster.version}: it cannot go back to {wanted}, so set "
            f"kubernetes_version to {cluster.version} or later"
        )
    elif step > 1:
        findings.fault(
            f"EKS cluster {spec.cluster_name} runs Kubernetes {cluster.version}: EKS upgrades one minor version at a time, "
            "so set "
            f"kubernetes_version to 1.{minor(cluster.version) + 1} first, not to {wanted}"
        )
    for vpc_id in sorted({facts.subnets[key].vpc_id for key in cluster.subnet_ids if key in facts.subnets}):
        if vpc_id != spec.network.vpc_id:
            findings.fault(
                f"EKS cluster {spec.cluster_name} is in {vpc_id}, not in {spec.network.vpc_id}: a cluster cannot move to another "
                f"VPC, so name {vpc_id} or build a cluster of another name"
            )
    if cluster.status in ("DELETING", "FAILED"):
        findings.fault(
            f"EKS cluster {spec.cluster_name} is {cluster.status}: wait until it is gone, or remove it, and start the build again"
        )


def judge_node_group(spec: ClusterSpec, group: NodeGroup, facts: AccountFacts, zone: str | None, findings: Findings) -> None:
    """Instance type (offered in the zone, of the image's architecture) and machine image of one node group."""
    where = f"node group {group.name}"
    kind = facts.instance_types.get(group.instance_type)
    if kind is None:
        findings.fault(f"{where}: instance type {group.instance_type} does not exist in {facts.region}: choose one that does")
    elif zone is not None and zone not in kind.availability_zones:
        others = ", ".join(sorted(kind.availability_zones)) or "no zone of this Region"
        findings.fault(
            f"{where}: instance type {group.instance_type} is not offered in {zone}, where the nodes are (it is in "
            f"{others}): choose "
            "another instance type"
        )
    if group.ami_id is not None:
        _judge_own_ami(spec, group, facts, findings)
        return
    architecture = "arm64" if "ARM_64" in group.ami_type else "x86_64"
    if kind is not None and architecture not in kind.architectures:
        findings.fault(
            f"{where}: AMI type {group.ami_type} is for {architecture}, instance type {group.instance_type} is "
            f"{', '.join(kind.architectures)}: choose a pair of one architecture"
        )
    if group.name not in facts.recommended_ami_ids:
        findings.note(f"{where}: whether EKS recommends an image for AMI type {group.ami_type} was not checked")
    elif facts.recommended_ami_ids[group.name] is None:
        findings.fault(
            f"{where}: EKS recommends no image of AMI type {group.ami_type} for Kubernetes {spec.kubernetes_version}: "
            "choose another "
            "AMI type or version"
        )


def _judge_own_ami(spec: ClusterSpec, group: NodeGroup, facts: AccountFacts, findings: Findings) -> None:
    where, ami = f"node group {group.name}", facts.amis.get(group.ami_id or "")
    if ami is None:
        findings.fault(
            f"{where}: image {group.ami_id} does not exist in {facts.region} or is not shared with this account: correct "
            "ami_id, or "
            "leave it out to get the image that EKS recommends"
        )
        return
    if ami.state != "available":
        findings.fault(f"{where}: image {ami.ami_id} is {ami.state}: choose an image that is available")
    kind = facts.instance_types.get(group.instance_type)
    if kind is not None and ami.architecture not in kind.architectures:
        findings.fault(
            f"{where}: image {ami.ami_id} is for {ami.architecture}, instance type {group.instance_type} is "
            f"{', '.join(kind.architectures)}: choose a pair of one architecture"
        )
    system = next((name for pattern, name in IMAGES_WITHOUT_NODEADM if re.search(pattern, ami.name)), None)
    if system is not None:
        findings.fault(
            f"{where}: image {ami.ami_id} ({ami.name}) is {system}: nodes are set up by nodeadm, which Amazon Linux 2023 has, "
            "and others would never join the cluster, so choose an image made from AL2023 or leave ami_id out"
        )
    if ami.root_device not in ("", ROOT_DEVICE):
        findings.fault(
            f"{where}: image {ami.ami_id} has its root disk at {ami.root_device}: volume_size_gib and encryption are set for "
            f"{ROOT_DEVICE} and would not reach it, so choose an image that starts from {ROOT_DEVICE}"
        )
    if group.volume_size_gib < ami.root_size_gib:
        findings.fault(
            f"{where}: image {ami.ami_id} needs a root disk of {ami.root_size_gib} GiB, volume_size_gib is "
            f"{group.volume_size_gib}: EC2 starts no server with a disk smaller than its image, so raise volume_size_gib"
        )
    made_for, wanted = ami_kubernetes_version(ami), spec.kubernetes_version
    if made_for is None:
        findings.note(
            f"{where}: image {ami.ami_id} ({ami.name}) does not say which Kubernetes version it is for; it was not checked"
        )
    elif minor(made_for) > minor(wanted) or minor(wanted) - minor(made_for) > KUBELET_MAY_LAG_BY:
        findings.fault(
            f"{where}: image {ami.ami_id} ({ami.name}) is for Kubernetes {made_for}, the cluster is to run {wanted}: nodes "
            "may be up to "
            f"{KUBELET_MAY_LAG_BY} minor versions older and never newer, so choose an image for {wanted} or leave ami_id out"
        )
    elif made_for != wanted:
        findings.note(
            f"{where}: image {ami.ami_id} is for Kubernetes {made_for}, older than the cluster's {wanted}: renew it soon"
        )
