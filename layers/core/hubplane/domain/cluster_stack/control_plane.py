"""The control plane's version goes up in a change of its own, before anything else of the stack changes.

In one change with the node groups, a node group that fails has CloudFormation take the control plane back with it. EKS refuses
that (https://github.com/aws/containers-roadmap/issues/497), but for one minor version within 7 days and where its checks pass
(https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html), and the stack ends in UPDATE_ROLLBACK_FAILED. In a
change of its own it stays up, the stack says so, and only the node groups go back.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubplane.domain.cluster_stack.change_set import ChangeSet, ResourceChange
from hubplane.domain.cluster_stack.names import CONTROL_PLANE_PART
from hubplane.domain.cluster_stack.wording import NODE_GROUP

__all__ = ["ControlPlaneChange", "RunningGroup", "control_plane_first", "declared_groups", "declared_version", "without_echoes"]

Template = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunningGroup:
    """A node group as EKS runs it: ``size`` servers, which the autoscaler moves; ``version`` None where EKS tells none."""

    size: int
    version: str | None


@dataclass(frozen=True)
class ControlPlaneChange:
    """The deployed template with another version of the control plane.

    ``is_drift_aware``: EKS runs another version than the stack says, as after a roll-back that left the control plane up. Only
    a drift-aware change set compares with what runs
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html); another one would ask EKS for
    an upgrade to the version that it has, which EKS refuses.
    """

    template: dict[str, Any]
    is_drift_aware: bool


def without_echoes(change_set: ChangeSet, deployed: Template | None, wanted: Template | None) -> tuple[ResourceChange, ...]:
    """The changes of the control plane's change set but those of resources that only refer to the cluster.

    CloudFormation tells of them because it learns only later that a version changes none of the attributes that they refer to. A
    drift-aware change set means it: there such a resource differs from its template.
    """
    if change_set.is_drift_aware or not change_set.name.endswith(f"-{CONTROL_PLANE_PART}") or deployed is None or wanted is None:
        return change_set.changes
    before, after = deployed.get("Resources", {}), wanted.get("Resources", {})
    return tuple(
        change
        for change in change_set.changes
        if change.action != "Modify"
        or change.replacement != "False"
        or before.get(change.logical_id) != after.get(change.logical_id)
    )


def declared_version(template: Mapping[str, Any] | None) -> str | None:
    """The control plane's version in a template, None where it has none."""
    version: str | None = (template or {}).get("Resources", {}).get("Cluster", {}).get("Properties", {}).get("Version")
    return version


def declared_groups(template: Mapping[str, Any] | None) -> dict[str, str]:
    """The node groups of a template: their names in EKS by logical id."""
    resources = (template or {}).get("Resources", {})
    return {
        logical_id: resource["Properties"]["NodegroupName"]
        for logical_id, resource in resources.items()
        if resource["Type"] == NODE_GROUP
    }


def control_plane_first(
    deployed: Mapping[str, Any] | None, wanted: Mapping[str, Any], running: str | None, groups: Mapping[str, RunningGroup]
) -> ControlPlaneChange | None:
    """What has to change before the rest does; None where all may change at once.

    ``running``: the version that EKS runs, None where it has no such cluster. ``groups``: the node groups by logical id. A
    drift-aware change would set each back to what is declared: its size, which stops servers with people on them, and its
    version, which EKS refuses where control plane and node groups were taken back by hand.
    """
    before, after = declared_version(deployed), declared_version(wanted)
    if deployed is None or before is None or after is None or running is None or before == after:
        return None
    if after != running and _minor(after) < _minor(before):
        return None  # not the way up: EKS, or CloudFormation, says what it thinks of that
    template = copy.deepcopy(dict(deployed))
    template["Resources"]["Cluster"]["Properties"]["Version"] = after
    is_drift_aware = running != before
    if is_drift_aware:
        for logical_id, group in groups.items():
            properties = template["Resources"].get(logical_id, {}).get("Properties", {})
            scaling = properties.get("ScalingConfig")
            if scaling:
                scaling["DesiredSize"] = max(int(scaling["MinSize"]), min(int(scaling["MaxSize"]), group.size))
            if group.version and "Version" in properties:
                properties["Version"] = group.version
    return None if template == wanted and not is_drift_aware else ControlPlaneChange(template, is_drift_aware)


def _minor(version: str) -> int:
    return int(version.split(".")[1])
