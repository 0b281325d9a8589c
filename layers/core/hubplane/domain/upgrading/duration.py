"""How long a step takes, and where each figure comes from: AWS gives no times, so most are estimates and are called so. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["Duration", "duration_of"]

# Minutes, shortest and longest.
CONTROL_PLANE: Final = (8, 30)
NODE: Final = (4, 20)
REST: Final = (8, 15)

DRAIN: Final = 15
"""Minutes that EKS drains a node before it gives up (EKS User Guide, "Managed node group update behavior")."""


@dataclass(frozen=True, slots=True)
class Duration:
    """``minutes``: shortest and longest. ``sources``: one sentence for each part, with its figures and where they come from."""

    minutes: tuple[int, int]
    sources: tuple[str, ...]


def duration_of(nodes: int, *, control_plane_rises: bool) -> Duration:
    """Of a build that replaces so many nodes, one after the other (MaxUnavailable 1 in cluster.yaml)."""
    parts = [(REST, f"the rest of the build {_span(REST)}: an estimate")]
    if nodes:
        most = tuple(end * nodes for end in NODE)
        parts.insert(
            0,
            (
                (most[0], most[1]),
                f"{nodes} node{'s' * (nodes != 1)}, one after the other, {_span(NODE)} each: EKS drains each for at most {DRAIN} "
                "minutes (EKS User Guide, Managed node group update behavior), the rest of it is an estimate",
            ),
        )
    if control_plane_rises:
        parts.insert(
            0, (CONTROL_PLANE, f"the control plane {_span(CONTROL_PLANE)}: an estimate; AWS says only that it takes several")
        )
    shortest, longest = (sum(minutes[end] for minutes, _ in parts) for end in (0, 1))
    return Duration((shortest, longest), tuple(sentence for _, sentence in parts))


def _span(minutes: tuple[int, int]) -> str:
    return f"{minutes[0]} to {minutes[1]} minutes"
