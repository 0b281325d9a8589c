"""What a stack does to a cluster and its nodes when the Kubernetes version rises."""

from __future__ import annotations

import time
from typing import Any

from ministack.services import autoscaling, eks
from ministack.services.cloudformation import provisioners

from local.cloud import nodes
from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend
from local.cloud.mends.eks_nodegroups import apply
from local.cloud.mends.stack_drift import is_in_sync

DRAIN_STEPS = 15


@mend
def stacks_upgrade_one_minor(cloud: Cloud, gateway: Gateway) -> None:
    """A stack gives a cluster any version, at once, and its Kubernetes API keeps the former one.

    With this it goes one minor version up, as EKS does, never down and not while a node group lags, takes a while, and the API
    tells it. A version that the cluster has already is refused too, but where a drift-aware change set saw it.
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::EKS::Cluster"]
    update = handlers["update"]

    def upgrade(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any, **more: Any) -> Any:
        cluster = eks._clusters.get(physical_id)
        wanted = str(new.get("Version") or "")
        if cluster is None or wanted in ("", str(old.get("Version") or "")) or is_in_sync(physical_id, wanted):
            return update(physical_id, old, new, *rest, **more)
        present = cluster["version"]
        if _minor(wanted) != _minor(present) + 1:
            raise _refused(f"Unsupported Kubernetes minor version update from {present} to {wanted}")
        groups = [group for key, group in eks._nodegroups.items() if key.startswith(f"{physical_id}/")]
        versions = {group["nodegroupName"]: group.get("version") for group in groups if group.get("amiType") != "CUSTOM"}
        behind = [name for name, version in versions.items() if version not in (None, "", present)]
        if behind:
            raise _refused(f"Nodegroup(s) {', '.join(behind)} must be updated to match cluster version {present} first")
        cluster["status"] = "UPDATING"
        time.sleep(cloud.step_seconds)
        cluster["status"] = "ACTIVE"
        answer = update(physical_id, old, new, *rest, **more)
        cloud.stand_in.upgrade_cluster(physical_id, wanted)
        return answer

    handlers["update"] = upgrade


@mend
def node_groups_roll(cloud: Cloud, gateway: Gateway) -> None:
    """A node group's next version or launch template changes its record only: the same nodes stay, at their former version.

    With this its nodes are replaced one after the other, as with MaxUnavailable 1, and what ran on them goes elsewhere. A pod
    that a PodDisruptionBudget holds fails the update, and the group keeps its version.
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::EKS::Nodegroup"]
    update = handlers["update"]

    def roll(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any, **more: Any) -> Any:
        before = dict(eks._nodegroups.get(f"{old.get('ClusterName', '')}/{physical_id}") or {})
        name, attributes = update(physical_id, old, new, *rest, **more)
        group = eks._nodegroups.get(f"{attributes['ClusterName']}/{name}")
        if group and before and any(before.get(key) != group.get(key) for key in ("version", "launchTemplate")):
            scaling = autoscaling._asgs[group["resources"]["autoScalingGroups"][0]["name"]]
            for instance in list(scaling["Instances"]):
                time.sleep(cloud.step_seconds / 2)
                held = _held(cloud, group["clusterName"], instance["InstanceId"])
                if held:
                    group.update(before)
                    apply(cloud, group)
                    raise _not_drained(name, held)
                scaling["Instances"].remove(instance)
                apply(cloud, group)
                nodes.end(instance["InstanceId"])
        return name, attributes

    handlers["update"] = roll


def _held(cloud: Cloud, cluster: str, instance_id: str) -> list[str]:
    """What cannot be drained: EKS tries for 15 minutes, and here it is as many steps."""
    for _ in range(DRAIN_STEPS):
        held = cloud.stand_in.held_on(cluster, instance_id)
        if not held:
            return []
        time.sleep(cloud.step_seconds)
    return held


def _not_drained(group: str, pods: list[str]) -> ValueError:
    """EKS's words, with the pods, which it does not name."""
    message = f"Reached max retries while trying to evict pods from nodes in node group {group}"
    detail = f"ErrorCode=PodEvictionFailure, ErrorMessage={message}"
    return ValueError(
        f'Resource handler returned message: "[ErrorDetail({detail}, ResourceIds=[{", ".join(pods)}])]" '
        "(HandlerErrorCode: GeneralServiceException)"
    )


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def _refused(words: str) -> ValueError:
    return ValueError(
        f'Resource handler returned message: "{words} (Service: Eks, Status Code: 400)" (HandlerErrorCode: InvalidRequest)'
    )
