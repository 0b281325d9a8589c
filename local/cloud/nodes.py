"""The instances behind node groups, from the emulator's own autoscaling and EC2 records."""

from __future__ import annotations

from typing import Any

from ministack.services import autoscaling, ec2

CLUSTER_TAG = "eks:cluster-name"
GROUP_TAG = "eks:nodegroup-name"


def group_tags(group: dict[str, Any]) -> dict[str, str]:
    """The tags of an Auto Scaling group by key."""
    return {tag["Key"]: tag["Value"] for tag in group.get("Tags", [])}


def reconcile(group: dict[str, Any], instance_type: str = "", image_id: str = "") -> None:
    """Give the group as many EC2 instances as it desires, in its subnets' zones; end those that are too many."""
    wanted = group["DesiredCapacity"]
    for surplus in group["Instances"][wanted:]:
        end(surplus["InstanceId"])
    del group["Instances"][wanted:]
    subnets = [subnet for subnet in group["VPCZoneIdentifier"].split(",") if subnet in ec2._subnets]
    while len(group["Instances"]) < wanted:
        subnet_id = subnets[len(group["Instances"]) % len(subnets)]
        zone = ec2._subnets[subnet_id]["AvailabilityZone"]
        kind = instance_type or group.get("_instance_type", "m5.large")
        instance = ec2._launch_instances_internal(image_id or group.get("_image_id", ""), kind, subnet_id, 1)[0]
        instance["Placement"]["AvailabilityZone"] = zone
        for mapping in instance["BlockDeviceMappings"]:
            ec2._volumes[mapping["Ebs"]["VolumeId"]]["AvailabilityZone"] = zone
        tags = group_tags(group) | {"aws:autoscaling:groupName": group["AutoScalingGroupName"]}
        ec2._tags[instance["InstanceId"]] = [{"Key": key, "Value": value} for key, value in tags.items()]
        group["Instances"].append(
            {
                "InstanceId": instance["InstanceId"],
                "LifecycleState": "InService",
                "HealthStatus": "Healthy",
                "AvailabilityZone": zone,
                "ProtectedFromScaleIn": False,
                "LaunchTemplate": group.get("LaunchTemplate") or {},
                "LaunchConfigurationName": "",
            }
        )


def end(instance_id: str) -> None:
    """Terminate an instance; its root volume goes with it, others are free again."""
    instance = ec2._instances.pop(instance_id, None)
    for mapping in (instance or {}).get("BlockDeviceMappings", []):
        ec2._volumes.pop(mapping["Ebs"]["VolumeId"], None)
    ec2._tags.pop(instance_id, None)
    for volume in ec2._volumes.values():
        if any(attachment["InstanceId"] == instance_id for attachment in volume["Attachments"]):
            volume.update(Attachments=[], State="available")


def cluster_of(instance_id: str) -> str | None:
    """The EKS cluster whose node this instance is, or None."""
    for group in autoscaling._asgs.values():
        if any(instance["InstanceId"] == instance_id for instance in group["Instances"]):
            return group_tags(group).get(CLUSTER_TAG)
    return None
