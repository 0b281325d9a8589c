"""The path of an upgrade: one build per minor version, each with what goes with it. Pure; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from hubplane.domain.cluster_spec.model import ChartReference, ClusterSpec, spec_to_json
from hubplane.domain.upgrading.duration import Duration, duration_of
from hubplane.domain.upgrading.inputs import Upgrade
from hubplane.domain.upgrading.present import Present, minor, version_of

__all__ = ["Step", "plan_upgrade", "step_to_json"]


@dataclass(frozen=True, slots=True)
class Step:
    """One build: from which version to which, why, how many minutes it may take and where these come from, and the specification
    it is given.

    ``rolls``: the node groups, as EKS names them, whose nodes are replaced. ``finishes``: it makes whole what an interrupted
    upgrade left, and changes no version of the control plane.
    """

    number: int
    from_version: str
    to_version: str
    reason: str
    duration: Duration
    spec: ClusterSpec
    rolls: tuple[str, ...] = ()
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
        reason = "; ".join(_reasons(item, version, spec, given, present))
        rolls = tuple(_rolls(item, spec, given, present))
        nodes = sum(group.nodes for group in present.groups if group.name in rolls)
        duration = duration_of(nodes, control_plane_rises=isinstance(item, int))
        steps.append(Step(number, before, version, reason, duration, given, rolls, item == "finish"))
        before = version
    return tuple(steps)


def step_to_json(step: Step) -> dict[str, Any]:
    """As the machine carries it; ``build`` is the input of ``build_cluster``."""
    return {
        "number": step.number,
        "from_version": step.from_version,
        "to_version": step.to_version,
        "reason": step.reason,
        "minutes": list(step.duration.minutes),
        "minutes_from": list(step.duration.sources),
        "rolls": list(step.rolls),
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


def _rolls(item: int | str, spec: ClusterSpec, given: ClusterSpec, present: Present) -> Iterator[str]:
    """A group without an image of its own follows the version; another one is rolled by its next image only."""
    images = {f"{spec.cluster_name}-{group.name}": group.ami_id for group in given.node_groups}
    former = {f"{spec.cluster_name}-{group.name}": group.ami_id for group in spec.node_groups}
    for group in present.groups:
        follows = isinstance(item, int) or (item == "finish" and group.version != present.control_plane)
        if (follows and group.version is not None) or images.get(group.name) != former.get(group.name):
            yield group.name
