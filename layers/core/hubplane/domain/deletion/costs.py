"""What a thing that stays costs a month: list prices of us-east-1 but for storage, whose prices are the report's own table.

https://aws.amazon.com/elasticloadbalancing/pricing/ (0.0225 USD an hour, its units of load aside; a classic one 0.025),
/ecr/pricing/ (0.10 a GB), /secrets-manager/pricing/ (0.40 a secret), /cloudwatch/pricing/ (0.03 a GB of archived logs), as pages
of others quoted them in 2026. What is not named costs nothing by itself.
"""

from __future__ import annotations

from typing import Final

from hubplane.domain.deletion.things import Kind, Thing
from hubplane.domain.report.pricing import Prices

__all__ = ["usd_per_month"]

HOURS_OF_A_MONTH: Final = 730
EACH: Final = {
    Kind.LOAD_BALANCER: 0.0225 * HOURS_OF_A_MONTH,
    Kind.CLASSIC_LOAD_BALANCER: 0.025 * HOURS_OF_A_MONTH,
    Kind.SECRET: 0.40,
}
PER_GIB: Final = {Kind.IMAGE_REPOSITORY: 0.10, Kind.LOG_GROUP: 0.03}


def usd_per_month(thing: Thing, prices: Prices) -> float:
    """US dollars a month, to the cent, and at most that: a snapshot is billed only for blocks that no other one holds."""
    if thing.kind is Kind.VOLUME:
        usd = prices.volume_usd(thing.volume_type, int(thing.size_gib))
    elif thing.kind is Kind.SNAPSHOT:
        usd = prices.snapshot_usd(int(thing.size_gib))
    else:
        usd = EACH.get(thing.kind, 0.0) + PER_GIB.get(thing.kind, 0.0) * thing.size_gib
    return round(usd, 2)
