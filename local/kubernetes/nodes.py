"""Node groups: Node objects as a managed node group's instances register them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.subresources import is_held
from local.kubernetes.api.writer import WriteOptions, Writer
from local.kubernetes.store import Object, Store, now_text

NODES, CSI_NODES, PODS = BY_NAME["nodes"], BY_NAME["csinodes.storage.k8s.io"], BY_NAME["pods"]
DRIVER, NODE_ID = "ebs.csi.aws.com", "csi.volume.kubernetes.io/nodeid"
NODE_GROUP_LABEL = "eks.amazonaws.com/nodegroup"
VOLUMES_PER_NODE = 26
"""28 attachments of a Nitro instance, less an interface and the root volume (EC2 user guide, "Amazon EBS volume limits")."""
_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
_CPUS_OF_SIZE = {"nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4}
_GIB_PER_CPU = {"c": 2, "m": 4, "t": 4, "r": 8, "x": 16, "g": 4, "p": 8}
"""Memory per virtual CPU of EC2's families (EC2 instance types documentation); burstable small sizes are rounded up."""


@dataclass(frozen=True)
class NodeGroup:
    """A wanted node group; ``version``: of its next kubelets, "" for the cluster's. ``read`` raises ``ValueError`` for a request
    that cannot be met."""

    name: str
    desired: int
    instance_type: str
    zone: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, str]] = ()
    instance_ids: Sequence[str] = ()
    version: str = ""

    @classmethod
    def read(cls, name: str, body: Mapping[str, Any]) -> NodeGroup:
        """The node group a control request describes."""
        desired = body.get("desired")
        if not isinstance(desired, int) or isinstance(desired, bool) or desired < 0:
            raise ValueError(f"desired: found {desired!r}; it must be a whole number from 0")
        for wanted in ("instance_type", "zone"):
            if not isinstance(body.get(wanted), str) or not body[wanted]:
                raise ValueError(f"{wanted}: found {body.get(wanted)!r}; it must be a string such as m5.large or us-east-1a")
        ids = body.get("instance_ids") or ()
        if ids and (not isinstance(ids, list) or len(ids) != desired or not all(isinstance(one, str) for one in ids)):
            raise ValueError(f"instance_ids: found {ids!r}; where given there must be {desired} ids, one for each node")
        labels, taints = body.get("labels") or {}, body.get("taints") or ()
        return cls(name, desired, body["instance_type"], body["zone"], labels, taints, tuple(ids), str(body.get("version") or ""))


def capacity(instance_type: str) -> tuple[int, int]:
    """Virtual CPUs and GiB of memory of an instance type, from its name."""
    family, _, size = instance_type.partition(".")
    many = re.match(r"^(\d+)xlarge$", size)
    cpus = int(many[1]) * 4 if many else _CPUS_OF_SIZE.get(size, 4)
    return cpus, cpus * _GIB_PER_CPU.get(family[:1], 4)


def match(writer: Writer, region: str, version: str, group: NodeGroup) -> None:
    """Add or remove nodes until the group has as many as wanted; what runs on a removed node is deleted."""
    found = nodes_of(writer, group.name)
    staying = [node for node in found if instance_of(node) in group.instance_ids] if group.instance_ids else found
    for node in [node for node in found if node not in staying] + staying[group.desired :]:
        remove(writer, node)
    there = {instance_of(node) for node in staying}
    ids = [one for one in group.instance_ids if one not in there] or [None] * (group.desired - len(staying))
    for instance_id in ids:
        node = writer.create(NODES, "", _node(writer, region, group, instance_id), WriteOptions(manager="kubelet")).found
        writer.set_status(NODES, node, _status(node, group.version or version, group.instance_type))
        reference = {"apiVersion": "v1", "kind": "Node", "name": node["metadata"]["name"], "uid": node["metadata"]["uid"]}
        driver: Object = {"name": DRIVER, "nodeID": instance_of(node), "allocatable": {"count": VOLUMES_PER_NODE}}
        driver["topologyKeys"] = ["kubernetes.io/os", "topology.ebs.csi.aws.com/zone", "topology.kubernetes.io/zone"]
        body = {"metadata": {"name": node["metadata"]["name"], "ownerReferences": [reference]}, "spec": {"drivers": [driver]}}
        writer.create(CSI_NODES, "", body, WriteOptions(manager="kubelet"))


