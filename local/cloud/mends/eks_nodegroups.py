"""EKS node groups: an Auto Scaling group with instances, and nodes in the stand-in."""

from __future__ import annotations

import re
import time
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import autoscaling, ec2, eks

from local.cloud import nodes, seed
from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action
from local.cloud.scoped import later

Answer = tuple[int, dict[str, str], bytes]


@mend
def node_groups_have_nodes(cloud: Cloud, gateway: Gateway) -> None:
    """A node group is ACTIVE at once, its Auto Scaling group does not exist, and no node appears.

    With this it is CREATING for a while, its Auto Scaling group has instances in the zone of its subnets, and the stand-in is
    told its size, zone, labels and taints when it is created, changed, scaled or deleted.
    """
    create, delete = eks._create_nodegroup, eks._delete_nodegroup
    reconcile, delete_asg = autoscaling._reconcile_instances, autoscaling._delete_asg

    def create_group(cluster_name: str, body: dict[str, Any]) -> Answer:
        refusal = _refusal(cluster_name, body)
        if refusal:
            return eks._error(*refusal)
        answer: Answer = create(cluster_name, body)
        if answer[0] >= 400:
            return answer
        group = eks._nodegroups[f"{cluster_name}/{body['nodegroupName']}"]
        for field in ("launchTemplate", "updateConfig", "remoteAccess"):
            if body.get(field):
                group[field] = body[field]
        group["status"] = "CREATING"
        group["resources"] = {"autoScalingGroups": [{"name": f"eks-{group['nodegroupName']}-{new_uuid()}"}]}
        later(lambda: _finish(cloud, group))
        return eks._json_resp(200, {"nodegroup": group})

    def delete_group(cluster_name: str, name: str) -> Answer:
        group = eks._nodegroups.get(f"{cluster_name}/{name}")
        answer: Answer = delete(cluster_name, name)
        if group:
            for scaling in group["resources"]["autoScalingGroups"]:
                delete_scaling({"AutoScalingGroupName": scaling["name"]})
            cloud.stand_in.delete_node_group(cluster_name, name)
        return answer

    def reconcile_instances(scaling: dict[str, Any]) -> None:
        cluster_name = nodes.group_tags(scaling).get(nodes.CLUSTER_TAG)
        if cluster_name is None:
            reconcile(scaling)
            return
        if not scaling.get("_follows"):
            return
        group = eks._nodegroups.get(f"{cluster_name}/{nodes.group_tags(scaling)[nodes.GROUP_TAG]}")
        if group is None:
            return
        group["scalingConfig"]["desiredSize"] = scaling["DesiredCapacity"]
        apply(cloud, group)

    def delete_scaling(parameters: dict[str, Any]) -> Any:
        found = autoscaling._asgs.get(parameters.get("AutoScalingGroupName"))
        for instance in (found or {}).get("Instances", []):
            nodes.end(instance["InstanceId"])
        return delete_asg(parameters)

    eks._create_nodegroup = create_group
    eks._delete_nodegroup = delete_group
    eks._hubplane_apply_group = lambda group: apply(cloud, group)
    autoscaling._reconcile_instances = reconcile_instances
    replace_action(autoscaling, delete_asg, delete_scaling)


def apply(cloud: Cloud, group: dict[str, Any]) -> None:
    """Make Auto Scaling group and stand-in as the node group says."""
    name = group["resources"]["autoScalingGroups"][0]["name"]
    scaling = autoscaling._asgs.get(name) or _scaling_group(name, group)
    config = group["scalingConfig"]
    scaling.update(
        MinSize=int(config.get("minSize", 0)),
        MaxSize=int(config.get("maxSize", 2)),
        DesiredCapacity=int(config.get("desiredSize", 1)),
    )
    kind = instance_type(group)
    image_id = str(nodes.template_data(group).get("ImageId") or "")
    nodes.reconcile(scaling, kind, image_id)
    group["releaseVersion"] = image_id or group.get("releaseVersion")  # "the AMI ID", EKS API, Nodegroup
    cloud.stand_in.put_node_group(
        group["clusterName"],
        group["nodegroupName"],
        {
            "desired": len(scaling["Instances"]),
            "instance_type": kind,
            "zone": ec2._subnets[group["subnets"][0]]["AvailabilityZone"],
            "labels": {"eks.amazonaws.com/nodegroup": group["nodegroupName"], **group["labels"]},
            "taints": group["taints"],
            "instance_ids": [instance["InstanceId"] for instance in scaling["Instances"]],
            "version": _version_of(image_id) or str(group.get("version") or ""),
        },
    )


