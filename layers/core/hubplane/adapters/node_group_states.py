"""The node groups of a cluster as EKS and Auto Scaling have them. Reads only; three calls a group, whatever its size."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hubplane.domain.diagnosis.facts import NodeGroupState
from hubplane.domain.provider_errors import translated

# Describe answers newest first; what failed before that many activities has long been tried again.
LATEST_ACTIVITIES = 20


def node_group_states(eks_client: Any, scaling_client: Any, ec2_client: Any, cluster_name: str) -> tuple[NodeGroupState, ...]:
    """Every node group of the cluster, by name."""
    with translated(f"describe the node groups of cluster {cluster_name}"):
        pages = eks_client.get_paginator("list_nodegroups").paginate(clusterName=cluster_name)
        names = sorted(name for page in pages for name in page["nodegroups"])
        groups = [eks_client.describe_nodegroup(clusterName=cluster_name, nodegroupName=name)["nodegroup"] for name in names]
        subnet_ids = sorted({subnet for group in groups for subnet in group.get("subnets", ())})
        subnets = ec2_client.get_paginator("describe_subnets").paginate(Filters=[{"Name": "subnet-id", "Values": subnet_ids}])
        zone_of = {item["SubnetId"]: item["AvailabilityZone"] for page in subnets for item in page["Subnets"]}
        return tuple(_state(scaling_client, group, zone_of) for group in groups)


def _state(scaling_client: Any, group: Any, zone_of: dict[str, str]) -> NodeGroupState:
    names = [item["name"] for item in (group.get("resources") or {}).get("autoScalingGroups", ())]
    sizes = group["scalingConfig"]
    failures: list[tuple[datetime, str]] = []
    attached: set[str] = set()
    for name in names:
        answer = scaling_client.describe_scaling_activities(AutoScalingGroupName=name, MaxRecords=LATEST_ACTIVITIES)
        failures += _failures(answer["Activities"])
        found = scaling_client.get_paginator("describe_load_balancer_target_groups").paginate(AutoScalingGroupName=name)
        attached |= {
            item["LoadBalancerTargetGroupARN"]
            for page in found
            for item in page["LoadBalancerTargetGroups"]
            if item.get("State") not in ("Removing", "Removed")
        }
    return NodeGroupState(
        name=group["nodegroupName"],
        status=group["status"],
        min_size=sizes["minSize"],
        desired_size=sizes["desiredSize"],
        max_size=sizes["maxSize"],
        zones=tuple(sorted({zone_of[subnet] for subnet in group.get("subnets", ()) if subnet in zone_of})),
        issues=tuple((item["code"], item["message"]) for item in (group.get("health") or {}).get("issues", ())),
        target_group_arns=frozenset(attached),
        failures=tuple(failures),
    )


def _failures(activities: list[Any]) -> list[tuple[datetime, str]]:
    """Failed launches since the last one that succeeded, newest first: after a success the trouble is over."""
    found = []
    for item in activities:
        if item["StatusCode"] == "Successful":
            break
        if item["StatusCode"] == "Failed":
            found.append((item["StartTime"].astimezone(UTC), item.get("StatusMessage") or item.get("Description", "")))
    return found
