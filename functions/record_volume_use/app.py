"""RecordVolumeUse: what CloudTrail says of a volume's attachment, kept as one item per volume for the next sweep. Repeatable.

Called by EventBridge with an ``AWS API Call via CloudTrail`` event of AttachVolume or DetachVolume; a call that EC2 refused is
no use. Events may come twice and out of order: the later time stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.volume_use import record_use
from hubplane.domain.storage.trail import use_event_of
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    ledger_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    use = use_event_of(event)
    if use is None:
        return {"changes": [], "reason": "the call was refused or names no volume: no use"}
    newer = record_use(client("dynamodb"), SETTINGS.ledger_table_name, use)
    return {
        "changes": [],
        "reason": f"{use.volume_id}: {use.kind} at {use.at.isoformat()}" + ("" if newer else ", known already"),
    }
