"""The CloudFormation template of one cluster, as literal values.

Values rather than CloudFormation parameters, because a template then says everything by itself: what is deployed is read
with one GetTemplate, a change set names the property that changed and not a parameter behind it, node groups can be a list,
and an existing log group can be taken over, which CloudFormation does only for names written as text.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hubplane.domain.cluster_spec.model import ClusterSpec, NodeGroup
from hubplane.domain.cluster_stack.substitution import ABSENT, rename, substitute
from hubplane.domain.errors import AccountNotReady, SpecInvalid

# What cluster.yaml holds once and every node group needs for itself.
PER_NODE_GROUP = ("NodeLaunchTemplate", "NodeGroup")

# Tags are a list of Key and Value, except here (CloudFormation resource schemas, property Tags).
TAGS_AS_MAP = frozenset({"AWS::EKS::Nodegroup"})
LAUNCH_TEMPLATE = "AWS::EC2::LaunchTemplate"

# Kubernetes wants exactly one group with the cluster's tag on a node, and EKS's own group has it already: with two of them
# a Service of type LoadBalancer fails with "Multiple tagged security groups found for instance" (kubernetes#73906).
WITHOUT_CLUSTER_TAG = frozenset({"NodeSecurityGroup"})

# CloudFormation quotas: template body in a request.
LARGEST_TEMPLATE_BYTES = 51_200

# Where EKS itself takes service addresses from, in its order; the last is for a VPC that overlaps with both.
SERVICE_CIDRS = ("10.100.0.0/16", "172.20.0.0/16", "192.168.0.0/16")

# Spec (as Kubernetes writes it) -> EKS API, shape TaintEffect.
TAINT_EFFECTS = {"NoSchedule": "NO_SCHEDULE", "PreferNoSchedule": "PREFER_NO_SCHEDULE", "NoExecute": "NO_EXECUTE"}


@dataclass(frozen=True)
class StackFacts:
    """What the specification does not say.

    ``service_cidr`` is the range of Kubernetes services (``choose_service_cidr``). ``desired_sizes`` holds, per node group
    that exists, the number of servers to declare (``scaling.settle_desired_size``); a new group starts with the
    specification's. ``hub_may_invoke``: the ARNs of the functions that the hub asks about homes, its only rights.
    """

    service_cidr: str
    hub_may_invoke: tuple[str, ...]
    desired_sizes: Mapping[str, int] = field(default_factory=dict)


def render_cluster_template(base: Mapping[str, Any], spec: ClusterSpec, facts: StackFacts) -> dict[str, Any]:
    """The template of the cluster's stack. ``base`` is cluster.yaml as parsed; the same input gives the same output."""
    values = _cluster_values(spec, facts)
    resources: dict[str, Any] = {}
    for logical_id, resource in base["Resources"].items():
        if logical_id in PER_NODE_GROUP:
            for group in spec.node_groups:
                resources[f"{logical_id}{logical_id_suffix(group.name)}"] = _node_resource(resource, group, values, facts)
        else:
            resources[logical_id] = substitute(resource, values)
    for logical_id, resource in resources.items():
        _add_tags(logical_id, resource, spec)
    return {
        "AWSTemplateFormatVersion": base["AWSTemplateFormatVersion"],
        "Description": base["Description"],
        "Resources": resources,
        "Outputs": substitute(base["Outputs"], values),
    }


def template_body(template: Mapping[str, Any]) -> str:
    """The template as CloudFormation takes it: the same template gives the same bytes. Raises ``SpecInvalid`` if too long."""
    body = json.dumps(template, sort_keys=True, separators=(",", ":"))
    size = len(body.encode())
    if size > LARGEST_TEMPLATE_BYTES:
        raise SpecInvalid(
            f"the cluster's CloudFormation template has {size} bytes, CloudFormation takes {LARGEST_TEMPLATE_BYTES}: "
            "node_groups and tags make it long, so have fewer of them, or another cluster"
        )
    return body


def stack_tags(spec: ClusterSpec) -> dict[str, str]:
    """Tags of the stack itself. CloudFormation hands them down, so the cluster's Kubernetes tag must not be among them."""
    return {**spec.tags, "hubplane:cluster": spec.cluster_name}


def logical_id_suffix(group_name: str) -> str:
    """The end of the logical ids of a node group: letters and digits only, and different for different names."""
    readable = "".join(part.capitalize() for part in re.split(r"[^a-zA-Z0-9]+", group_name))
    if re.fullmatch(r"[a-z][a-z0-9]*", group_name):
        return readable
    return readable + hashlib.sha256(group_name.encode()).hexdigest()[:6]


def deployed_service_cidr(deployed: Mapping[str, Any] | None) -> str | None:
    """The range of Kubernetes services in the deployed template, None where there is none."""
    cluster = (deployed or {}).get("Resources", {}).get("Cluster", {}).get("Properties", {})
    cidr: str | None = cluster.get("KubernetesNetworkConfig", {}).get("ServiceIpv4Cidr")
    return cidr


