"""The Recycle Bin of the Region."""

from __future__ import annotations

from typing import Any

from hubplane.domain.provider_errors import translated
from hubplane.domain.storage.recycle_bin import RESOURCE_TYPES, RetentionRule


def read_rules(client: Any) -> tuple[RetentionRule, ...]:
    """Every retention rule for snapshots and volumes; ``client`` is a boto3 rbin client. Reads only, a call per rule."""
    found: list[RetentionRule] = []
    for resource_type in RESOURCE_TYPES:
        with translated(f"list the Recycle Bin's rules for {resource_type}"):
            pages = client.get_paginator("list_rules").paginate(ResourceType=resource_type)
            identifiers = [rule["Identifier"] for page in pages for rule in page.get("Rules", [])]
            described = [client.get_rule(Identifier=identifier) for identifier in identifiers]
        found.extend(_rule(item) for item in described)
    return tuple(found)


def _rule(item: dict[str, Any]) -> RetentionRule:
    period = item.get("RetentionPeriod", {})
    return RetentionRule(
        rule_id=item["Identifier"],
        resource_type=item["ResourceType"],
        status=item.get("Status", ""),
        retention_days=int(period.get("RetentionPeriodValue", 0)) if period.get("RetentionPeriodUnit") == "DAYS" else 0,
        tags=_tags(item.get("ResourceTags")),
        excluded_tags=_tags(item.get("ExcludeResourceTags")),
    )


def _tags(listed: list[dict[str, str]] | None) -> tuple[tuple[str, str | None], ...]:
    return tuple((tag["ResourceTagKey"], tag.get("ResourceTagValue")) for tag in listed or ())
