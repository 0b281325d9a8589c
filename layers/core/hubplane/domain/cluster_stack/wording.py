"""The words of a verdict: what a resource is called, what differs in it, what that means for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubplane.domain.cluster_stack.change_set import ResourceChange

NODE_GROUP = "AWS::EKS::Nodegroup"


@dataclass(frozen=True)
class Kind:
    """How a resource type is called, which property names it, what losing one means, and what to know of replacing one."""

    noun: str
    name_property: str | None
    loss: str
    replacing: str = ""


SAME_NAME = "CloudFormation cannot replace it under the same name and will fail: "

KINDS = {
    "AWS::EKS::Cluster": Kind(
        "EKS cluster",
        "Name",
        "every server stops, and what runs in the cluster has to be installed again; homes on disks remain",
        SAME_NAME + "build a cluster of another name beside it",
    ),
    NODE_GROUP: Kind(
        "node group",
        "NodegroupName",
        "its servers are stopped, with the notebooks running on them; homes remain",
        SAME_NAME + "give the new node group another name",
    ),
    "AWS::EC2::LaunchTemplate": Kind("launch template", "LaunchTemplateName", "no new server can start from it"),
    "AWS::EC2::SecurityGroup": Kind("security group", "GroupName", "traffic that it lets through stops"),
    "AWS::IAM::Role": Kind("IAM role", "RoleName", "what runs under it loses its rights"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Kind(
        "load balancer", "Name", "the hub gets another DNS name and cannot be reached until its URL points there"
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": Kind(
        "target group", "Name", "the hub cannot be reached until the servers have registered with another one"
    ),
    "AWS::ElasticLoadBalancingV2::Listener": Kind("listener", None, "the hub cannot be reached until there is another"),
    "AWS::Logs::LogGroup": Kind("log group", "LogGroupName", "logs written so far are no longer where they were"),
}

UNKNOWN_LOSS = "what that means for the cluster's users is not known"

ROLLS_SERVERS = "servers are exchanged one by one; notebooks running on them are stopped, homes remain"

PROPERTY_CONSEQUENCES = {
    (NODE_GROUP, "LaunchTemplate"): ROLLS_SERVERS,
    (NODE_GROUP, "Version"): ROLLS_SERVERS,
    (NODE_GROUP, "ReleaseVersion"): ROLLS_SERVERS,
    (NODE_GROUP, "Taints"): "applies to running servers at once",
    (NODE_GROUP, "Labels"): "applies to running servers at once",
    (NODE_GROUP, "ScalingConfig"): "the autoscaler works within the new limits",
    ("AWS::EKS::Cluster", "Version"): "the control plane is upgraded; notebooks go on running",
    ("AWS::EC2::SecurityGroup", "SecurityGroupIngress"): "who may connect changes at once",
    ("AWS::ElasticLoadBalancingV2::Listener", "Certificates"): "new connections get the new certificate",
}

LONGEST_VALUE = 60


def named(change: ResourceChange, wanted: Mapping[str, Any], deployed: Mapping[str, Any]) -> str:
    """The resource in words: kind and name, from the templates where they tell it, else from CloudFormation's ids."""
    kind = KINDS.get(change.resource_type)
    if kind is None:
        return f"{change.resource_type} {change.logical_id}"
    for template in (wanted, deployed):
        name = _properties(template, change.logical_id).get(kind.name_property) if kind.name_property else None
        if isinstance(name, str):
            return f"{kind.noun} {name}"
    return f"{kind.noun} {change.logical_id}"


def consequence_of_loss(change: ResourceChange) -> str:
    """What it means for people when the resource is removed or replaced."""
    kind = KINDS.get(change.resource_type)
    if kind is None:
        return UNKNOWN_LOSS
    return f"{kind.loss}; {kind.replacing}" if kind.replacing and change.action != "Remove" else kind.loss


def consequence_of_remaking(change: ResourceChange) -> str:
    """What it means for people when the resource, which somebody removed, is made anew."""
    is_balancer = change.resource_type == "AWS::ElasticLoadBalancingV2::LoadBalancer"
    return "it is made anew" + (", and the hub's URL has to point to the new one's DNS name" if is_balancer else "")


def property_consequence(resource_type: str, property_name: str) -> str | None:
    """What it means for people when the property changes in place, None where it means nothing to them."""
    return PROPERTY_CONSEQUENCES.get((resource_type, property_name))


def differences(property_name: str, logical_id: str, deployed: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The property with its old and new values, as far as both templates tell them and they are short."""
    before, after = _properties(deployed, logical_id), _properties(wanted, logical_id)
    if property_name not in before and property_name not in after:
        return property_name
    pairs = _differing(property_name, before.get(property_name), after.get(property_name))
    texts = [f"{path} from {_short(old)} to {_short(new)}" for path, old, new in pairs if _is_plain(old) and _is_plain(new)]
    return ", ".join(texts) if texts else property_name


def lowered_maximum(change: ResourceChange, deployed: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """ "4 servers instead of 8" where a node group's maximum goes down, or where that cannot be told; None otherwise."""
    if change.resource_type != NODE_GROUP or not any(detail.name == "ScalingConfig" for detail in change.details):
        return None
    before = _properties(deployed, change.logical_id).get("ScalingConfig", {}).get("MaxSize")
    after = _properties(wanted, change.logical_id).get("ScalingConfig", {}).get("MaxSize")
    if not isinstance(before, int) or not isinstance(after, int):
        return "fewer servers (its sizes before and after are not known)"
    return f"{after} servers instead of {before}" if after < before else None


def _properties(template: Mapping[str, Any], logical_id: str) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = template.get("Resources", {}).get(logical_id, {}).get("Properties", {})
    return properties


def _differing(path: str, before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    if before == after:
        return []
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = sorted({*before, *after})
        return [found for key in keys for found in _differing(f"{path}.{key}", before.get(key), after.get(key))]
    return [(path, before, after)]


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
