"""What the cluster's template needs from outside CloudFormation: the VPC's ranges, sizes and versions that run, the way in."""

from __future__ import annotations

from typing import Any

from hubplane.domain.cluster_stack.control_plane import RunningGroup
from hubplane.domain.errors import AccountNotReady
from hubplane.domain.provider_errors import error_code, translated


def vpc_cidr_blocks(ec2_client: Any, vpc_id: str) -> list[str]:
    """Every IPv4 range of the VPC, the primary one first. Raises ``AccountNotReady`` if there is no such VPC."""
    with translated(f"describe VPC {vpc_id}"):
        try:
            vpc = ec2_client.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]
        except Exception as error:
            if error_code(error) == "InvalidVpcID.NotFound":
                raise AccountNotReady(f"network.vpc_id: there is no VPC {vpc_id} in this account and Region") from error
            raise
    associated = [
        item["CidrBlock"]
        for item in vpc.get("CidrBlockAssociationSet", [])
        if item.get("CidrBlockState", {}).get("State", "associated") in {"associating", "associated"}
    ]
    return list(dict.fromkeys([vpc["CidrBlock"], *associated]))


def listening_ports(elbv2_client: Any, cluster_name: str) -> frozenset[int] | None:
    """The ports on which the cluster's load balancer listens; None where there is no load balancer of its name."""
    with translated(f"describe load balancer {cluster_name} and its listeners"):
        try:
            arn = elbv2_client.describe_load_balancers(Names=[cluster_name])["LoadBalancers"][0]["LoadBalancerArn"]
        except Exception as error:
            if error_code(error) == "LoadBalancerNotFound":
                return None
            raise
        pages = elbv2_client.get_paginator("describe_listeners").paginate(LoadBalancerArn=arn)
        return frozenset(int(item["Port"]) for page in pages for item in page["Listeners"])


def running_group(eks_client: Any, cluster_name: str, node_group_name: str) -> RunningGroup | None:
    """A managed node group with its present desired size and version; None if there is no such group."""
    with translated(f"describe node group {node_group_name} of EKS cluster {cluster_name}"):
        try:
            answer = eks_client.describe_nodegroup(clusterName=cluster_name, nodegroupName=node_group_name)
        except Exception as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise
    group = answer["nodegroup"]
    return RunningGroup(group["scalingConfig"]["desiredSize"], group.get("version"))


def running_version(eks_client: Any, cluster_name: str) -> str | None:
    """The Kubernetes version of the control plane; None if there is no such cluster."""
    with translated(f"describe EKS cluster {cluster_name}"):
        try:
            answer = eks_client.describe_cluster(name=cluster_name)
        except Exception as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise
    version: str = answer["cluster"]["version"]
    return version
