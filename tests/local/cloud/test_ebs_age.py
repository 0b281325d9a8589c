"""Time that a test lets pass for a volume, without waiting."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.local.cloud.running import RunningCloud
from tests.local.cloud.test_control import ask


def test_a_volume_becomes_older(cloud: RunningCloud) -> None:
    ec2 = cloud.client("ec2")
    made = ec2.create_volume(AvailabilityZone="us-east-1d", Size=1)
    assert ask(cloud, "POST", "ebs/age", {"volume_id": made["VolumeId"], "seconds": 1800})[0] == 200
    (found,) = ec2.describe_volumes(VolumeIds=[made["VolumeId"]])["Volumes"]
    assert timedelta(minutes=29) < made["CreateTime"] - found["CreateTime"] < timedelta(minutes=31)


@pytest.mark.parametrize("given", [{}, {"volume_id": "vol-0123456789abcdef0", "seconds": 1}, {"volume_id": 1, "seconds": 1}])
def test_what_is_malformed_or_unknown_is_refused(cloud: RunningCloud, given: dict[str, object]) -> None:
    status, answer = ask(cloud, "POST", "ebs/age", given)
    assert status == 400
    assert "volume" in answer["message"]
