"""GrowHome: the home held, its claim asks for the size, and what the driver has made of it. Called until done; repeatable.

Event: ``growth``, ``stopped`` (false: hold only, nothing is touched while a server may run), ``execution_arn``. Result: ``done``,
``deed``. The intent is written before the first deed. Raises ``HomeHeld``, ``ClusterBusy`` where the cluster ends,
and ``HomeChangeRefused`` where the home is another one by now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import boto3

from hubplane.adapters.ebs import Ebs, changing_client, looking_client
from hubplane.adapters.ebs_modifications import latest_modification
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.growing_claims import GrowingClaims
from hubplane.adapters.home_growths import HomeGrowths
from hubplane.adapters.home_holds import HomeHolder
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.homes.growing import Deed, growth_from_json, next_deed
from hubplane.entrypoint import task
from hubplane.settings import read_settings

WHY: Final = "Your home is being made larger: try again in a few minutes."


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    hold_seconds: int


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@cache
def looking() -> Any:
    return looking_client()


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    growth, now = growth_from_json(event["growth"]), datetime.now(UTC)
    until_at = now + timedelta(seconds=SETTINGS.hold_seconds)
    holds = HomeHolder(client("dynamodb"), SETTINGS.ledger_table_name, SETTINGS.clusters_table_name)
    holds.hold(growth.cluster_name, growth.claim_name, event["execution_arn"], WHY, until_at)
    HomeGrowths(client("dynamodb"), SETTINGS.ledger_table_name).begin(growth, now)
    if not event["stopped"]:
        reason = f"{growth.claim_name} of {growth.cluster_name} is held until {until_at:%Y-%m-%d %H:%M} UTC"
        return {"done": False, "deed": "hold", "changes": [], "reason": reason}
    claims = GrowingClaims(Kubernetes(cluster_connection(client("eks"), boto3.Session(), growth.cluster_name)))
    home = claims.see(growth.claim_name, with_pods=True)
    volume = next(iter(Ebs(looking(), changing_client()).volumes([growth.volume_id])), None)
    deed, sentence = next_deed(growth, home, volume, latest_modification(looking(), growth.volume_id))
    if deed is Deed.ASK:
        claims.ask_for(growth.claim_name, growth.to_gib)
    return {
        "done": deed is Deed.DONE,
        "deed": str(deed),
        "changes": [sentence] if deed is Deed.ASK else [],
        "reason": sentence,
    }
