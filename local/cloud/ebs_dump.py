"""All volumes and snapshots as they stand, to be compared before and after: ``GET /_hubplane/ebs``."""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

from local.cloud.ebs_seed import CONTENT


def dump() -> dict[str, list[dict[str, Any]]]:
    """``volumes`` and ``snapshots`` by id, in the words of ``ebs_seed.plant``, so that a dump can be planted elsewhere.

    Times are ISO with a zone. What does not apply is null: ``attached_to`` of a free volume, ``source_snapshot_id`` of one
    that was made empty. ``content`` is told where something is written. A volume's ``state`` is told and not planted. Reads only.
    """
    return {
        "volumes": [_volume(record) for _, record in sorted(ec2._volumes.items())],
        "snapshots": [_snapshot(record) for _, record in sorted(ec2._snapshots.items())],
    }


def _volume(record: dict[str, Any]) -> dict[str, Any]:
    attachments = record["Attachments"]
    return {
        "volume_id": record["VolumeId"],
        "size_gib": int(record["Size"]),
        "created_at": record["CreateTime"],
        "zone": record["AvailabilityZone"],
        "volume_type": record["VolumeType"],
        "state": record["State"],
        "attached_to": attachments[0]["InstanceId"] if attachments else None,
        "source_snapshot_id": record["SnapshotId"] or None,
        "tags": _tags(record["VolumeId"]),
        **_content(record),
    }


def _snapshot(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "snapshot_id": record["SnapshotId"],
        "volume_id": record["VolumeId"],
        "size_gib": int(record["VolumeSize"]),
        "started_at": record["StartTime"],
        "state": record["State"],
        "description": record["Description"],
        "owner_id": record["OwnerId"],
        "tags": _tags(record["SnapshotId"]),
        **_content(record),
    }


def _content(record: dict[str, Any]) -> dict[str, str]:
    return {"content": record[CONTENT]} if CONTENT in record else {}


def _tags(resource_id: str) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in ec2._tags.get(resource_id, [])}
