"""Whether the second net stands: Recycle Bin rules that hold every deleted snapshot and volume of a cluster for some days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["RESOURCE_TYPES", "RetentionRule", "missing_net"]

# The types a storage day deletes; the Recycle Bin knows EC2_IMAGE as well (botocore rbin ResourceType).
RESOURCE_TYPES = ("EBS_SNAPSHOT", "EBS_VOLUME")


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """A rule as GetRule shows it. ``tags`` empty: it holds for all of its type in the Region, less ``excluded_tags``."""

    rule_id: str
    resource_type: str
    status: str
    retention_days: int
    tags: tuple[tuple[str, str | None], ...] = ()
    excluded_tags: tuple[tuple[str, str | None], ...] = ()


def missing_net(rules: Iterable[RetentionRule], cluster_name: str) -> tuple[str, ...]:
    """A sentence for each type of resource that no rule would hold; empty where the net stands under both.

    A rule counts if it is ``available``, excludes nothing, and has no tags or the cluster's own tag.
    """
    known = list(rules)
    return tuple(
        f"no Recycle Bin rule of the Region holds every {resource_type} of cluster {cluster_name} "
        f"(there {_found(known, resource_type)})"
        for resource_type in RESOURCE_TYPES
        if not any(_holds(rule, resource_type, cluster_name) for rule in known)
    )


def _holds(rule: RetentionRule, resource_type: str, cluster_name: str) -> bool:
    tag = f"kubernetes.io/cluster/{cluster_name}"
    covers = not rule.tags or any(key == tag and value in (None, "", "owned") for key, value in rule.tags)
    return (
        rule.resource_type == resource_type
        and rule.status == "available"
        and rule.retention_days >= 1
        and covers
        and not rule.excluded_tags
    )


def _found(rules: list[RetentionRule], resource_type: str) -> str:
    same = [rule for rule in rules if rule.resource_type == resource_type]
    if not same:
        return "is none of that type"
    return "are " + ", ".join(f"{rule.rule_id}: {rule.status}, {len(rule.tags)} tags" for rule in same)
