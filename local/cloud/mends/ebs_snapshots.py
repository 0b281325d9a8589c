"""Snapshots take time, fail, and are limited."""

from __future__ import annotations

import contextvars
import threading
import time
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2

from local.cloud.cloud import Cloud
from local.cloud.ebs_seed import ec2_time
from local.cloud.events import emit
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action
from local.cloud.options import ACCOUNT_ID, REGION

LARGEST_PENDING = 100  # EBS quotas, "Pending snapshots per account": not adjustable


@mend
def snapshots_take_time(cloud: Cloud, gateway: Gateway) -> None:
    """A snapshot is complete in the answer to CreateSnapshot, never fails, and its time has whole seconds.

    With this it is ``pending`` for a while (``POST /_hubplane/ebs/pace``), then ``completed``, or ``error`` where a test asked
    for it (``POST /_hubplane/ebs/faults``), and EventBridge tells which.
    """
    create = ec2._create_snapshot

    def create_pending(parameters: dict[str, Any]) -> Any:
        before = set(ec2._snapshots)
        status, headers, body = create(parameters)
        fresh = [ec2._snapshots[snapshot_id] for snapshot_id in ec2._snapshots if snapshot_id not in before]
        if status != 200 or not fresh:
            return status, headers, body
        (record,) = fresh
        record.update(State="pending", Progress="0%", StartTime=ec2_time(datetime.now(UTC)))
        state = "error" if cloud.ebs.takes_failure(record["VolumeId"]) else "completed"
        timer = threading.Timer(cloud.ebs.snapshot_seconds, contextvars.copy_context().run, args=(_end, record, state))
        timer.daemon = True
        timer.start()
        return ec2._xml(200, "CreateSnapshotResponse", ec2._snapshot_inner_xml(record))

    replace_action(ec2, create, create_pending)


@mend
def snapshots_are_limited(cloud: Cloud, gateway: Gateway) -> None:
    """Any number of snapshots can be pending. With this the 101st of the account is ``PendingSnapshotLimitExceeded``.

    Where a test sets a spacing (``POST /_hubplane/ebs/pace``), a second snapshot of a volume that comes too early is
    ``SnapshotCreationPerVolumeRateExceeded``.
    """
    create = ec2._ACTION_MAP["CreateSnapshot"]
    last: dict[str, float] = {}

    def create_limited(parameters: dict[str, Any]) -> Any:
        volume_id, now = ec2._p(parameters, "VolumeId"), time.monotonic()
        pending = sum(record["State"] == "pending" and record["OwnerId"] == ACCOUNT_ID for record in ec2._snapshots.values())
        if pending >= LARGEST_PENDING:
            return ec2._error("PendingSnapshotLimitExceeded", "Maximum allowed in-progress snapshots exceeded.", 400)
        if volume_id in last and now - last[volume_id] < cloud.ebs.spacing_seconds:
            message = f"The maximum per volume CreateSnapshot request rate has been exceeded for {escape(volume_id)}."
            return ec2._error("SnapshotCreationPerVolumeRateExceeded", message, 400)
        answer = create(parameters)
        if answer[0] == 200:
            last[volume_id] = now
        return answer

    replace_action(ec2, create, create_limited)


def finish_pending() -> int:
    """Complete all that is pending now; answers how many."""
    pending = [record for record in ec2._snapshots.values() if record["State"] == "pending"]
    for record in pending:
        _end(record, "completed")
    return len(pending)


def _end(record: dict[str, Any], state: str) -> None:
    if record["State"] != "pending":
        return
    record.update(State=state, Progress="100%" if state == "completed" else record["Progress"])
    if record["SnapshotId"] not in ec2._snapshots:
        return
    arn = f"arn:aws:ec2::{REGION}:snapshot/{record['SnapshotId']}"
    detail = {
        "event": "createSnapshot",
        "result": "succeeded" if state == "completed" else "failed",
        "cause": "",
        "request-id": "",
        "snapshot_id": arn,
        "source": f"arn:aws:ec2::{REGION}:volume/{record['VolumeId']}",
        "startTime": record["StartTime"],
        "endTime": ec2_time(datetime.now(UTC)),
    }
    emit("aws.ec2", "EBS Snapshot Notification", detail, [arn])
