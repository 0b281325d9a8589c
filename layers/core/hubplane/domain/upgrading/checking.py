"""Whether a step has come true: control plane, node groups, add-ons and hub are what was wanted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.upgrading.present import Present

__all__ = ["Checked", "judge_upgraded"]


class Checked(NamedTuple):
    """``wrong``: what is not as wanted, one sentence each; none: the step is done."""

    wrong: tuple[str, ...]
    reason: str


def judge_upgraded(spec: ClusterSpec, present: Present, addons: Mapping[str, str], recorded: ClusterSpec) -> Checked:
    """``spec``: what the step's build was given; ``addons``: the version of each that EKS recommends; ``recorded``: what the
    build recorded as released, hub and notebook image included, once the hub had answered with them."""
    wanted = spec.kubernetes_version
    wrong = []
    if present.control_plane != wanted:
        wrong.append(f"the control plane runs {present.control_plane}, not {wanted}")
    if present.status != "ACTIVE":
        wrong.append(f"the cluster is {present.status}")
    pinned = {f"{spec.cluster_name}-{group.name}": group.ami_id for group in spec.node_groups if group.ami_id is not None}
    for group in present.groups:
        if group.version is None and group.name not in pinned:
            wrong.append(f"node group {group.name} has no version, though it pins no image")
        elif group.version not in (None, wanted):
            wrong.append(f"node group {group.name} runs {group.version}, not {wanted}")
        elif group.image not in (None, pinned.get(group.name)):
            wrong.append(f"node group {group.name} runs image {group.image}, not {pinned.get(group.name) or 'the one of EKS'}")
        if group.status != "ACTIVE":
            wrong.append(f"node group {group.name} is {group.status}")
    for name, version in addons.items():
        if present.addons.get(name) != version:
            wrong.append(f"add-on {name} is {present.addons.get(name) or 'absent'}, not {version}")
    for what, found, asked in (
        ("Kubernetes", recorded.kubernetes_version, wanted),
        ("hub's chart", recorded.hub.chart, spec.hub.chart),
        ("notebook image", recorded.notebook_image, spec.notebook_image),
    ):
        if found != asked:
            wrong.append(f"the recorded release has another {what}: {found}, not {asked}")
    groups = len(present.groups)
    done = f"control plane, {groups} node group(s) and {len(addons)} add-ons are at Kubernetes {wanted}, and the hub answers"
    return Checked(tuple(wrong), "; ".join(wrong) or done)