def choose_service_cidr(vpc_cidr_blocks: Iterable[str]) -> str:
    """The range of Kubernetes services of a new cluster: the first of ``SERVICE_CIDRS`` that the VPC does not use.

    For a cluster that exists take ``deployed_service_cidr``: another range means another cluster. Raises
    ``AccountNotReady`` if the VPC uses all of them.
    """
    blocks = [ipaddress.ip_network(block) for block in vpc_cidr_blocks]
    for cidr in SERVICE_CIDRS:
        if not any(ipaddress.ip_network(cidr).overlaps(block) for block in blocks):
            return cidr
    raise AccountNotReady(
        f"the VPC's ranges ({', '.join(map(str, blocks))}) overlap with each range that Kubernetes services could have "
        f"({', '.join(SERVICE_CIDRS)}): use a VPC that leaves one of them free"
    )


def _cluster_values(spec: ClusterSpec, facts: StackFacts) -> dict[str, Any]:
    return {
        "ClusterName": spec.cluster_name,
        "KubernetesVersion": spec.kubernetes_version,
        "VpcId": spec.network.vpc_id,
        "SubnetIds": spec.network.subnet_ids,
        "ActiveSubnetIds": spec.network.active_subnet_ids,
        "LoadBalancerCidr": spec.network.load_balancer_cidr,
        "NodePort": spec.hub.node_port,
        "CertificateArn": spec.hub.certificate_arn,
        "LogRetentionDays": spec.log_retention_days,
        "ServiceCidr": facts.service_cidr,
        "HubFunctionArns": facts.hub_may_invoke,
        "NodeGroupNames": ",".join(f"{spec.cluster_name}-{group.name}" for group in spec.node_groups),
    }


def _node_resource(
    resource: Mapping[str, Any], group: NodeGroup, cluster_values: Mapping[str, Any], facts: StackFacts
) -> dict[str, Any]:
    suffix = logical_id_suffix(group.name)
    values = {
        **cluster_values,
        "NodeGroupName": group.name,
        "InstanceType": group.instance_type,
        "VolumeSizeGib": group.volume_size_gib,
        "AmiId": group.ami_id or ABSENT,
        "AmiType": ABSENT if group.ami_id else group.ami_type,
        "KubernetesVersion": ABSENT if group.ami_id else cluster_values["KubernetesVersion"],
        "KubeletFlags": json.dumps(_kubelet_flags(cluster_values["ClusterName"], group)),
        "MinSize": group.min_size,
        "DesiredSize": facts.desired_sizes.get(group.name, group.desired_size),
        "MaxSize": group.max_size,
    }
    rendered: dict[str, Any] = substitute(rename(resource, {name: name + suffix for name in PER_NODE_GROUP}), values)
    properties = rendered["Properties"]
    if rendered["Type"] == LAUNCH_TEMPLATE:
        if not group.ami_id:
            del properties["LaunchTemplateData"]["UserData"]
        return rendered
    if group.labels:
        properties["Labels"] = dict(group.labels)
    if group.taints:
        properties["Taints"] = [
            {"Key": taint.key, "Effect": TAINT_EFFECTS[taint.effect], **({"Value": taint.value} if taint.value else {})}
            for taint in group.taints
        ]
    return rendered


def _kubelet_flags(cluster_name: str, group: NodeGroup) -> list[str]:
    """Labels and taints from a node's first moment: EKS adds them half a minute after it joins (containers-roadmap#1962)."""
    labels = {**group.labels, "eks.amazonaws.com/nodegroup": f"{cluster_name}-{group.name}"}
    flags = ["--node-labels=" + ",".join(f"{key}={value}" for key, value in sorted(labels.items()))]
    if group.taints:
        flags.append("--register-with-taints=" + ",".join(f"{t.key}={t.value}:{t.effect}" for t in group.taints))
    return flags


def _add_tags(logical_id: str, resource: dict[str, Any], spec: ClusterSpec) -> None:
    owned = {f"kubernetes.io/cluster/{spec.cluster_name}": "owned"}
    found = stack_tags(spec)
    properties = resource["Properties"]
    if resource["Type"] == LAUNCH_TEMPLATE:
        named = {"Name": properties["LaunchTemplateName"]}
        properties["TagSpecifications"] = [_tag_specification("launch-template", {**found, **owned})]
        properties["LaunchTemplateData"]["TagSpecifications"] = [
            _tag_specification("instance", {**found, **owned, **named}),
            # No cluster tag on a node's own disk: that tag is how the storage day finds homes.
            _tag_specification("volume", {**found, **named}),
        ]
        return
    tags = found if logical_id in WITHOUT_CLUSTER_TAG else {**found, **owned}
    properties["Tags"] = dict(sorted(tags.items())) if resource["Type"] in TAGS_AS_MAP else _tag_list(tags)


def _tag_specification(resource_type: str, tags: Mapping[str, str]) -> dict[str, Any]:
    return {"ResourceType": resource_type, "Tags": _tag_list(tags)}


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
