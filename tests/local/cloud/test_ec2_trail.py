"""Attaching and detaching is told on the default bus as CloudTrail tells it."""

from __future__ import annotations

from pathlib import Path

from hubplane.domain.storage.trail import use_event_of
from tests.local.cloud.running import REGION, RunningCloud, running_cloud
from tests.local.cloud.test_ebs import heard, listening, refused

PATTERN = {
    "source": ["aws.ec2"],
    "detail-type": ["AWS API Call via CloudTrail"],
    "detail": {"eventName": ["AttachVolume", "DetachVolume"]},
}


def instance_and_volume(cloud: RunningCloud) -> tuple[str, str]:
    ec2 = cloud.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    instance = ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0]
    zone = instance["Placement"]["AvailabilityZone"]
    return instance["InstanceId"], ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]


def test_attaching_and_detaching_is_told(cloud: RunningCloud) -> None:
    ec2, queue = cloud.client("ec2"), listening(cloud, "trail", PATTERN)
    instance, volume = instance_and_volume(cloud)
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/xvdba")
    assert refused(ec2.attach_volume, VolumeId=volume, InstanceId=instance, Device="/dev/xvdbb") == "VolumeInUse"
    ec2.detach_volume(VolumeId=volume)
    events = sorted(heard(cloud, queue, 3), key=lambda event: (event["detail"]["eventName"], "errorCode" in event["detail"]))
    attach, failed, detach = (event["detail"] for event in events)
    assert attach["requestParameters"] == {"volumeId": volume, "instanceId": instance, "device": "/dev/xvdba"}
    assert failed["errorCode"] == "Client.VolumeInUse"
    assert detach["requestParameters"] == {"volumeId": volume}
    assert attach["awsRegion"] == REGION
    uses = [use_event_of(event) for event in events]
    assert [(use.volume_id, use.kind) if use else None for use in uses] == [(volume, "attach"), None, (volume, "detach")]


def test_without_the_mend_nothing_is_told(tmp_path: Path) -> None:
    with running_cloud(tmp_path, skip_mends="attachments_are_on_the_trail,snapshots_take_time") as unmended:
        ec2, queue = unmended.client("ec2"), listening(unmended, "trail", PATTERN)
        instance, volume = instance_and_volume(unmended)
        ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/xvdba")
        assert "Messages" not in unmended.client("sqs").receive_message(QueueUrl=queue)
