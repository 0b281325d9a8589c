"""Time that passes for one home: everything that says when it was last used is moved back, as if so many days had gone by."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.domain.storage.records import Sighting
from hubplane.domain.storage.tags import START_TAG, STOP_TAG
from local.guide.deploy import ControlPlane, client
from local.guide.processes import EmbeddedCloud

SETTLED = timedelta(minutes=20)
"""After its last use the volume was seen unattached: longer than ``last_use.SETTLE``."""


def pass_days(cloud: EmbeddedCloud, control_plane: ControlPlane, cluster_name: str, volume_id: str, days: float) -> None:
    """The volume was made, used, stopped and detached ``days`` earlier than it was. It must rest: attached, it is in use now."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)
    age = json.dumps({"volume_id": volume_id, "seconds": int(timedelta(days=days).total_seconds()) + 3600}).encode()
    with urllib.request.urlopen(f"{cloud.endpoint_url}/_hubplane/ebs/age", age, timeout=30) as answer:
        answer.read()
    tags = [{"Key": key, "Value": at.isoformat(sep=" ")} for key in (START_TAG, STOP_TAG)]
    client(cloud, "ec2").create_tags(Resources=[volume_id], Tags=tags)
    ledger = control_plane.outputs["LedgerTableName"]
    use: dict[str, Any] = {"cluster": {"S": "volume-use"}, "entry": {"S": volume_id}}
    client(cloud, "dynamodb").delete_item(TableName=ledger, Key=use)
    bucket = StorageBucket(client(cloud, "s3"), control_plane.outputs["StorageBucketName"])
    others = [item for item in bucket.sightings(cluster_name) if item.volume_id != volume_id]
    bucket.put_sightings(cluster_name, [*others, Sighting(volume_id, at - timedelta(days=1), at + SETTLED)])
