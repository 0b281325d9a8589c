"""The account's quotas beside what the cluster takes of them. A quota that cannot be read is a note, never a fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hubplane.domain.account_check.facts import AccountFacts, InstanceType
from hubplane.domain.account_check.findings import Findings
from hubplane.domain.cluster_spec.model import ClusterSpec


class Quota(NamedTuple):
    """One quota by the codes of the Service Quotas API."""

    service_code: str
    quota_code: str
    words: str


# https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html,
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html,
# https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html,
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-quotas.html; codes as in the Service Quotas console.
QUOTAS: Mapping[str, Quota] = {
    "clusters": Quota("eks", "L-1194D53C", "EKS clusters per Region"),
    "load_balancers": Quota("elasticloadbalancing", "L-53DA6B97", "application load balancers per Region"),
    "security_groups": Quota("vpc", "L-E79EC296", "VPC security groups per Region"),
    "vcpus_standard": Quota("ec2", "L-1216C47A", "vCPUs of running on-demand standard instances (A, C, D, H, I, M, R, T, Z)"),
    "vcpus_gpu": Quota("ec2", "L-DB2E81BA", "vCPUs of running on-demand G and VT instances"),
    "vcpus_accelerated": Quota("ec2", "L-417A185B", "vCPUs of running on-demand P instances"),
}
SECURITY_GROUPS_PER_CLUSTER = 3  # the load balancer's, the nodes' and the one that EKS makes for the cluster


def vcpu_quota(instance_type: str) -> str | None:
    """The key in ``QUOTAS`` that an instance type counts against; None for families with a quota of their own."""
    family = instance_type.split(".", maxsplit=1)[0]
    if family.startswith(("inf", "trn", "dl", "hpc", "mac", "u-")):
        return None
    if family.startswith(("g", "vt")):
        return "vcpus_gpu"
    if family.startswith("p"):
        return "vcpus_accelerated"
    return "vcpus_standard" if family[0] in "acdhimrtz" else None


def vcpus_wanted(spec: ClusterSpec, instance_types: Mapping[str, InstanceType]) -> dict[str, int]:
    """vCPUs with every node group at its maximum, by quota."""
    wanted: dict[str, int] = {}
    for group in spec.node_groups:
        key, kind = vcpu_quota(group.instance_type), instance_types.get(group.instance_type)
        if key is not None and kind is not None:
            wanted[key] = wanted.get(key, 0) + group.max_size * kind.vcpus
    return wanted


def quotas_asked(spec: ClusterSpec) -> tuple[str, ...]:
    """The keys of ``QUOTAS`` that matter to this cluster: what an adapter should read."""
    families = {vcpu_quota(group.instance_type) for group in spec.node_groups}
    return ("clusters", "load_balancers", "security_groups", *sorted(key for key in families if key is not None))


def judge_quotas(spec: ClusterSpec, facts: AccountFacts, findings: Findings) -> None:
    """Room for the cluster: a new one needs everything, an existing one only the vCPUs of its full size."""
    is_new = facts.existing_cluster is None
    wanted = {
        "clusters": int(is_new),
        "load_balancers": int(is_new),
        "security_groups": SECURITY_GROUPS_PER_CLUSTER if is_new else 0,
        **vcpus_wanted(spec, facts.instance_types),
    }
    for key, use in facts.quotas.items():
        quota, needed = QUOTAS[key], wanted.get(key, 0)
        if use.limit is None:
            findings.note(f"quota {quota.quota_code} ({quota.words}) was not checked: {use.why_unknown}")
        elif needed and use.in_use + needed > use.limit:
            text = (
                f"quota {quota.quota_code} ({quota.words}) is {use.limit:g}: {use.in_use} in use by others, {needed} "
                "wanted by this "
                f"cluster; ask Service Quotas for {use.in_use + needed}"
            )
            if key.startswith("vcpus") and use.in_use + _vcpus_at_start(spec, facts, key) <= use.limit:
                findings.note(f"{text}, or lower max_size: until then the cluster cannot grow to its full size")
            else:
                findings.fault(text)


def _vcpus_at_start(spec: ClusterSpec, facts: AccountFacts, key: str) -> int:
    return sum(
        group.desired_size * facts.instance_types[group.instance_type].vcpus
        for group in spec.node_groups
        if group.instance_type in facts.instance_types and vcpu_quota(group.instance_type) == key
    )
