"""Which targets a target group has and whether they answer: shared by DescribeTargetHealth and the front."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ministack.services import alb, autoscaling

from local.cloud import nodes
from local.cloud.stand_in import NodePort, StandIn

ATTACHED = "_target_groups"


@dataclass(frozen=True)
class Target:
    """An instance on a port, and where the stand-in says that port leads."""

    instance_id: str
    port: int
    answers_at: NodePort


def registered(target_group_arn: str) -> list[tuple[str, int]]:
    """Instance ids and ports: registered ones and those of attached Auto Scaling groups."""
    port = int(alb._tgs[target_group_arn].get("Port", 80))
    found = {(item["Id"], int(item.get("Port") or port)): None for item in alb._targets.get(target_group_arn, [])}
    for group in autoscaling._asgs.values():
        if target_group_arn in group.get(ATTACHED, []):
            found |= {(instance["InstanceId"], port): None for instance in group["Instances"]}
    return list(found)


def targets(stand_in: StandIn, target_group_arn: str) -> list[Target]:
    """The group's targets; the stand-in is asked once per cluster and port."""
    asked: dict[tuple[str | None, int], NodePort] = {}
    found = []
    for instance_id, port in registered(target_group_arn):
        cluster = nodes.cluster_of(instance_id)
        if (cluster, port) not in asked:
            asked[cluster, port] = stand_in.node_port(cluster, port) if cluster else NodePort(reason="it is no node of a cluster")
        shut_out = cluster is not None and not nodes.lets_balancers_in(instance_id, port)
        refused = NodePort(reason=f"no security group of {instance_id} lets the load balancer in on port {port}")
        found.append(Target(instance_id, port, refused if shut_out else asked[cluster, port]))
    return found


def in_use(target_group_arn: str) -> bool:
    """Whether a listener or a rule forwards to the group."""
    return any(
        target_group_arn in forwarded_to(action)
        for holder, key in ((alb._listeners, "DefaultActions"), (alb._rules, "Actions"))
        for record in holder.values()
        for action in record.get(key, [])
    )


def forwarded_to(action: dict[str, Any]) -> list[str]:
    """The target groups of a forward action."""
    if action.get("Type") != "forward":
        return []
    several = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    return [item["TargetGroupArn"] for item in several] or [action.get("TargetGroupArn", "")]
