"""Who may own homes, out of the Users table. Reads only, in pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from hubplane.domain.names import claims_of
from hubplane.domain.provider_errors import translated
from hubplane.domain.storage.records import Owner

WANTED = ("username", "sub", "former_subs", "last_seen_at")


def read_owners(client: Any, table_name: str) -> tuple[Owner, ...]:
    """One owner for each account that a person has or had and each claim that its name leads to; tombstones too, whose homes
    stay theirs. ``client`` is a boto3 DynamoDB client.
    """
    found: list[Owner] = []
    with translated("read the Users table"):
        pages = client.get_paginator("scan").paginate(
            TableName=table_name,
            ProjectionExpression=", ".join(f"#{name}" for name in WANTED),
            ExpressionAttributeNames={f"#{name}": name for name in WANTED},
        )
        for item in (item for page in pages for item in page["Items"]):
            found.extend(_owners(item))
    return tuple(found)


def _owners(item: dict[str, Any]) -> Iterator[Owner]:
    username = item["username"]["S"]
    if "#" in username or "sub" not in item:
        return  # claim#<claim>: what keeps two people from one claim, no person
    seen = item.get("last_seen_at", {}).get("S")
    last_seen_at = datetime.fromisoformat(seen) if seen else None
    former = item.get("former_subs", {})
    for sub in (item["sub"]["S"], *former.get("SS", ()), *(entry["S"] for entry in former.get("L", ()))):
        for claim_name in sorted(claims_of(username).all):
            yield Owner(sub, username, claim_name, last_seen_at)
