"""MarkHomes: writes the owner on what an approved plan names, home by home, after a last look. Called until done; repeatable.

Event: ``cluster_name``, ``run``, ``plan_id``, ``marks_key``, ``cursor`` (null at first, then homes done), ``marked`` and
``skipped`` so far. Result: the same three, ``done``, ``outcomes_key``, the first of the reasons. What carries an owner is never
written over: IAM keeps it so as well.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import boto3

from hubplane.adapters.adoptions import Adoptions
from hubplane.adapters.ebs import Ebs, looking_client
from hubplane.adapters.home_holds import HomeHolder
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.homes.adopting import mark_from_json
from hubplane.domain.homes.marking import HOMES_A_CALL, Hands, mark_homes
from hubplane.entrypoint import task
from hubplane.settings import read_settings

TOLD: Final = 20
WHY: Final = "Your home is being marked as yours: try again in a minute."


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    storage_bucket_name: str
    ledger_table_name: str
    hold_seconds: int


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@cache
def ebs() -> Ebs:
    return Ebs(looking_client(), looking_client())  # CreateTags may be sent again: it writes the same


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    bucket = StorageBucket(client("s3"), SETTINGS.storage_bucket_name)
    marks, start = [mark_from_json(item) for item in bucket.lines(event["marks_key"])], event["cursor"] or 0
    batch = mark_homes(marks[start : start + HOMES_A_CALL], hands(event, bucket))
    key = f"reports/{event['cluster_name']}/adoptions/{event['plan_id']}-{start:06}.jsonl.gz"
    bucket.put_lines(key, map(asdict, batch))
    end, reasons = start + len(batch), [reason for mark in batch for reason in mark.skipped]
    marked, skipped = event["marked"] + sum(len(mark.ids) for mark in batch), event["skipped"] + len(reasons)
    done = end >= len(marks)
    if done:
        ledger = Adoptions(client("dynamodb"), SETTINGS.ledger_table_name)
        ledger.finish(event["cluster_name"], event["plan_id"], marked, skipped, datetime.now(UTC))
    return {
        "done": done,
        "cursor": end,
        "marked": marked,
        "skipped": skipped,
        "outcomes_key": key,
        "changes": [f"{mark.claim_name}: {len(mark.ids)} marked as {mark.owner_sub}'s" for mark in batch if mark.ids][:TOLD],
        "notes": reasons[:TOLD],
        "reason": f"{marked} volumes and snapshots marked, {skipped} skipped, of {len(marks)} homes {end} done",
    }


def hands(event: dict[str, Any], bucket: StorageBucket) -> Hands:
    cluster_name, holder = event["cluster_name"], event["execution_arn"]
    holds = HomeHolder(client("dynamodb"), SETTINGS.ledger_table_name, SETTINGS.clusters_table_name)

    def hold(claim_name: str) -> None:
        holds.hold(cluster_name, claim_name, holder, WHY, datetime.now(UTC) + timedelta(seconds=SETTINGS.hold_seconds))

    def claimed() -> set[str]:
        claims = bucket.cluster(event["run"]["prefix"]).inventory.claims or ()
        return {claim.volume_id for claim in claims if claim.volume_id}

    return Hands(ebs(), hold, lambda claim_name: holds.release(cluster_name, claim_name, holder), claimed)
