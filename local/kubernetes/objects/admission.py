"""What the API server settles by looking at other objects: a Service's address and ports, default classes, priorities."""

from __future__ import annotations

import ipaddress
from itertools import islice
from typing import Any

from local.kubernetes.api.errors import Cause, invalid, invalid_value, refused
from local.kubernetes.api.resources import Resource
from local.kubernetes.store import Store

Object = dict[str, Any]

SERVICE_NETWORK = ipaddress.ip_network("10.100.0.0/16")
"""Where EKS takes cluster IPs from when the VPC is not in 10.0.0.0/8's upper half (EKS user guide, "serviceIpv4Cidr")."""
NODE_PORTS = range(30000, 32768)
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_SYSTEM_PRIORITIES = {"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}


def admit(store: Store, resource: Resource, found: Object, before: Object | None) -> None:
    """Complete ``found`` from what the cluster holds. Raises ``ApiError`` for a conflict with it."""
    if resource.qualified == "services":
        _service(store, resource, found, before)
    elif resource.qualified == "persistentvolumeclaims" and before is None:
        _claim(store, found)
    elif resource.qualified == "pods" and before is None:
        _pod(store, resource, found)


def _service(store: Store, resource: Resource, found: Object, before: Object | None) -> None:
    spec = found["spec"]
    if spec["type"] == "ExternalName":
        return
    others = [
        service
        for service in store.list(resource)
        if (service["metadata"]["namespace"], service["metadata"]["name"])
        != (found["metadata"]["namespace"], found["metadata"]["name"])
    ]
    if not spec.get("clusterIP"):
        spec["clusterIP"] = (before or {}).get("spec", {}).get("clusterIP") or _free_address(others)
    spec["clusterIPs"] = [spec["clusterIP"]]
    on_nodes = spec["type"] in ("NodePort", "LoadBalancer")
    if on_nodes and (causes := _node_ports(spec, others, before)):
        raise invalid(resource, found["metadata"]["name"], causes)


def _free_address(others: list[Object]) -> str:
    taken = {service["spec"].get("clusterIP") for service in others}
    return next(str(address) for address in islice(SERVICE_NETWORK.hosts(), 9, None) if str(address) not in taken)


def _node_ports(spec: Object, others: list[Object], before: Object | None) -> list[Cause]:
    taken = {port["nodePort"] for service in others for port in service["spec"].get("ports", ()) if port.get("nodePort")}
    kept = {
        (port.get("name"), port["port"]): port["nodePort"]
        for port in (before or {}).get("spec", {}).get("ports", ())
        if port.get("nodePort")
    }
    causes = []
    for index, port in enumerate(spec.get("ports", ())):
        field = f"spec.ports[{index}].nodePort"
        wanted = port.get("nodePort") or kept.get((port.get("name"), port["port"]))
        if wanted is None:
            wanted = next(free for free in NODE_PORTS if free not in taken)
        elif wanted not in NODE_PORTS:
            rule = (
                f"provided port is not in the valid range. The range of valid ports is {NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
            )
            causes.append(invalid_value(field, str(wanted), rule))
        elif wanted in taken:
            causes.append(invalid_value(field, str(wanted), "provided port is already allocated"))
        port["nodePort"] = wanted
        taken.add(wanted)
    return causes


def _claim(store: Store, found: Object) -> None:
    if "storageClassName" in found["spec"]:
        return
    defaults = [
        storage_class
        for storage_class in store.named("storageclasses.storage.k8s.io")
        if (storage_class["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"
    ]
    if defaults:
        newest = max(defaults, key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]))
        found["spec"]["storageClassName"] = newest["metadata"]["name"]


def _pod(store: Store, resource: Resource, found: Object) -> None:
    metadata, spec = found["metadata"], found["spec"]
    account = spec["serviceAccountName"]
    if store.find("serviceaccounts", metadata["namespace"], account) is None:
        raise refused(
            resource,
            metadata["name"],
            f'error looking up service account {metadata["namespace"]}/{account}: serviceaccount "{account}" not found',
        )
    name = spec.get("priorityClassName")
    if name in _SYSTEM_PRIORITIES:
        spec["priority"] = _SYSTEM_PRIORITIES[name]
    elif name:
        priority = store.find("priorityclasses.scheduling.k8s.io", "", name)
        if priority is None:
            raise refused(resource, metadata["name"], f"no PriorityClass with name {name} was found")
        spec["priority"] = priority["value"]
