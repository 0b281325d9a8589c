"""Subnets and the Availability Zone of the nodes, which never changes once the first home exists."""

from __future__ import annotations

from collections.abc import Mapping

from hubplane.domain.account_check.facts import AccountFacts, Subnet
from hubplane.domain.account_check.findings import Findings
from hubplane.domain.cluster_spec.model import ClusterSpec

# EKS: "The subnets must each have at least six IP addresses for use by Amazon EKS"; zones that it cannot use for a cluster.
# https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
EKS_FREE_ADDRESSES = 6
ZONE_IDS_WITHOUT_EKS = frozenset({"use1-az3", "usw1-az2", "cac1-az3"})
# ELB: "at least eight free IP addresses per subnet".
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer
LOAD_BALANCER_FREE_ADDRESSES = 8
# The VPC CNI keeps a whole spare network interface of addresses per node beside the one in use (WARM_ENI_TARGET=1).
# https://github.com/aws/amazon-vpc-cni-k8s/blob/master/docs/eni-and-ip-target.md
INTERFACES_PER_NODE = 2


def judge_network(spec: ClusterSpec, facts: AccountFacts, recorded_zone: str | None, findings: Findings) -> str | None:
    """Check the subnets; the nodes' one Availability Zone, or None where the active subnets do not agree on one."""
    vpc_id = spec.network.vpc_id
    for subnet_id in spec.network.subnet_ids:
        subnet = facts.subnets.get(subnet_id)
        if subnet is None:
            findings.fault(
                f"subnet {subnet_id} does not exist in {facts.region}: correct network.subnet_ids or the Region of the deployment"
            )
        elif subnet.vpc_id != vpc_id:
            findings.fault(f"subnet {subnet_id} is in {subnet.vpc_id}, not in {vpc_id}: choose subnets of the cluster's own VPC")
        elif subnet.availability_zone_id in ZONE_IDS_WITHOUT_EKS:
            findings.fault(
                f"subnet {subnet_id} is in {subnet.availability_zone} ({subnet.availability_zone_id}), where EKS places no "
                "cluster: choose a subnet in another Availability Zone"
            )
    known = {key: facts.subnets[key] for key in spec.network.subnet_ids if key in facts.subnets}
    _judge_spread(spec, known, findings)
    if facts.existing_cluster is None:
        _judge_free_addresses(spec, known, findings)
    _note_addresses_of_full_fleet(spec, facts, findings)
    return _judge_zone(spec, facts, recorded_zone, findings)


def _judge_spread(spec: ClusterSpec, known: Mapping[str, Subnet], findings: Findings) -> None:
    zones: dict[str, list[str]] = {}
    for subnet in known.values():
        zones.setdefault(subnet.availability_zone, []).append(subnet.subnet_id)
    if len(known) == len(spec.network.subnet_ids) and len(zones) < 2:
        findings.fault(
            f"subnets {', '.join(known)} are all in {', '.join(zones)}: EKS and the load balancer need subnets in at least two "
            "Availability Zones, so add one of another zone to network.subnet_ids"
        )
    for zone, subnet_ids in zones.items():
        if len(subnet_ids) > 1:
            findings.fault(
                f"subnets {', '.join(subnet_ids)} are all in {zone}: a load balancer takes one subnet per Availability Zone, so "
                "name one of them in network.subnet_ids"
            )


def _judge_free_addresses(spec: ClusterSpec, known: Mapping[str, Subnet], findings: Findings) -> None:
    for subnet in known.values():
        needed = EKS_FREE_ADDRESSES + LOAD_BALANCER_FREE_ADDRESSES
        if subnet.free_addresses < needed:
            findings.fault(
                f"subnet {subnet.subnet_id} has {subnet.free_addresses} free addresses: EKS ({EKS_FREE_ADDRESSES}) and the load "
                f"balancer ({LOAD_BALANCER_FREE_ADDRESSES}) need {needed}, so free some or choose a larger subnet"
            )
    active = [known[key] for key in spec.network.active_subnet_ids if key in known]
    desired = sum(group.desired_size for group in spec.node_groups)
    free = sum(subnet.free_addresses for subnet in active)
    if active and free < desired:
        findings.fault(
            f"active subnets {', '.join(item.subnet_id for item in active)} have {free} free addresses for {desired} "
            "nodes: choose "
            "larger subnets or fewer nodes"
        )


def _note_addresses_of_full_fleet(spec: ClusterSpec, facts: AccountFacts, findings: Findings) -> None:
    active = [facts.subnets[key] for key in spec.network.active_subnet_ids if key in facts.subnets]
    needed = sum(
        group.max_size * INTERFACES_PER_NODE * facts.instance_types[group.instance_type].addresses_per_interface
        for group in spec.node_groups
        if group.instance_type in facts.instance_types
    )
    free = sum(subnet.free_addresses for subnet in active)
    if active and free < needed and facts.existing_cluster is None:
        findings.note(
            f"the active subnets have {free} free addresses; with every node group at its maximum the nodes and their pods "
            "take up "
            f"to {needed}, so user servers may not start when the cluster is full"
        )


def _judge_zone(spec: ClusterSpec, facts: AccountFacts, recorded_zone: str | None, findings: Findings) -> str | None:
    active = [facts.subnets[key] for key in spec.network.active_subnet_ids if key in facts.subnets]
    zones = sorted({subnet.availability_zone for subnet in active})
    settled = _settled_zone(facts, recorded_zone)
    if settled is not None:
        zone, why = settled
        for subnet in active:
            if subnet.availability_zone != zone:
                findings.fault(
                    f"subnet {subnet.subnet_id} is in {subnet.availability_zone}, the cluster's nodes are in {zone} "
                    f"({why}): homes "
                    f"are volumes of {zone} and cannot be mounted elsewhere, so name a subnet of {zone} in "
                    "network.active_subnet_ids"
                )
        _judge_strays(facts, zone, findings)
        return zone if zones == [zone] else None
    if len(zones) > 1:
        places = ", ".join(f"{subnet.subnet_id} in {subnet.availability_zone}" for subnet in active)
        findings.fault(
            f"active subnets are in {len(zones)} Availability Zones ({places}): a home is a volume of one zone, so name "
            "subnets of "
            "a single zone in network.active_subnet_ids"
        )
        return None
    return zones[0] if zones else None


def _settled_zone(facts: AccountFacts, recorded_zone: str | None) -> tuple[str, str] | None:
    """The zone that may not change and why: the record, else existing nodes, else the zone of most existing volumes."""
    if recorded_zone is not None:
        return recorded_zone, "recorded by its first build"
    cluster = facts.existing_cluster
    if cluster is not None:
        node_zones = sorted({facts.subnets[key].availability_zone for key in cluster.node_subnet_ids if key in facts.subnets})
        if len(node_zones) == 1:
            return node_zones[0], "its node groups exist there"
    if facts.volume_availability_zones:
        zone = max(sorted(facts.volume_availability_zones), key=lambda item: facts.volume_availability_zones[item])
        return zone, f"{facts.volume_availability_zones[zone]} of its volumes exist there"
    return None


def _judge_strays(facts: AccountFacts, zone: str, findings: Findings) -> None:
    for other, count in sorted(facts.volume_availability_zones.items()):
        if other != zone:
            findings.note(
                f"{count} volume(s) of the cluster are in {other}, the nodes are in {zone}: they cannot be mounted; "
                "restore them from "
                f"their snapshots into {zone}"
            )
