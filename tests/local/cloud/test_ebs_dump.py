"""``GET /_hubplane/ebs`` tells everything that a storage day could have touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.local.cloud.running import ACCOUNT_ID, REGION, RunningCloud, running_cloud
from tests.local.cloud.test_control import ask

VOLUME = {
    "volume_id": "vol-0123456789abcdef0",
    "size_gib": 30,
    "created_at": "2026-01-02T03:04:05.000Z",
    "zone": f"{REGION}d",
    "volume_type": "gp2",
    "attached_to": "i-0123456789abcdef0",
    "source_snapshot_id": "snap-0123456789abcdef1",
    "tags": {"Name": "a home", "empty": ""},
}
SNAPSHOT = {
    "snapshot_id": "snap-0123456789abcdef0",
    "volume_id": "vol-0aaaaaaaaaaaaaaaa",
    "size_gib": 12,
    "started_at": "2025-12-31T23:59:59.500Z",
    "state": "error",
    "description": "of a volume that is gone",
    "owner_id": "111111111111",
    "tags": {"KubernetesCluster": "hub"},
}


def dumped(cloud: RunningCloud) -> Any:
    status, found = ask(cloud, "GET", "ebs")
    assert status == 200, found
    return found


def test_what_is_planted_is_told_word_for_word_and_can_be_planted_again(cloud: RunningCloud, tmp_path: Path) -> None:
    assert ask(cloud, "POST", "ebs/seed", {"volumes": [VOLUME], "snapshots": [SNAPSHOT]})[0] == 200
    found = dumped(cloud)
    assert found == {"volumes": [{**VOLUME, "state": "in-use"}], "snapshots": [SNAPSHOT]}
    with running_cloud(tmp_path) as other:
        assert dumped(other) == {"volumes": [], "snapshots": []}
        assert ask(other, "POST", "ebs/seed", found)[0] == 200
        assert dumped(other) == found


def test_a_reading_changes_nothing_and_any_change_shows(cloud: RunningCloud) -> None:
    ec2 = cloud.client("ec2")
    before = dumped(cloud)
    assert dumped(cloud) == before
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}d", Size=2)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume, Description="last")["SnapshotId"]
    (made,) = [item for item in dumped(cloud)["volumes"] if item["volume_id"] == volume]
    assert (made["state"], made["attached_to"], made["source_snapshot_id"], made["tags"]) == ("available", None, None, {})
    ec2.create_tags(Resources=[volume], Tags=[{"Key": "hubplane:deleting", "Value": "run"}])
    (made,) = [item for item in dumped(cloud)["volumes"] if item["volume_id"] == volume]
    assert made["tags"] == {"hubplane:deleting": "run"}

    ec2.delete_volume(VolumeId=volume)
    after = dumped(cloud)
    assert after["volumes"] == before["volumes"]
    (kept,) = [item for item in after["snapshots"] if item["snapshot_id"] == snapshot]
    assert (kept["volume_id"], kept["size_gib"], kept["owner_id"], kept["description"]) == (volume, 2, ACCOUNT_ID, "last")
    ec2.delete_snapshot(SnapshotId=snapshot)
    assert dumped(cloud) == before
