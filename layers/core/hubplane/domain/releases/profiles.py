"""One server profile per node group, for clusters with more than one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hubplane.domain.cluster_spec.model import NodeGroup

NODE_GROUP_LABEL = "eks.amazonaws.com/nodegroup"
"""EKS puts it on every node of a managed node group, with the group's name."""

GPU_RESOURCE = "nvidia.com/gpu"

# KubeSpawner replaces lists of an override rather than joining them, so a profile repeats what the chart tolerates for every
# user pod (scheduling.userPods.tolerations of its values.yaml).
USER_POD_TOLERATIONS: tuple[dict[str, str], ...] = (
    {"key": "hub.jupyter.org/dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"},
    {"key": "hub.jupyter.org_dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"},
)


def profile_list(cluster_name: str, node_groups: Sequence[NodeGroup]) -> list[dict[str, Any]]:
    """KubeSpawner's ``profile_list``: the first group is the default, each profile stays on its group's nodes."""
    return [_profile(cluster_name, group, is_default=index == 0) for index, group in enumerate(node_groups)]


def has_nvidia_gpu(ami_type: str) -> bool:
    """Whether an EKS AMI type is for NVIDIA nodes: ``AL2023_x86_64_NVIDIA``, ``BOTTLEROCKET_…_NVIDIA``, ``AL2_x86_64_GPU``."""
    return "NVIDIA" in ami_type or ami_type.endswith("_GPU")


def _profile(cluster_name: str, group: NodeGroup, *, is_default: bool) -> dict[str, Any]:
    override: dict[str, Any] = {"node_selector": {NODE_GROUP_LABEL: f"{cluster_name}-{group.name}"}}
    if group.taints:
        override["tolerations"] = [
            *USER_POD_TOLERATIONS,
            *(_toleration(taint.key, taint.value, taint.effect) for taint in group.taints),
        ]
    description = f"On a node of type {group.instance_type}"
    if has_nvidia_gpu(group.ami_type):
        override["extra_resource_limits"] = {GPU_RESOURCE: "1"}
        override["extra_resource_guarantees"] = {GPU_RESOURCE: "1"}
        description += " with one GPU"
    profile: dict[str, Any] = {
        "display_name": group.name,
        "slug": group.name,
        "description": description,
        "kubespawner_override": override,
    }
    if is_default:
        profile["default"] = True
    return profile


def _toleration(key: str, value: str, effect: str) -> dict[str, str]:
    """An empty taint value is matched by ``Exists``: ``Equal`` would need the value written out."""
    if value:
        return {"key": key, "operator": "Equal", "value": value, "effect": effect}
    return {"key": key, "operator": "Exists", "effect": effect}
