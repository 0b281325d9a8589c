"""What a person gives ``upgrade_cluster``; every fault at once, those of form beside those against the recorded cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from hubplane.domain.cluster_spec.eks_versions import EKS_VERSIONS, has_ended
from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.errors import UpgradeInputInvalid
from hubplane.domain.machine_inputs import is_cluster_name, shown, strange_fields
from hubplane.domain.upgrading.present import Present, minor

__all__ = ["Upgrade", "cluster_faults", "form_faults", "read_upgrade"]

MODES: Final = ("plan", "enforce")
FIELDS: Final = ("cluster_name", "kubernetes_version", "chart_version", "notebook_image_tag", "ami_ids", "mode")
_TEXTS: Final = {
    "kubernetes_version": (r"1\.[0-9]{2}", 'must be a minor version such as "1.36"; leave it out to keep the present one'),
    "chart_version": (r"[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*", 'must be a version of the hub\'s chart such as "4.4.0"'),
    # https://docs.docker.com/reference/cli/docker/image/tag/ : up to 128 characters, none of . and - first
    "notebook_image_tag": (r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "must be a tag of the notebook image"),
}


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What is wanted; None and empty: as recorded. ``ami_ids`` by node group name, for groups that pin an image of their own."""

    cluster_name: str
    kubernetes_version: str | None = None
    chart_version: str | None = None
    notebook_image_tag: str | None = None
    ami_ids: Mapping[str, str] = field(default_factory=dict)
    mode: str = "plan"


def form_faults(document: Any) -> list[str]:
    """What is wrong with the input by itself, one sentence each."""
    return list(_form(document))


def read_upgrade(document: Any, more: list[str] | None = None) -> Upgrade:
    """The input of ``upgrade_cluster``. Raises ``UpgradeInputInvalid`` with its own faults and ``more``, one a line."""
    faults = [*form_faults(document), *(more or ())]
    if faults:
        raise UpgradeInputInvalid("\n".join([f"the input has {len(faults)} fault{'s' * (len(faults) != 1)}:", *faults]))
    given = {name: document[name] for name in FIELDS if document.get(name) is not None}
    return Upgrade(**given)


def cluster_faults(document: Mapping[str, Any], spec: ClusterSpec, present: Present, chart_source: str, today: date) -> list[str]:
    """What the input asks that this cluster cannot do, whatever else is wrong with it. ``chart_source``: of the hub's chart."""
    return list(_against(document, spec, present, chart_source, today))


def _form(document: Any) -> Iterator[str]:
    if not isinstance(document, Mapping):
        yield 'input: must be an object such as {"cluster_name": "opensarlab", "kubernetes_version": "1.36"}'
        return
    name = document.get("cluster_name")
    if not is_cluster_name(name):
        yield f"cluster_name = {shown(name)}: must be the name of a cluster that was built here, such as opensarlab"
    if all(document.get(key) is None for key in (*_TEXTS, "ami_ids")):
        yield "kubernetes_version = (absent): nothing is asked for; give it, or one of chart_version, notebook_image_tag, ami_ids"
    for key, (pattern, rule) in _TEXTS.items():
        value = document.get(key)
        if value is not None and not _matches(pattern, value):
            yield f"{key} = {shown(value)}: {rule}"
    images = document.get("ami_ids")
    if images is not None and not _is_images(images):
        yield f'ami_ids = {shown(images)}: must give an image per node group, such as {{"main": "ami-0123456789abcdef0"}}'
    mode = document.get("mode", "plan")
    if mode not in MODES:
        yield f"mode = {shown(mode)}: must be plan (say what would be done) or enforce (do it); leave it out for plan"
    yield from strange_fields(document, FIELDS)


def _against(document: Mapping[str, Any], spec: ClusterSpec, present: Present, chart_source: str, today: date) -> Iterator[str]:
    wanted = document.get("kubernetes_version")
    if _matches(_TEXTS["kubernetes_version"][0], wanted):
        yield from _version(str(wanted), present, today)
    chart = document.get("chart_version")
    if chart is not None and "://" not in chart_source:
        yield f"chart_version = {shown(chart)}: the hub's chart is a folder, which holds one version; leave it out"
    images = document.get("ami_ids")
    given: Mapping[str, str] = images if images is not None and _is_images(images) else {}
    pins = {group.name: group.ami_id for group in spec.node_groups if group.ami_id is not None}
    names = [group.name for group in spec.node_groups]
    for name, image in given.items():
        if name not in names:
            yield f"ami_ids.{name} = {shown(image)}: there is no such node group; those are {', '.join(names)}"
        elif name not in pins:
            yield (
                f"ami_ids.{name} = {shown(image)}: the group takes the image that EKS recommends, and pinning one "
                "would replace the group; leave it out"
            )
    rises = _matches(_TEXTS["kubernetes_version"][0], wanted) and minor(str(wanted)) > minor(present.control_plane)
    for name, pinned in pins.items():
        if rises and name not in given:
            yield (
                f"ami_ids.{name} = (absent): the group pins {pinned}, and letting it go would replace the group; "
                f"name an image that was made for Kubernetes {wanted}"
            )


def _version(wanted: str, present: Present, today: date) -> Iterator[str]:
    offered = [version for version in EKS_VERSIONS if not has_ended(version, today)]
    if wanted not in offered:
        yield f'kubernetes_version = "{wanted}": EKS does not offer it; choose one of {", ".join(offered)}'
    elif minor(wanted) < minor(present.control_plane):
        yield (
            f'kubernetes_version = "{wanted}": the control plane runs {present.control_plane}, and no upgrade goes back; give '
            f"{present.control_plane} or later (docs/runbooks/upgrade-cluster.md says what can be taken back)"
        )


def _matches(pattern: str, value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _is_images(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(name, str) and _matches(r"ami-[0-9a-f]{8,17}", image) for name, image in value.items())
    )
