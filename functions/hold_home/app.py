"""HoldHome: from now on no server mounts the home, and no other machine changes it, until it is released or the lease has passed.

Event: ``change``, ``execution_arn``. The change is written into the Ledger before anything is done. Repeatable: renews. Raises
``HomeHeld`` where another execution holds the home, ``ClusterBusy`` where the cluster ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.home_changes import begin_change
from hubplane.adapters.home_holds import HomeHolder
from hubplane.domain.homes.changes import HELD_FOR, change_from_json
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    hold_seconds: int


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    holds = HomeHolder(client("dynamodb"), SETTINGS.ledger_table_name, SETTINGS.clusters_table_name)
    change, now = change_from_json(event["change"]), datetime.now(UTC)
    until_at = now + timedelta(seconds=SETTINGS.hold_seconds)
    holds.hold(change.cluster_name, change.claim_name, event["execution_arn"], HELD_FOR, until_at)
    begin_change(client("dynamodb"), SETTINGS.ledger_table_name, change, event["execution_arn"], now)
    reason = f"{change.claim_name} of {change.cluster_name} is held until {until_at:%Y-%m-%d %H:%M} UTC"
    return {"changes": [], "reason": reason}