def _version_of(image_id: str) -> str:
    """The Kubernetes version that a seeded image of EKS is for, "" for another: a kubelet comes with its image."""
    made_for = (re.search(r"k8s: (\d+\.\d+)", image.description) for image in seed.eks_images() if image.image_id == image_id)
    return next((found[1] for found in made_for if found), "")


def instance_type(group: dict[str, Any]) -> str:
    """The type of the group's instances: its launch template's, or the first of its own."""
    template = nodes.template_data(group)
    return str(template.get("InstanceType") or (group.get("instanceTypes") or ["t3.medium"])[0])


def wait_active(cluster_name: str, name: str, seconds: float = 60) -> None:
    """Wait until a node group is ACTIVE. Raises ``ValueError`` when it failed or took too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        group = eks._nodegroups.get(f"{cluster_name}/{name}")
        if group is None or group["status"] == "CREATE_FAILED":
            issues = (group or {}).get("health", {}).get("issues", [])
            words = "; ".join(issue["message"] for issue in issues) or "it is gone"
            raise ValueError(f"Resource handler returned message: [Issue(Message={words}, ResourceIds=[{name}])]")
        if group["status"] == "ACTIVE":
            return
        time.sleep(0.05)
    raise ValueError(f"Resource handler returned message: Exceeded attempts to wait for node group {name}")


def _finish(cloud: Cloud, group: dict[str, Any]) -> None:
    time.sleep(cloud.step_seconds)
    try:
        apply(cloud, group)
        scaling = autoscaling._asgs[group["resources"]["autoScalingGroups"][0]["name"]]
        if len(scaling["Instances"]) < scaling["DesiredCapacity"]:
            raise ValueError(scaling[nodes.ACTIVITIES][0]["StatusMessage"])
    except Exception as error:
        group["health"]["issues"].append({"code": "NodeCreationFailure", "message": str(error), "resourceIds": []})
        group["status"] = "CREATE_FAILED"
        raise
    group["status"] = "ACTIVE"


def _refusal(cluster_name: str, body: dict[str, Any]) -> tuple[int, str, str] | None:
    cluster = eks._clusters.get(cluster_name)
    if cluster is not None and cluster["status"] != "ACTIVE":
        return 400, "InvalidRequestException", f"Cluster '{cluster_name}' is not in ACTIVE status"
    missing = [subnet for subnet in body.get("subnets", []) if subnet not in ec2._subnets]
    if missing or not body.get("subnets"):
        return 400, "InvalidParameterException", f"Subnets are not valid: {missing or 'none given'}"
    sizes = {"minSize": 1, "maxSize": 2, "desiredSize": 1} | (body.get("scalingConfig") or {})
    if not int(sizes["minSize"]) <= int(sizes["desiredSize"]) <= int(sizes["maxSize"]):
        return 400, "InvalidParameterException", f"desired capacity {sizes['desiredSize']} must be within min and max size"
    return None


def _scaling_group(name: str, group: dict[str, Any]) -> dict[str, Any]:
    cluster = group["clusterName"]
    tags = {
        nodes.CLUSTER_TAG: cluster,
        nodes.GROUP_TAG: group["nodegroupName"],
        f"kubernetes.io/cluster/{cluster}": "owned",
        f"k8s.io/cluster-autoscaler/{cluster}": "owned",
        "k8s.io/cluster-autoscaler/enabled": "true",
    }
    zones = [ec2._subnets[subnet]["AvailabilityZone"] for subnet in group["subnets"]]
    parameters = {"AutoScalingGroupName": name, "VPCZoneIdentifier": ",".join(group["subnets"]), "MinSize": "0"}
    parameters |= {f"AvailabilityZones.member.{index}": zone for index, zone in enumerate(zones, 1)}
    for index, (key, value) in enumerate(tags.items(), 1):
        parameters |= {f"Tags.member.{index}.Key": key, f"Tags.member.{index}.Value": value}
    autoscaling._create_asg(parameters)
    found: dict[str, Any] = autoscaling._asgs[name]
    found["_follows"] = True
    return found