def nodes_of(writer: Writer, group: str) -> list[Object]:
    """The nodes of a group, oldest first."""
    found = [node for node in writer.store.list(NODES) if node["metadata"]["labels"].get(NODE_GROUP_LABEL) == group]
    return sorted(found, key=lambda node: (node["metadata"]["creationTimestamp"], node["metadata"]["name"]))


def remove(writer: Writer, node: Object) -> None:
    """Take a node away, with its pods: their instance is gone, so nothing waits for them."""
    name = node["metadata"]["name"]
    for pod in writer.store.list(PODS):
        if pod["spec"].get("nodeName") == name:
            writer.delete(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"], {"gracePeriodSeconds": 0})
    if writer.store.get(NODES, "", name):
        writer.delete(NODES, "", name, {})


def held_on(store: Store, instance_id: str) -> list[str]:
    """The pods on an instance that a PodDisruptionBudget lets nobody evict now, as ``namespace/name``."""
    names = {node["metadata"]["name"] for node in store.list(NODES) if instance_of(node) == instance_id}
    pods = [pod for pod in store.list(PODS) if pod["spec"].get("nodeName") in names]
    return sorted(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in pods if is_held(store, pod))


def instance_of(node: Object) -> str:
    """The id of the node's EC2 instance."""
    instance_id: str = node["spec"]["providerID"].rpartition("/")[2]
    return instance_id


def _node(writer: Writer, region: str, group: NodeGroup, instance_id: str | None) -> Object:
    taken = {node["metadata"]["name"] for node in writer.store.list(NODES)}
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    while True:
        address = f"10.0.{secrets.randbelow(256)}.{secrets.randbelow(250) + 4}"
        name = f"ip-{address.replace('.', '-')}.{domain}"
        if name not in taken:
            break
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "arm64" if re.match(r"^[a-z]+\d+g[a-z]*\.", group.instance_type) else "amd64",
        "node.kubernetes.io/instance-type": group.instance_type,
        "topology.kubernetes.io/region": region,
        "topology.kubernetes.io/zone": group.zone,
        "topology.ebs.csi.aws.com/zone": group.zone,
        "eks.amazonaws.com/capacityType": "ON_DEMAND",
        NODE_GROUP_LABEL: group.name,
        **group.labels,
    }
    taints = [{**taint, "effect": _EFFECTS.get(taint["effect"], taint["effect"])} for taint in group.taints]
    spec: Object = {"providerID": f"aws:///{group.zone}/{instance_id or f'i-{secrets.token_hex(8)}1'}"}
    metadata: Object = {"name": name, "labels": labels}
    if instance_id:  # an instance that EC2 knows: volumes can be attached to it
        metadata["annotations"] = {NODE_ID: json.dumps({DRIVER: instance_id})}
    return {"metadata": metadata, "spec": spec | ({"taints": taints} if taints else {})}


def _status(node: Object, version: str, instance_type: str) -> Object:
    cpus, gib = capacity(instance_type)
    room = {"cpu": str(cpus), "memory": f"{gib}Gi", "pods": "110", "ephemeral-storage": "500Gi"}
    now = now_text()
    healthy = {"lastHeartbeatTime": now, "lastTransitionTime": now}
    pressures = [
        {"type": kind, "status": "False", "reason": f"KubeletHasNo{kind}", "message": f"kubelet has no {kind}", **healthy}
        for kind in ("MemoryPressure", "DiskPressure", "PIDPressure")
    ]
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status", **healthy}
    name = node["metadata"]["name"]
    address = name.partition(".")[0].removeprefix("ip-").replace("-", ".")
    return {
        "capacity": room,
        "allocatable": room,
        "conditions": [*pressures, ready],
        "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
        "nodeInfo": {
            "kubeletVersion": f"v{version}.0-eks-standin",
            "osImage": "pretended by the stand-in",
            "operatingSystem": "linux",
            "architecture": node["metadata"]["labels"]["kubernetes.io/arch"],
            "containerRuntimeVersion": "none://0",
            "kernelVersion": "none",
            "kubeProxyVersion": "",
            "bootID": "",
            "machineID": "",
            "systemUUID": "",
        },
    }
