"""EKS resources in CloudFormation stacks: waited for, and failing in EKS's words."""

from __future__ import annotations

import json
from typing import Any

from ministack.services import eks
from ministack.services.cloudformation import provisioners, stacks

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action
from local.cloud.mends.eks_clusters import wait_active as wait_cluster_active
from local.cloud.mends.eks_nodegroups import apply
from local.cloud.mends.eks_nodegroups import wait_active as wait_group_active


@mend
def stacks_wait_for_eks(cloud: Cloud, gateway: Gateway) -> None:
    """A stack takes EKS resources for done at once, with endpoint and CA still empty, and ignores a refused delete.

    With this it waits until cluster and node group are ACTIVE, deletes what failed half-way, hands the version, labels and
    sizes of a changed node group to its nodes, and fails with EKS's own words.
    """
    threaded = stacks._runs_on_worker_thread
    update_group = provisioners._eks_nodegroup_update

    def create_cluster(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        name = props.get("Name") or provisioners._physical_name(stack_name, logical_id, max_len=100)
        body = {"name": name, "roleArn": props.get("RoleArn"), "tags": provisioners._tag_map(props.get("Tags"))}
        body |= provisioners._eks_cluster_fields(props)
        access = props.get("AccessConfig") or {}
        if "BootstrapClusterCreatorAdminPermissions" in access:
            admin = provisioners._cfn_bool(access["BootstrapClusterCreatorAdminPermissions"])
            body["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] = admin
        _accepted("Eks", eks._create_cluster(body))
        try:
            wait_cluster_active(name)
        except ValueError:
            eks._delete_cluster(name)
            raise
        return name, provisioners._eks_cluster_attrs(eks._clusters[name])

    def delete_cluster(name: str, props: dict[str, Any]) -> None:
        _accepted("Eks", eks._delete_cluster(name), missing_is_fine=True)

    def create_group(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        cluster = props.get("ClusterName", "")
        name = props.get("NodegroupName") or provisioners._physical_name(stack_name, logical_id, max_len=63)
        body = {
            "nodegroupName": name,
            "subnets": props.get("Subnets", []),
            "nodeRole": props.get("NodeRole"),
            "instanceTypes": props.get("InstanceTypes") or ([] if props.get("LaunchTemplate") else ["t3.medium"]),
            "amiType": props.get("AmiType") or ("CUSTOM" if props.get("LaunchTemplate") else "AL2023_x86_64_STANDARD"),
            "tags": provisioners._tag_map(props.get("Tags")),
            "capacityType": props.get("CapacityType", "ON_DEMAND"),
            **({"diskSize": int(props["DiskSize"])} if props.get("DiskSize") else {}),
            **provisioners._eks_nodegroup_fields(props),
        }
        _accepted("Eks", eks._create_nodegroup(cluster, body))
        try:
            wait_group_active(cluster, name)
        except ValueError:
            eks._delete_nodegroup(cluster, name)
            raise
        return name, provisioners._eks_nodegroup_attrs(eks._nodegroups[f"{cluster}/{name}"])

    def changed_group(*args: Any, **kwargs: Any) -> tuple[str, dict[str, Any]]:
        name, attributes = update_group(*args, **kwargs)
        group = eks._nodegroups.get(f"{attributes['ClusterName']}/{name}")
        if group and group["status"] == "ACTIVE":
            apply(cloud, group)
        return name, attributes

    def delete_group(name: str, props: dict[str, Any]) -> None:
        _accepted("Eks", eks._delete_nodegroup(props.get("ClusterName", ""), name), missing_is_fine=True)

    replace_action(provisioners, provisioners._eks_cluster_create, create_cluster)
    replace_action(provisioners, provisioners._eks_cluster_delete, delete_cluster)
    replace_action(provisioners, provisioners._eks_nodegroup_create, create_group)
    replace_action(provisioners, provisioners._eks_nodegroup_delete, delete_group)
    replace_action(provisioners, update_group, changed_group)
    handlers = provisioners._RESOURCE_HANDLERS
    handlers["AWS::EKS::Cluster"] |= {"create": create_cluster, "delete": delete_cluster}
    handlers["AWS::EKS::Nodegroup"] |= {"create": create_group, "update": changed_group, "delete": delete_group}
    stacks._runs_on_worker_thread = lambda kind: kind.startswith("AWS::EKS::") or threaded(kind)


def _accepted(service: str, answer: tuple[int, Any, Any], *, missing_is_fine: bool = False) -> None:
    """Pass a good answer; raise ``ValueError`` in the words of a CloudFormation resource handler for any other."""
    status, _, content = answer
    if status < 400 or (status == 404 and missing_is_fine):
        return
    message = json.loads(content).get("message", "")
    code = {404: "NotFound", 409: "AlreadyExists"}.get(status, "InvalidRequest")
    raise ValueError(
        f'Resource handler returned message: "{message} (Service: {service}, Status Code: {status})" (HandlerErrorCode: {code})'
    )
