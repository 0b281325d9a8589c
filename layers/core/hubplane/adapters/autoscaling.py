"""Auto Scaling: which load balancers' target groups the nodes register with."""

from __future__ import annotations

from typing import Any

from hubplane.domain.provider_errors import translated


class AutoScaling:
    """Target groups of Auto Scaling groups; ``client`` is a boto3 Auto Scaling client.

    A managed node group cannot name a target group in CloudFormation, and EKS leaves one that is attached to its Auto
    Scaling group alone. Attached groups register every node that comes, and those that are there.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def target_groups(self, group_name: str) -> frozenset[str]:
        """ARNs of the target groups that are attached, or being attached, to the group."""
        with translated(f"describe the target groups of Auto Scaling group {group_name}"):
            pages = self._client.get_paginator("describe_load_balancer_target_groups").paginate(AutoScalingGroupName=group_name)
            found = [item for page in pages for item in page["LoadBalancerTargetGroups"]]
        return frozenset(item["LoadBalancerTargetGroupARN"] for item in found if item.get("State") not in ("Removing", "Removed"))

    def detach_target_group(self, group_name: str, target_group_arn: str) -> None:
        """Detach the target group; one that is not attached (any more) is success."""
        with translated(f"detach a target group from Auto Scaling group {group_name}"):
            if target_group_arn in self.target_groups(group_name):
                self._client.detach_load_balancer_target_groups(
                    AutoScalingGroupName=group_name, TargetGroupARNs=[target_group_arn]
                )

    def attach_target_group(self, group_name: str, target_group_arn: str) -> None:
        """Attach the target group; one that is attached already is success."""
        with translated(f"attach a target group to Auto Scaling group {group_name}"):
            self._client.attach_load_balancer_target_groups(AutoScalingGroupName=group_name, TargetGroupARNs=[target_group_arn])
