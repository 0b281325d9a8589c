"""Whether add-ons and node groups are done, still on their way, or beyond help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hubplane.domain.eks_settings.settings import ADDONS

FAILED_STATES = frozenset({"CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED"})
# Health issues that pass by themselves: EKS is busy, or nodes are only just coming. All others need a person
# (AddonIssueCode and NodegroupIssueCode in the EKS API reference).
PASSING_ISSUES = frozenset(
    {
        "AutoScalingGroupInstanceRefreshActive",
        "AutoScalingGroupRateLimitExceeded",
        "ClusterUnreachable",
        "IamThrottling",
        "InsufficientNumberOfReplicas",
        "InternalFailure",
        "Unknown",
    }
)


class Health(NamedTuple):
    """State of an add-on or a node group; ``issues`` are (code, message)."""

    status: str
    issues: tuple[tuple[str, str], ...] = ()


class Readiness(NamedTuple):
    """``hopeless``: waiting cannot help; the reason says what is wrong."""

    is_ready: bool
    hopeless: bool
    reason: str


def judge_readiness(addons: Mapping[str, Health], node_groups: Mapping[str, Health | None]) -> Readiness:
    """The state of all add-ons of ``ADDONS`` and of the node groups, None for one that does not exist (yet). Pure.

    DEGRADED is a passing state of an add-on without nodes (coredns needs some to run on), and hopeless only with an issue
    that does not pass; a failed state is hopeless at once.
    """
    items = {f"add-on {name}": addons.get(name) for name in ADDONS}
    items |= {f"node group {name}": health for name, health in node_groups.items()}
    broken = [f"{name} is {_words(health)}" for name, health in items.items() if health is not None and _is_hopeless(health)]
    if broken:
        return Readiness(False, True, "; ".join(broken))
    waiting = [
        f"{name} is {_words(health) if health else 'not there yet'}"
        for name, health in items.items()
        if health is None or health.status != "ACTIVE"
    ]
    if waiting:
        return Readiness(False, False, "; ".join(waiting))
    return Readiness(True, False, f"{len(ADDONS)} add-ons and {len(node_groups)} node group(s) are active")


def _is_hopeless(health: Health) -> bool:
    if health.status in FAILED_STATES:
        return True
    return health.status == "DEGRADED" and any(code not in PASSING_ISSUES for code, _ in health.issues)


def _words(health: Health) -> str:
    issues = "; ".join(f"{code}: {message}" for code, message in health.issues)
    return f"{health.status} ({issues})" if issues else health.status
