"""CheckRecycleBin: nothing is deleted unless a Recycle Bin rule stands under it, or somebody waived that. Reads only.

Result: ``waived``, and ``notes`` that the report repeats.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.recycle_bin import read_rules
from hubplane.domain.errors import RecycleBinMissing
from hubplane.domain.storage.recycle_bin import missing_net
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    recycle_bin_waived: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    missing = missing_net(read_rules(client("rbin")), event["cluster_name"])
    waived = SETTINGS.recycle_bin_waived == "true"
    if missing and not waived:
        raise RecycleBinMissing(
            f"{'; '.join(missing)}: deploy the control plane with its Recycle Bin rules, or waive them with RecycleBinWaived=true"
        )
    notes = [f"Waived by RecycleBinWaived: {sentence}." for sentence in missing]
    return {
        "waived": bool(missing),
        "notes": notes,
        "changes": [],
        "reason": " ".join(notes) or "the Recycle Bin stands under both",
    }
