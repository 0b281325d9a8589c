"""The path of an upgrade: one build per minor version, each with what goes with it. Pure; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from hubplane.domain.cluster_spec.model import ChartReference, ClusterSpec, spec_to_json
from hubplane.domain.upgrading.inputs import Upgrade
from hubplane.domain.upgrading.present import Present, minor, version_of

__all__ = ["Step", "plan_upgrade", "step_to_json"]

# Minutes, shortest and longest. Control plane: EKS says "several minutes" (EKS User Guide, "Update existing cluster to new
# Kubernetes version"). A node: the new one comes in some minutes, the old one is drained for at most 15 (same guide, "Managed
# node group update behavior"), one after the other (MaxUnavailable 1 in cluster.yaml). The rest is a build that changes little.
CONTROL_PLANE: Final = (8, 30)
NODE: Final = (4, 20)
REST: Final = (8, 15)


@dataclass(frozen=True, slots=True)
class Step:
    """One build: from which version to which, why, how many minutes it may take, and the specification it is given.

    ``finishes``: it makes whole what an interrupted upgrade left, and changes no version of the control plane.
    """

    number: int
    from_version: str
    to_version: str
    reason: str
    minutes: tuple[int, int]
    spec: ClusterSpec
    finishes: bool = False


def plan_upgrade(spec: ClusterSpec, wanted: Upgrade, present: Present, chart_source: str) -> tuple[Step, ...]:
    """The builds that lead from what runs to what is wanted, none where nothing is to be done.

    ``spec`` is the recorded one. What an interrupted upgrade left behind is finished first: EKS takes no next version while a
    node group lags (EKS API reference, UpdateClusterVersion). Chart, notebook image and pinned images change in the last step.
    """
    runs = minor(present.control_plane)
    target = minor(wanted.kubernetes_version) if wanted.kubernetes_version else runs
    last = _with_releases(replace(spec, kubernetes_version=version_of(max(target, runs))), wanted, chart_source)
    path: list[int | str] = [*(["finish"] if _lags(spec, present) else []), *range(runs + 1, target + 1)]
    if not path and last != spec:
        path = ["release"]
    steps, before = [], present.control_plane
    for number, item in enumerate(path, 1):
        version = version_of(item) if isinstance(item, int) else present.control_plane
        given = last if number == len(path) else replace(spec, kubernetes_version=version)
        rises = isinstance(item, int)
        reason = "; ".join(_reasons(item, version, spec, given, present))
        steps.append(
            Step(
                number,
                before,
                version,
                reason,
                _minutes(present, rises, given != spec or item == "finish"),
                given,
                item == "finish",
            )
        )
        before = version
    return tuple(steps)


def step_to_json(step: Step) -> dict[str, Any]:
    """As the machine carries it; ``build`` is the input of ``build_cluster``."""
    return {
        "number": step.number,
        "from_version": step.from_version,
        "to_version": step.to_version,
        "reason": step.reason,
        "minutes": list(step.minutes),
        "finishes": step.finishes,
        "build": {"cluster_name": step.spec.cluster_name, "spec": spec_to_json(step.spec)},
    }


def _lags(spec: ClusterSpec, present: Present) -> bool:
    behind = [group for group in present.groups if group.version is not None and group.version != present.control_plane]
    return bool(behind) or minor(spec.kubernetes_version) < minor(present.control_plane)


def _with_releases(spec: ClusterSpec, wanted: Upgrade, chart_source: str) -> ClusterSpec:
    hub, image = spec.hub, spec.notebook_image
    if wanted.chart_version is not None and (hub.chart is None or hub.chart.version != wanted.chart_version):
        hub = replace(hub, chart=ChartReference(hub.chart.source if hub.chart else chart_source, wanted.chart_version))
    if wanted.notebook_image_tag is not None and image.tag != wanted.notebook_image_tag:
        # Which JupyterHub the former tag holds is no word about the next one.
        image = replace(image, tag=wanted.notebook_image_tag, jupyterhub_version=None)
    groups = tuple(
        replace(group, ami_id=wanted.ami_ids[group.name]) if group.name in wanted.ami_ids else group for group in spec.node_groups
    )
    return replace(spec, hub=hub, notebook_image=image, node_groups=groups)


def _reasons(item: int | str, version: str, spec: ClusterSpec, given: ClusterSpec, present: Present) -> Iterator[str]:
    if isinstance(item, int):
        yield f"control plane, add-ons and node groups go to Kubernetes {version}; EKS takes one minor version at a time"
    elif item == "finish":
        yield f"what an interrupted upgrade to Kubernetes {present.control_plane} left undone is finished"
    if given.hub.chart != spec.hub.chart and given.hub.chart is not None:
        yield f"the hub's chart goes to {given.hub.chart.version}, and the hub image with it"
    if given.notebook_image.tag != spec.notebook_image.tag:
        yield f"the notebook image goes from {spec.notebook_image.tag} to {given.notebook_image.tag}"
    for group, former in zip(given.node_groups, spec.node_groups, strict=True):
        if group.ami_id != former.ami_id:
            yield f"node group {group.name} goes from {former.ami_id} to {group.ami_id}"


def _minutes(present: Present, rises: bool, rolls: bool) -> tuple[int, int]:
    nodes = sum(group.nodes for group in present.groups) if rolls else 0
    shortest, longest = (REST[end] + (CONTROL_PLANE[end] if rises else 0) + NODE[end] * nodes for end in (0, 1))
    return shortest, longest
