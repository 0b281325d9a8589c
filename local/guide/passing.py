"""Time that passes for one home: everything that says when it was last used is moved back, as if so many days had gone by."""

from __future__ import annotations

import json
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.storage.records import Sighting
from hubplane.domain.storage.tags import START_TAG, STOP_TAG
from local.guide.deploy import ControlPlane, client
from local.guide.processes import EmbeddedCloud

LONGEST_WAIT_SECONDS = 20
SETTLED = timedelta(minutes=20)
"""After its last use the volume was seen unattached: longer than ``last_use.SETTLE``."""


def forget_use(cloud: EmbeddedCloud, control_plane: ControlPlane, volume_id: str) -> None:
    """What CloudTrail told of the volume is forgotten, once it has told of the detachment: that event comes a moment after it."""
    dynamodb, ledger = client(cloud, "dynamodb"), control_plane.outputs["LedgerTableName"]
    use: dict[str, Any] = {"cluster": {"S": "volume-use"}, "entry": {"S": volume_id}}
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < until:
        item = dynamodb.get_item(TableName=ledger, Key=use, ConsistentRead=True).get("Item", {})
        attached_at, detached_at = (item.get(name, {}).get("S", "") for name in ("attached_at", "detached_at"))
        if detached_at and detached_at >= attached_at:
            break
        time.sleep(0.2)
    dynamodb.delete_item(TableName=ledger, Key=use)


def pass_days(cloud: EmbeddedCloud, control_plane: ControlPlane, cluster_name: str, volume_id: str, days: float) -> None:
    """The volume was made, used, stopped and detached ``days`` earlier than it was. It must rest: attached, it is in use now."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)
    age = json.dumps({"volume_id": volume_id, "seconds": int(timedelta(days=days).total_seconds()) + 3600}).encode()
    with urllib.request.urlopen(f"{cloud.endpoint_url}/_hubplane/ebs/age", age, timeout=30) as answer:
        answer.read()
    tags = [{"Key": key, "Value": at.isoformat(sep=" ")} for key in (START_TAG, STOP_TAG)]
    client(cloud, "ec2").create_tags(Resources=[volume_id], Tags=tags)
    forget_use(cloud, control_plane, volume_id)
    bucket = StorageBucket(client(cloud, "s3"), control_plane.outputs["StorageBucketName"])
    others = [item for item in bucket.sightings(cluster_name) if item.volume_id != volume_id]
    bucket.put_sightings(cluster_name, [*others, Sighting(volume_id, at - timedelta(days=1), at + SETTLED)])
