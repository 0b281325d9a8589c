"""ReleaseHome: the home may be mounted and changed again. Another's hold stays. Repeatable.

Event: ``cluster_name``, ``claim_name``, ``execution_arn``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.home_holds import HomeHolds
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    ledger_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    holds = HomeHolds(client("dynamodb"), SETTINGS.ledger_table_name)
    holds.release(event["cluster_name"], event["claim_name"], event["execution_arn"])
    return {"changes": [], "reason": f"{event['claim_name']} of {event['cluster_name']} is not held by this execution"}
