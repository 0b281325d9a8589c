"""MarkHomes: writes the owner on what an approved plan names, home by home, after a last look. Called until done; repeatable.

Event: ``cluster_name``, ``run``, ``plan_id``, ``marks_key``, ``cursor`` (null at first, then homes done), ``marked`` and
``skipped`` so far. Result: the same three, ``done``, ``outcomes_key``, the first of the reasons. What carries an owner is never
written over: IAM keeps it so as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import boto3

from hubplane.adapters.adoptions import Adoptions
from hubplane.adapters.ebs import Ebs, looking_client
from hubplane.adapters.home_holds import HomeHolder
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.errors import ClusterBusy, HomeHeld
from hubplane.domain.homes.adopting import Mark, mark_from_json, markable
from hubplane.domain.storage.tags import OWNER_TAG
from hubplane.entrypoint import task
from hubplane.settings import read_settings

HOMES_A_CALL: Final = 50
"""Of one CreateTags each, at the 10 a second that EC2 refills (EC2 API request throttling), with room for eight tries of each."""

IDS_A_CALL: Final = 500
"""Of the 1,000 that CreateTags takes (EC2 API reference)."""

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
    holds = HomeHolder(client("dynamodb"), SETTINGS.ledger_table_name, SETTINGS.clusters_table_name)
    batch = [held(holds, event, mark) for mark in marks[start : start + HOMES_A_CALL]]
    mine = [mark.claim_name for mark in batch if mark.ids]
    batch = look_again(bucket, event["run"]["prefix"], batch)
    for mark in batch:
        for first in range(0, len(mark.ids), IDS_A_CALL):
            ebs().tag(mark.ids[first : first + IDS_A_CALL], {OWNER_TAG: mark.owner_sub})
    for claim_name in mine:
        holds.release(event["cluster_name"], claim_name, event["execution_arn"])
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


def held(holds: HomeHolder, event: dict[str, Any], mark: Mark) -> Mark:
    """The mark with its home held, or with the reason why it cannot be: somebody else holds it, or the cluster ends."""
    until_at = datetime.now(UTC) + timedelta(seconds=SETTINGS.hold_seconds)
    try:
        if mark.ids:
            holds.hold(event["cluster_name"], mark.claim_name, event["execution_arn"], WHY, until_at)
    except (HomeHeld, ClusterBusy) as error:
        return replace(mark, ids=(), skipped=(*mark.skipped, str(error)))
    return mark


def look_again(bucket: StorageBucket, prefix: str, marks: Sequence[Mark]) -> list[Mark]:
    """The marks as they are true now; both kinds of storage in as few calls as there are pages."""
    ids = [key for mark in marks for key in mark.ids]
    volumes = ebs().volumes([key for key in ids if key.startswith("vol-")])
    snapshots = ebs().snapshots([key for key in ids if key.startswith("snap-")])
    tags = {item.volume_id: item.tags for item in volumes} | {item.snapshot_id: item.tags for item in snapshots}
    swept = bucket.cluster(prefix)
    held = {claim.volume_id for claim in swept.inventory.claims or () if claim.volume_id}
    return [markable(mark, tags, held) for mark in marks]
