"""The instances behind node groups, from the emulator's own autoscaling and EC2 records."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from ministack.services import autoscaling, ec2, eks

CLUSTER_TAG = "eks:cluster-name"
GROUP_TAG = "eks:nodegroup-name"
ACTIVITIES = "_activities"
"""Under this key an Auto Scaling group keeps its activities, the newest first."""

short_types: set[str] = set()
"""Instance types of which EC2 has none left (control call ``ec2/shortage``)."""


def group_tags(group: dict[str, Any]) -> dict[str, str]:
    """The tags of an Auto Scaling group by key."""
    return {tag["Key"]: tag["Value"] for tag in group.get("Tags", [])}


def reconcile(group: dict[str, Any], instance_type: str = "", image_id: str = "") -> None:
    """Give the group as many EC2 instances as it desires, in its subnets' zones; end those that are too many.

    Where EC2 has none of the type, an activity of the group fails, and it stays too small.
    """
    wanted = group["DesiredCapacity"]
    for surplus in group["Instances"][wanted:]:
        end(surplus["InstanceId"])
    del group["Instances"][wanted:]
    subnets = [subnet for subnet in group["VPCZoneIdentifier"].split(",") if subnet in ec2._subnets]
    while len(group["Instances"]) < wanted:
        subnet_id = subnets[len(group["Instances"]) % len(subnets)]
        zone = ec2._subnets[subnet_id]["AvailabilityZone"]
        kind = instance_type or group.get("_instance_type", "m5.large")
        if kind in short_types:
            _note(group, "Failed", NO_CAPACITY.format(kind=kind, zone=zone))
            return
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
        _note(group, "Successful", "")


# As Auto Scaling tells it (EC2 Auto Scaling user guide, "Troubleshoot Amazon EC2 Auto Scaling: EC2 instance launch failures").
NO_CAPACITY = (
    "Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient {kind} capacity in "
    "the Availability Zone you requested ({zone}). Our system will be working on provisioning additional capacity. Launching EC2 "
    "instance failed."
)


def _note(group: dict[str, Any], status: str, message: str) -> None:
    entry = {"ActivityId": str(uuid4()), "StatusCode": status, "StatusMessage": message, "StartTime": time.time()}
    group[ACTIVITIES] = [entry, *group.get(ACTIVITIES, [])][:100]


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


def lets_balancers_in(instance_id: str, port: int) -> bool:
    """Whether a security group of the node's launch template has a rule for the port that is not for its own members only.

    A node group without a template wears the cluster's group, which lets in whatever is not asked about here.
    """
    group = next((one for one in autoscaling._asgs.values() if _holds(one, instance_id)), {})
    tags = group_tags(group)
    node_group = eks._nodegroups.get(f"{tags.get(CLUSTER_TAG)}/{tags.get(GROUP_TAG)}", {})
    group_ids = [str(one) for one in template_data(node_group).get("SecurityGroupIds") or ()]
    rules = [(one, rule) for one in group_ids for rule in ec2._security_groups.get(one, {}).get("IpPermissions", [])]
    return not group_ids or any(_covers(rule, port) and _admits_others(one, rule) for one, rule in rules)


def _holds(group: dict[str, Any], instance_id: str) -> bool:
    return any(instance["InstanceId"] == instance_id for instance in group["Instances"])


def _covers(rule: dict[str, Any], port: int) -> bool:
    protocol = str(rule.get("IpProtocol"))
    return protocol == "-1" or (
        protocol in ("tcp", "6") and int(rule.get("FromPort", 0)) <= port <= int(rule.get("ToPort", 65535))
    )


def _admits_others(group_id: str, rule: dict[str, Any]) -> bool:
    pairs = rule.get("UserIdGroupPairs") or ()
    return bool(rule.get("IpRanges")) or any(pair.get("GroupId") != group_id for pair in pairs)


def template_data(group: dict[str, Any]) -> dict[str, Any]:
    """What a node group's launch template says in the version it uses; empty without one."""
    wanted = group.get("launchTemplate") or {}
    for record in ec2._launch_templates.values():
        if wanted.get("id") == record["LaunchTemplateId"] or wanted.get("name") == record["LaunchTemplateName"]:
            number = str(wanted.get("version") or record.get("DefaultVersionNumber", 1))
            for version in record.get("Versions", record.get("versions", [])):
                if str(version["VersionNumber"]) == number:
                    return dict(version.get("LaunchTemplateData", {}))
    return {}
