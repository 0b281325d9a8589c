"""Which claims storage carries: asked of the tags themselves, in one call for both kinds of storage."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from hubplane.domain.provider_errors import translated

CLAIM_TAG: Final = "kubernetes.io/created-for/pvc/name"
MOST: Final = 5
"""Of the tags asked for: one is enough to refuse a name (EC2 API reference, DescribeTags: 5 to 1,000 a page)."""


def claims_in_storage(client: Any, claims: Collection[str]) -> frozenset[str]:
    """Those of ``claims`` (at most 200) that a volume or snapshot of the Region carries, whatever its cluster and state.

    Of many there may be only some in the answer, never none. ``client`` is a boto3 EC2 client, or a light one.
    """
    with translated("look for storage that carries a name"):
        answer = client.describe_tags(
            Filters=[
                {"Name": "key", "Values": [CLAIM_TAG]},
                {"Name": "value", "Values": sorted(claims)},
                {"Name": "resource-type", "Values": ["volume", "snapshot"]},
            ],
            MaxResults=MOST,
        )
    return frozenset(tag["Value"] for tag in answer["Tags"]) & frozenset(claims)
