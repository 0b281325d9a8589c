"""How many servers a node group declares, without working against the autoscaler.

The autoscaler changes a group's desired size all day. CloudFormation does not look at that: it compares templates, so a
build that repeats the template leaves the size alone. But as soon as any part of ``ScalingConfig`` differs, the whole of it
is sent, and a desired size below the running one stops servers with people on them (EKS API, NodegroupScalingConfig:
"given a value that is smaller than the current number of running worker nodes, the necessary number of worker nodes are
terminated"). Hence: what is deployed stays in the template for as long as a person changes nothing, and a person's change
takes the running size along. Servers are added at a person's wish; taking them away is the autoscaler's work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hubplane.domain.cluster_spec.model import NodeGroup
from hubplane.domain.cluster_stack.template import logical_id_suffix


@dataclass(frozen=True)
class DeclaredSize:
    """The ``ScalingConfig`` of a node group in the deployed template."""

    min_size: int
    desired_size: int
    max_size: int


def declared_sizes(groups: Iterable[NodeGroup], deployed: Mapping[str, Any] | None) -> dict[str, DeclaredSize]:
    """What the deployed template declares, per name of a group that it holds. None (no stack yet) holds nothing."""
    resources = (deployed or {}).get("Resources", {})
    found = {}
    for group in groups:
        scaling = resources.get(f"NodeGroup{logical_id_suffix(group.name)}", {}).get("Properties", {}).get("ScalingConfig")
        if scaling:
            found[group.name] = DeclaredSize(int(scaling["MinSize"]), int(scaling["DesiredSize"]), int(scaling["MaxSize"]))
    return found


def needs_running_size(group: NodeGroup, declared: DeclaredSize | None) -> bool:
    """Whether a person changed the sizes of a group that exists, so that its running size has to be looked up."""
    return declared is not None and not _is_unchanged(group, declared)


def settle_desired_size(group: NodeGroup, declared: DeclaredSize | None, running: int | None) -> int:
    """The ``DesiredSize`` to declare. ``running`` is EKS's present desired size, None if the group was never made.

    Within min and max. Repeating the result as ``declared`` gives it again, and it is below ``running`` only where the new
    maximum is.
    """
    if declared is not None and _is_unchanged(group, declared):
        return declared.desired_size
    wanted = max(group.desired_size, running if declared is not None and running is not None else 0)
    return max(group.min_size, min(group.max_size, wanted))


def _is_unchanged(group: NodeGroup, declared: DeclaredSize) -> bool:
    limits = (group.min_size, group.max_size) == (declared.min_size, declared.max_size)
    return limits and group.desired_size <= declared.desired_size
