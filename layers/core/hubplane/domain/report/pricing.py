"""List prices of EBS storage, from one dated table with its source (``prices.json``)."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

__all__ = ["Prices", "prices_of"]

TABLE: Final = pathlib.Path(__file__).with_name("prices.json")
FALLBACK_REGION: Final = "us-east-1"
# What the clusters' StorageClass makes: a volume that does not say its type is counted as one of these.
FALLBACK_TYPE: Final = "gp3"


@dataclass(frozen=True)
class Prices:
    """US dollars per GiB and month of a Region. ``priced_as`` is the Region whose figures these are.

    It differs from ``region`` where the table has no figures for that. ``as_of`` is the day of the table, ``url`` its source.
    """

    region: str
    priced_as: str
    as_of: str
    url: str
    per_gib: Mapping[str, float]

    def knows(self, volume_type: str) -> bool:
        """Whether volumes of this type have a price of their own."""
        return volume_type in self.per_gib and not volume_type.startswith("snapshot")

    def volume_usd(self, volume_type: str, size_gib: int) -> float:
        """What a volume costs a month, its storage alone. An unknown type is priced as gp3."""
        return self.per_gib[volume_type if self.knows(volume_type) else FALLBACK_TYPE] * size_gib

    def snapshot_usd(self, size_gib: int) -> float:
        """What a snapshot costs a month at most: EBS stores, and bills, only blocks that no earlier snapshot holds."""
        return self.per_gib["snapshot"] * size_gib


def prices_of(region: str) -> Prices:
    """The prices of ``region``, or those of us-east-1 where the table does not have it."""
    table = _table()
    priced_as = region if region in table["regions"] else FALLBACK_REGION
    return Prices(region, priced_as, table["as_of"], table["url"], table["regions"][priced_as])


@cache
def _table() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return document
