"""What helps where a zone has no more instances of a node group's type: a second group of a type with the same CPUs and memory.

The homes lie in that zone, so nodes elsewhere would mount none of them. A type in the place of the present one would replace the
nodes that run, with the notebooks on them; a group beside it leaves them alone, and costs nothing once it is empty again. It
starts with one node, so that a build into a zone which has none of that type either fails and says so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from hubplane.domain.cluster_spec.model import ClusterSpec, NodeGroup
from hubplane.domain.cluster_spec.name_limits import tightest_group_limit

__all__ = ["group_beside", "is_shortage", "siblings"]

# General, compute and memory: 4, 2 and 8 GiB for each vCPU in all of a row, at the sizes that two families share
# (https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-type-specifications.html). Of types with accelerators none
# is another one's equal.
FAMILIES: Final = (
    ("m5", "m6i", "m5a", "m6a", "m7i", "m7a"),
    ("c5", "c6i", "c5a", "c6a", "c7i", "c7a"),
    ("r5", "r6i", "r5a", "r6a", "r7i", "r7a"),
    ("m6g", "m7g", "m8g"),
    ("c6g", "c7g", "c8g"),
    ("r6g", "r7g", "r8g"),
)
# Where AWS counts (a quota of vCPUs), another type counts the same. EC2's error codes, as Auto Scaling passes them on.
_SHORT: Final = ("InsufficientInstanceCapacity", "do not have sufficient", "not supported in your requested Availability Zone")
MOST_GROUPS: Final = 10


def is_shortage(words: str) -> bool:
    """Whether a failed launch says that the zone has none of the type, and not that a quota or a right is missing."""
    return any(text in words for text in _SHORT)


def siblings(instance_type: str) -> tuple[str, ...]:
    """The types with the same vCPUs, memory and architecture, by preference; () where none is known."""
    family, _, size = instance_type.partition(".")
    row = next((row for row in FAMILIES if family in row), ())
    return tuple(f"{other}.{size}" for other in row if other != family)


def group_beside(spec: ClusterSpec, short: NodeGroup, offered: Collection[str]) -> ClusterSpec | None:
    """The specification with a group like ``short`` of the first sibling that the zone offers and no group of it has yet; None
    where there is none, no group more may be, or its name would be too long."""
    used = {group.instance_type for group in spec.node_groups}
    chosen = next((name for name in siblings(short.instance_type) if name in offered and name not in used), None)
    if chosen is None or len(spec.node_groups) >= MOST_GROUPS:
        return None
    name = f"{short.name}-{chosen.partition('.')[0]}"
    if any(group.name == name for group in spec.node_groups) or len(name) > tightest_group_limit(spec.cluster_name)[0]:
        return None
    most = max(short.max_size, 2)
    beside = replace(short, name=name, instance_type=chosen, min_size=0, desired_size=1, max_size=most)
    return replace(spec, node_groups=(*spec.node_groups, beside))
