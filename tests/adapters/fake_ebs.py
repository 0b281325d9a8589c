"""EC2's part of EBS behind a real boto3 client: filters, wildcards, pages, limits and the refusals that matter."""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from tests.adapters.fake_aws import Refusal

ACCOUNT = "553778890976"
CREATED = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
MOST_VALUES = 200
PENDING_LIMIT = 100


class FakeEbs:
    """Volumes and snapshots as EC2 tells of them. ``page`` is smaller than any real one: who does not follow it loses things."""

    def __init__(self, page: int = 2) -> None:
        self.volumes: dict[str, dict[str, Any]] = {}
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refusals: dict[str, list[str]] = {}
        self.made: dict[str, dict[str, Any]] = {}
        self.page = page
        self.now = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)

    def volume(self, volume_id: str, tags: dict[str, str] | None = None, **more: Any) -> None:
        """An unattached volume of 10 GiB."""
        whole = {"VolumeId": volume_id, "Size": 10, "State": "available", "CreateTime": CREATED, "Attachments": []}
        self.volumes[volume_id] = {**whole, "Tags": _tag_list(tags or {}), **more}

    def snapshot(self, snapshot_id: str, volume_id: str, tags: dict[str, str] | None = None, **more: Any) -> None:
        """A completed snapshot of this account."""
        whole = {"SnapshotId": snapshot_id, "VolumeId": volume_id, "State": "completed", "StartTime": CREATED, "VolumeSize": 10}
        self.snapshots[snapshot_id] = {**whole, "OwnerId": ACCOUNT, "Tags": _tag_list(tags or {}), **more}

    def describe_volumes(self, **asked: Any) -> dict[str, Any]:
        if gone := [volume_id for volume_id in asked.get("VolumeIds", ()) if volume_id not in self.volumes]:
            raise Refusal("InvalidVolume.NotFound", f"The volume '{gone[0]}' does not exist.")
        if "VolumeIds" in asked:
            return {"Volumes": [self.volumes[volume_id] for volume_id in asked["VolumeIds"]]}
        names = {"volume-id": "VolumeId", "snapshot-id": "SnapshotId", "status": "State"}
        return self._described("Volumes", self.volumes, names, asked)

    def describe_snapshots(self, **asked: Any) -> dict[str, Any]:
        names = {"volume-id": "VolumeId", "snapshot-id": "SnapshotId", "status": "State"}
        own = {key: item for key, item in self.snapshots.items() if item["OwnerId"] == ACCOUNT}
        return self._described("Snapshots", own if asked.get("OwnerIds") == ["self"] else self.snapshots, names, asked)

    def create_tags(self, **asked: Any) -> None:
        self._refuse("create_tags")
        for item in ((self.volumes | self.snapshots)[resource] for resource in asked["Resources"]):
            written = {tag["Key"]: tag["Value"] for tag in asked["Tags"]}
            item["Tags"] = _tag_list({**{tag["Key"]: tag["Value"] for tag in item["Tags"]}, **written})

    def create_snapshot(self, **asked: Any) -> dict[str, Any]:
        self._refuse("create_snapshot")
        if asked["VolumeId"] not in self.volumes:
            raise Refusal("InvalidVolume.NotFound")
        if sum(1 for item in self.snapshots.values() if item["State"] == "pending") >= PENDING_LIMIT:
            raise Refusal("PendingSnapshotLimitExceeded")
        snapshot_id = f"snap-{len(self.snapshots):08x}"
        tags = {tag["Key"]: tag["Value"] for part in asked.get("TagSpecifications", ()) for tag in part["Tags"]}
        self.snapshot(snapshot_id, asked["VolumeId"], tags, State="pending", StartTime=self.now)
        return {"SnapshotId": snapshot_id, "State": "pending"}

    def create_volume(self, **asked: Any) -> dict[str, Any]:
        self._refuse("create_volume")
        token = asked.get("ClientToken", "")
        if token in self.made:
            if self.made[token]["asked"] != asked:
                raise Refusal("IdempotentParameterMismatch")
            return {"VolumeId": self.made[token]["volume_id"], "State": "creating"}
        source = self.snapshots.get(asked["SnapshotId"])
        if source is None or source["OwnerId"] != ACCOUNT:
            raise Refusal("InvalidSnapshot.NotFound")
        if source["State"] != "completed":
            raise Refusal("IncorrectState")
        if asked["Size"] < source["VolumeSize"]:
            raise Refusal("InvalidParameterValue")
        volume_id = f"vol-{len(self.volumes) + len(self.made) + 4096:08x}"
        tags = {tag["Key"]: tag["Value"] for part in asked.get("TagSpecifications", ()) for tag in part["Tags"]}
        facts = {"Size": asked["Size"], "AvailabilityZone": asked["AvailabilityZone"], "SnapshotId": asked["SnapshotId"]}
        self.volume(volume_id, tags, State="creating", CreateTime=self.now, VolumeType=asked["VolumeType"], **facts)
        self.made[token] = {"asked": asked, "volume_id": volume_id}
        return {"VolumeId": volume_id, "State": "creating"}

    def delete_snapshot(self, **asked: Any) -> None:
        self._refuse("delete_snapshot")
        if self.snapshots.pop(asked["SnapshotId"], None) is None:
            raise Refusal("InvalidSnapshot.NotFound")

    def delete_volume(self, **asked: Any) -> None:
        self._refuse("delete_volume")
        volume = self.volumes.get(asked["VolumeId"])
        if volume is None:
            raise Refusal("InvalidVolume.NotFound")
        if volume["Attachments"]:
            raise Refusal("VolumeInUse")
        del self.volumes[asked["VolumeId"]]

    def _refuse(self, operation: str) -> None:
        if self.refusals.get(operation):
            raise Refusal(self.refusals[operation].pop(0))

    def _described(self, key: str, things: dict[str, dict[str, Any]], names: dict[str, str], asked: dict[str, Any]) -> Any:
        self._refuse(f"describe_{key.lower()}")
        if sum(len(item["Values"]) for item in asked["Filters"]) > MOST_VALUES + 1 or not asked.get("MaxResults"):
            raise Refusal("FilterLimitExceeded")
        found = [thing for _, thing in sorted(things.items()) if all(_matches(thing, item, names) for item in asked["Filters"])]
        start = int(asked.get("NextToken", "0"))
        rest = {"NextToken": str(start + self.page)} if start + self.page < len(found) else {}
        return {key: found[start : start + self.page], **rest}


def _matches(thing: dict[str, Any], asked: dict[str, Any], names: dict[str, str]) -> bool:
    name = asked["Name"]
    if name.startswith("tag:"):
        tags = {tag["Key"]: tag["Value"] for tag in thing["Tags"]}
        value = tags.get(name.removeprefix("tag:"))
    else:
        value = thing.get(names[name])
    return value is not None and any(fnmatchcase(value, pattern) for pattern in asked["Values"])


def _tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
