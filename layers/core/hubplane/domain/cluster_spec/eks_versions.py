"""Which Kubernetes versions EKS offers, and until when.

Source: https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html#kubernetes-release-calendar as
mirrored by https://endoflife.date/amazon-eks, read on ``CHECKED_ON``. A new version is one more line here; the release
notes in the same guide say what else it changes. ``aws eks describe-cluster-versions`` prints the same facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

CHECKED_ON: Final = date(2026, 11, 23)


@dataclass(frozen=True, slots=True)
class Support:
    """Last days of standard support (14 months) and of extended support (12 more, at a price per cluster and hour)."""

    standard_until: date
    extended_until: date


EKS_VERSIONS: Final[Mapping[str, Support]] = MappingProxyType(
    {
        "1.31": Support(date(2025, 11, 26), date(2026, 11, 26)),
        "1.32": Support(date(2026, 3, 23), date(2027, 3, 23)),
        "1.33": Support(date(2026, 7, 29), date(2027, 7, 29)),
        "1.34": Support(date(2026, 12, 2), date(2027, 12, 2)),
        "1.35": Support(date(2027, 3, 27), date(2028, 3, 27)),
        "1.36": Support(date(2027, 8, 2), date(2028, 8, 2)),
    }
)


def support_note(version: str, today: date) -> str | None:
    """What an operator should know about a version that has left standard support; None while it has not."""
    support = EKS_VERSIONS.get(version)
    if support is None or today <= support.standard_until:
        return None
    return (
        f"Kubernetes {version} left EKS' standard support on {support.standard_until}: until {support.extended_until} "
        "each cluster costs more per hour, then EKS upgrades it by itself; plan the upgrade, one minor version at a time"
    )


def has_ended(version: str, today: date) -> bool:
    """Whether EKS no longer offers the version at all."""
    support = EKS_VERSIONS.get(version)
    return support is not None and today > support.extended_until
