"""EKS clusters: what the emulator says of them becomes true in the Kubernetes stand-in."""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2, eks

from local.cloud.cloud import Cloud
from local.cloud.eks_versions import DEFAULT_VERSION, VERSIONS
from local.cloud.gateway import CALLER_ARN, Gateway
from local.cloud.mends import mend
from local.cloud.scoped import later
from local.cloud.stand_in import StandInUnreachable

log = logging.getLogger("hubplane.cloud")

Answer = tuple[int, dict[str, str], bytes]


@mend
def clusters_with_an_api(cloud: Cloud, gateway: Gateway) -> None:
    """A cluster has no Kubernetes API behind it, an empty CA, a made-up security group, and any subnets and version will do.

    With this creating asks the stand-in for endpoint and CA and takes a while, subnets and version are checked as EKS does,
    the cluster's security group exists, and deleting is refused while there are node groups.
    """
    create, delete = eks._create_cluster, eks._delete_cluster

    def create_cluster(body: dict[str, Any], creator_arn: str | None = None) -> Answer:
        name, version = body.get("name", ""), str(body.get("version") or DEFAULT_VERSION)
        refusal = _refusal(body, version)
        if refusal:
            return eks._error(400, "InvalidParameterException", refusal)
        subnets = [ec2._subnets[subnet] for subnet in body["resourcesVpcConfig"]["subnetIds"]]
        answer: Answer = create({**body, "version": version}, creator_arn or CALLER_ARN.get())
        if answer[0] >= 400:
            return answer
        cluster = eks._clusters[name]
        cluster["status"] = "CREATING"
        cluster["_hubplane"] = True
        vpc = cluster["resourcesVpcConfig"]
        vpc["vpcId"] = subnets[0]["VpcId"]
        vpc["clusterSecurityGroupId"] = _security_group(name, vpc["vpcId"])
        mode = cluster["accessConfig"].setdefault("authenticationMode", "CONFIG_MAP")
        cluster["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] = body.get("accessConfig", {}).get(
            "bootstrapClusterCreatorAdminPermissions", True
        )
        log.info("EKS cluster %s (%s) is being created", name, mode)
        later(lambda: _finish(cloud, cluster))
        return eks._json_resp(200, {"cluster": eks._sanitize(cluster)})

    def delete_cluster(name: str) -> Answer:
        cluster = eks._clusters.get(name)
        groups = [group["nodegroupName"] for key, group in eks._nodegroups.items() if key.startswith(f"{name}/")]
        if cluster and groups:
            message = f"Cluster has nodegroups attached: {', '.join(sorted(groups))}"
            return eks._error(409, "ResourceInUseException", message)
        answer: Answer = delete(name)
        if answer[0] < 400 and cluster:
            ec2._security_groups.pop(cluster["resourcesVpcConfig"]["clusterSecurityGroupId"], None)
            for key in [key for key in eks._addons if key.startswith(f"{name}/")]:
                eks._addons.pop(key)
            cloud.stand_in.delete_cluster(name)
        return answer

    eks._create_cluster = create_cluster
    eks._delete_cluster = delete_cluster
    # Without Docker the emulator declares a cluster ACTIVE in a thread of its own; _finish does that here.
    eks.threading = _NoBackgroundStart()


class _NoBackgroundStart:
    """The ``threading`` module as the emulator's EKS sees it, without the thread that would start k3s."""

    def Thread(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802  stands in for threading.Thread
        thread = threading.Thread(*args, **kwargs)
        if str(kwargs.get("name", "")).startswith("eks-"):
            thread.run = lambda: None
        return thread

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)


def wait_active(name: str, seconds: float = 60) -> None:
    """Wait until a cluster is ACTIVE. Raises ``ValueError`` when it failed or took too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        cluster = eks._clusters.get(name)
        if cluster is None or cluster["status"] == "FAILED":
            raise ValueError(f"Resource handler returned message: cluster {name}: {(cluster or {}).get('_failure', 'is gone')}")
        if cluster["status"] == "ACTIVE":
            return
        time.sleep(0.05)
    raise ValueError(f"Resource handler returned message: Exceeded attempts to wait for cluster {name}")


def _finish(cloud: Cloud, cluster: dict[str, Any]) -> None:
    name = cluster["name"]
    time.sleep(cloud.step_seconds)
    try:
        made = cloud.stand_in.create_cluster(name, cluster["version"], get_region(), get_account_id())
        cluster["endpoint"] = made["endpoint"]
        cluster["certificateAuthority"]["data"] = made["certificate_authority_data"]
    except StandInUnreachable as error:
        log.warning("%s", error)
        cluster.update(status="FAILED", _failure=str(error))
        cluster["health"] = {"issues": [{"code": "InternalFailure", "message": str(error), "resourceIds": [name]}]}
        return
    cluster["status"] = "ACTIVE"
    for entry in [entry for key, entry in eks._access_entries.items() if key.startswith(f"{name}\x00")]:
        eks._hubplane_forward_access(name, entry["principalArn"])


def _refusal(body: dict[str, Any], version: str) -> str | None:
    subnet_ids = (body.get("resourcesVpcConfig") or {}).get("subnetIds") or []
    missing = [subnet for subnet in subnet_ids if subnet not in ec2._subnets]
    if missing:
        return f"The subnet ID '{missing[0]}' does not exist (Service: AmazonEC2; Error Code: InvalidSubnetID.NotFound)"
    if len({ec2._subnets[subnet]["AvailabilityZone"] for subnet in subnet_ids}) < 2:
        return "Subnets specified must be in at least two different AZs"
    if version not in VERSIONS:
        return f"unsupported Kubernetes version {version}"
    return None


def _security_group(cluster: str, vpc_id: str) -> str:
    name = f"eks-cluster-sg-{cluster}-{int(time.time())}"
    parameters = {
        "GroupName": [name],
        "GroupDescription": ["EKS created security group applied to ENI that is attached to EKS Control Plane master nodes"],
        "VpcId": [vpc_id],
        "TagSpecification.1.ResourceType": ["security-group"],
        "TagSpecification.1.Tag.1.Key": [f"kubernetes.io/cluster/{cluster}"],
        "TagSpecification.1.Tag.1.Value": ["owned"],
        "TagSpecification.1.Tag.2.Key": ["aws:eks:cluster-name"],
        "TagSpecification.1.Tag.2.Value": [cluster],
    }
    status, _, content = ec2._create_security_group(parameters)
    if status >= 400:
        raise ValueError(f"security group of cluster {cluster}: {json.dumps(content.decode())}")
    return next(group["GroupId"] for group in ec2._security_groups.values() if group["GroupName"] == name)
