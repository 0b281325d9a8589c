"""Kubernetes versions that EKS offers, with their support dates.

Source: https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html (release calendar); standard support lasts
14 months, extended support 12 months more. The day 1.36 came out is this project's guess, four months after 1.35; its other
dates follow from it by that rule.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EksVersion:
    """One minor version; dates are ``YYYY-MM-DD``."""

    version: str
    released: str
    standard_until: str
    extended_until: str

    def status(self, today: str) -> str:
        """``STANDARD_SUPPORT``, ``EXTENDED_SUPPORT`` or ``UNSUPPORTED`` on the day ``YYYY-MM-DD``."""
        if today <= self.standard_until:
            return "STANDARD_SUPPORT"
        return "EXTENDED_SUPPORT" if today <= self.extended_until else "UNSUPPORTED"


DEFAULT_VERSION = "1.35"
VERSIONS = {
    item.version: item
    for item in (
        EksVersion("1.33", "2025-05-29", "2026-07-29", "2027-07-29"),
        EksVersion("1.34", "2025-10-02", "2026-12-02", "2027-12-02"),
        EksVersion("1.35", "2026-01-27", "2027-03-27", "2028-03-27"),
        EksVersion("1.36", "2026-06-02", "2027-08-02", "2028-08-02"),
    )
}
