"""What a cluster runs now, as EKS tells it: the facts that plan, gate, check and way back look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["GroupVersion", "Insight", "Present", "minor", "version_of", "versions_in_words"]


@dataclass(frozen=True, slots=True)
class GroupVersion:
    """One node group. ``version`` None: its launch template names an image, so EKS gives it no version. ``release`` is EKS's
    name for the image, such as ``1.35.2-20261101``, or the id of one that is not EKS's. ``nodes``: how many it has."""

    name: str
    version: str | None
    release: str | None
    status: str
    nodes: int

    @property
    def image(self) -> str | None:
        """The id of an image that is not EKS's choice: ``releaseVersion`` "is the AMI ID" then (EKS API, Nodegroup)."""
        return self.release if self.release is not None and self.release.startswith("ami-") else None


@dataclass(frozen=True, slots=True)
class Present:
    """A cluster: the control plane's version and state, its node groups by name, its add-ons' versions by name."""

    control_plane: str
    status: str
    groups: tuple[GroupVersion, ...]
    addons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Insight:
    """One upgrade insight of EKS. ``status`` is PASSING, WARNING, ERROR or UNKNOWN; ``gone_in``: of the API versions that the
    cluster's clients still call, those that go, each with the version in which it goes (``deprecationDetails``)."""

    insight_id: str
    name: str
    status: str
    reason: str
    kubernetes_version: str | None
    refreshed_at: datetime | None
    recommendation: str = ""
    gone_in: tuple[tuple[str, str], ...] = ()


def minor(version: str) -> int:
    """36 of ``1.36``."""
    return int(version.split(".")[1])


def version_of(number: int) -> str:
    """``1.36`` of 36."""
    return f"1.{number}"


def versions_in_words(present: Present) -> dict[str, str]:
    """Control plane, node groups and add-ons with their versions, for results, mails and the record."""
    groups = {f"node group {group.name}": group.version or group.image or "an image of its own" for group in present.groups}
    return {"control plane": present.control_plane, **groups, **{f"add-on {name}": text for name, text in present.addons.items()}}
