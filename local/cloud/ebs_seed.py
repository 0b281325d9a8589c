"""Volumes and snapshots with a past, put into the emulator's records: ``POST /_hubplane/ebs/seed``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.services import ec2

from local.cloud.options import ACCOUNT_ID, REGION

VOLUME_STATES = ("available", "in-use")
CONTENT = "_content"
"""Where a record keeps what is written on it; not a field of EC2's."""

SNAPSHOT_STATES = ("completed", "pending", "error")
_ID = {"volume_id": re.compile(r"vol-[0-9a-f]{8,17}\Z"), "snapshot_id": re.compile(r"snap-[0-9a-f]{8,17}\Z")}


class SeedRefused(ValueError):
    """An entry is malformed; the message says which field of which entry, and the rule."""


def plant(given: Mapping[str, Any]) -> dict[str, int]:
    """Plant all of it, or nothing where an entry is malformed; answers how many were new. An id that is there stays as it is.

    A volume: ``volume_id``, ``size_gib``, and at will ``created_at`` (ISO, with a zone), ``tags``, ``zone``, ``volume_type``,
    ``source_snapshot_id``, ``attached_to`` (an instance id, which need not exist). A snapshot: ``snapshot_id``, ``volume_id``
    (which need not exist), ``size_gib``, and at will ``started_at``, ``state``, ``tags``, ``owner_id``, ``description``. Both:
    ``content``, a text that stands for what is written on it (``ebs_contents``).
    A planted ``pending`` snapshot stays so until ``POST ebs/finish``.
    """
    volumes = [_volume(entry) for entry in _entries(given, "volumes")]
    snapshots = [_snapshot(entry) for entry in _entries(given, "snapshots")]
    return {
        "volumes": sum(_put(ec2._volumes, record["VolumeId"], record, tags) for record, tags in volumes),
        "snapshots": sum(_put(ec2._snapshots, record["SnapshotId"], record, tags) for record, tags in snapshots),
    }


def age(volume_id: str, seconds: int) -> str:
    """Move the creation of a volume so many seconds into the past; the time that EC2 tells from now on."""
    if volume_id not in ec2._volumes:
        raise SeedRefused(f"volume_id: there is no volume {volume_id}")
    record = ec2._volumes[volume_id]
    made = datetime.fromisoformat(record["CreateTime"].replace("Z", "+00:00")) - timedelta(seconds=seconds)
    record["CreateTime"] = ec2_time(made)
    return str(record["CreateTime"])


def ec2_time(moment: datetime) -> str:
    """As EC2 writes times: UTC with milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _put(records: Any, record_id: str, record: dict[str, Any], tags: Mapping[str, str]) -> bool:
    if record_id in records:
        return False
    records[record_id] = record
    ec2._tags[record_id] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return True


def _volume(entry: Mapping[str, Any]) -> tuple[dict[str, Any], Mapping[str, str]]:
    volume_id, created = _identifier(entry, "volume_id"), _time(entry, "created_at")
    kind = entry.get("volume_type", "gp3")
    instance = entry.get("attached_to")
    attachment = {
        "VolumeId": volume_id,
        "InstanceId": instance,
        "Device": "/dev/xvdba",
        "State": "attached",
        "AttachTime": ec2_time(datetime.now(UTC)),
        "DeleteOnTermination": False,
    }
    record = {
        "VolumeId": volume_id,
        "Size": _size(entry),
        "AvailabilityZone": entry.get("zone", f"{REGION}a"),
        "State": "in-use" if instance else "available",
        "VolumeType": kind,
        "SnapshotId": entry.get("source_snapshot_id", ""),
        "Iops": 3000 if kind in ("gp3", "io1", "io2") else 0,
        "Encrypted": False,
        "CreateTime": ec2_time(created),
        "Attachments": [attachment] if instance else [],
        "MultiAttachEnabled": False,
        "Throughput": 125 if kind == "gp3" else 0,
    }
    return record | _content(entry), _tags(entry)


def _snapshot(entry: Mapping[str, Any]) -> tuple[dict[str, Any], Mapping[str, str]]:
    state = entry.get("state", "completed")
    if state not in SNAPSHOT_STATES:
        raise SeedRefused(f"state of {entry.get('snapshot_id')}: {state!r} is none of {', '.join(SNAPSHOT_STATES)}")
    record = {
        "SnapshotId": _identifier(entry, "snapshot_id"),
        "VolumeId": _identifier(entry, "volume_id"),
        "VolumeSize": _size(entry),
        "Description": entry.get("description", ""),
        "State": state,
        "StartTime": ec2_time(_time(entry, "started_at")),
        "Progress": "100%" if state == "completed" else "0%",
        "OwnerId": entry.get("owner_id", ACCOUNT_ID),
        "Encrypted": False,
        "StorageTier": "standard",
    }
    return record | _content(entry), _tags(entry)


def _content(entry: Mapping[str, Any]) -> dict[str, str]:
    value = entry.get("content")
    if value is not None and not isinstance(value, str):
        raise SeedRefused(f"content: {value!r} is not a text")
    return {} if value is None else {CONTENT: value}


def _entries(given: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = given.get(key, []) if isinstance(given, Mapping) else None
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise SeedRefused(f"{key}: must be a list of objects")
    return entries


def _identifier(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not _ID[key].match(value):
        raise SeedRefused(f"{key}: {value!r} is not an id of the form {_ID[key].pattern.removesuffix(chr(92) + 'Z')}")
    return value


def _size(entry: Mapping[str, Any]) -> int:
    value = entry.get("size_gib")
    if type(value) is not int or value < 1:
        raise SeedRefused(f"size_gib: {value!r} is not a whole number of GiB above 0")
    return value


def _time(entry: Mapping[str, Any], key: str) -> datetime:
    if key not in entry:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(entry[key])
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise SeedRefused(f"{key}: {entry[key]!r} is not an ISO time with a zone, such as 2026-11-01T10:00:00+00:00")
    return moment


def _tags(entry: Mapping[str, Any]) -> Mapping[str, str]:
    tags = entry.get("tags", {})
    if not isinstance(tags, Mapping) or not all(isinstance(value, str) for value in tags.values()):
        raise SeedRefused("tags: must be an object of texts")
    return tags
