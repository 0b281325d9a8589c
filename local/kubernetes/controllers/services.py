"""Endpoints of Services, and the numbers of PodDisruptionBudgets: both follow from which pods are ready."""

from __future__ import annotations

from typing import Any

from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.selectors import selects
from local.kubernetes.api.writer import WriteOptions, Writer
from local.kubernetes.controllers.ownership import (
    content_hash,
    is_active,
    is_ready,
    owner_reference,
    scaled_count,
    with_condition,
)
from local.kubernetes.store import Change, Object

PODS, SERVICES, ENDPOINTS, SLICES, BUDGETS = (
    BY_NAME[name] for name in ("pods", "services", "endpoints", "endpointslices.discovery.k8s.io", "poddisruptionbudgets.policy")
)
_OPTIONS = WriteOptions(manager="kube-controller-manager")


def target_port(service_port: Object, pod: Object) -> int | None:
    """The container port that a Service's port leads to in a pod; None when the pod has no port of that name."""
    wanted: Any = service_port.get("targetPort", service_port["port"])
    if isinstance(wanted, int):
        return wanted
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            if port.get("name") == wanted:
                return int(port["containerPort"])
    return None


class Endpoints:
    """The endpoints controllers of one cluster."""

    ticks = False

    def __init__(self, writer: Writer) -> None:
        self.writer, self.store = writer, writer.store

    def wants(self, change: Change) -> bool:
        return change.resource in (PODS, SERVICES)

    def run(self) -> None:
        for service in self.store.list(SERVICES):
            if service["spec"].get("selector") and not service["metadata"].get("deletionTimestamp"):
                self._publish(service)
        for found in self.store.list(ENDPOINTS):
            if self.store.get(SERVICES, found["metadata"]["namespace"], found["metadata"]["name"]) is None:
                self.writer.delete(ENDPOINTS, found["metadata"]["namespace"], found["metadata"]["name"], {})

    def _publish(self, service: Object) -> None:
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        selector = {"matchLabels": service["spec"]["selector"]}
        pods = [
            pod
            for pod in self.store.list(PODS, namespace)
            if selects(selector, pod["metadata"].get("labels")) and is_active(pod) and pod["status"].get("podIP")
        ]
        subsets = []
        if pods:
            ready = [_address(pod) for pod in pods if is_ready(pod)]
            waiting = [_address(pod) for pod in pods if not is_ready(pod)]
            subset: Object = ({"addresses": ready} if ready else {}) | ({"notReadyAddresses": waiting} if waiting else {})
            subset["ports"] = _ports(service, pods[0])
            subsets = [subset]
        body: Object = {"metadata": {"name": name, "labels": service["metadata"].get("labels") or {}}, "subsets": subsets}
        self._write(ENDPOINTS, namespace, name, body, ("subsets",))
        self._publish_slice(service, pods)

    def _publish_slice(self, service: Object, pods: list[Object]) -> None:
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        endpoints = [
            {
                "addresses": [pod["status"]["podIP"]],
                "conditions": {"ready": is_ready(pod), "serving": is_ready(pod), "terminating": False},
                "nodeName": pod["spec"].get("nodeName"),
                "targetRef": _address(pod)["targetRef"],
            }
            for pod in pods
        ]
        body: Object = {
            "metadata": {
                "name": f"{name}-{content_hash(service['metadata']['uid'])[:5]}",
                "labels": {
                    "kubernetes.io/service-name": name,
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                },
                "ownerReferences": [owner_reference(service)],
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": _ports(service, pods[0]) if pods else [],
        }
        self._write(SLICES, namespace, body["metadata"]["name"], body, ("endpoints", "ports"))

    def _write(self, resource: Any, namespace: str, name: str, body: Object, fields: tuple[str, ...]) -> None:
        found = self.store.get(resource, namespace, name)
        if found is None:
            if self.store.find("namespaces", "", namespace)["metadata"].get("deletionTimestamp"):  # type: ignore[index]
                return
            self.writer.create(resource, namespace, body, _OPTIONS)
        elif any(found.get(field) != body[field] for field in fields):
            self.writer.edit(resource, found, lambda one: one.update({field: body[field] for field in fields}))


def _address(pod: Object) -> Object:
    reference = {
        "kind": "Pod",
        "namespace": pod["metadata"]["namespace"],
        "name": pod["metadata"]["name"],
        "uid": pod["metadata"]["uid"],
    }
    return {"ip": pod["status"]["podIP"], "nodeName": pod["spec"].get("nodeName"), "targetRef": reference}


def _ports(service: Object, pod: Object) -> list[Object]:
    made = []
    for port in service["spec"].get("ports") or ():
        target = target_port(port, pod)
        if target is not None:
            name = {"name": port["name"]} if port.get("name") else {}
            made.append({**name, "port": target, "protocol": port.get("protocol", "TCP")})
    return made


class DisruptionBudgets:
    """The disruption controller of one cluster."""

    ticks = False

    def __init__(self, writer: Writer) -> None:
        self.writer, self.store = writer, writer.store

    def wants(self, change: Change) -> bool:
        return change.resource in (PODS, BUDGETS)

    def run(self) -> None:
        for budget in self.store.list(BUDGETS):
            self._count(budget)

    def _count(self, budget: Object) -> None:
        namespace, spec = budget["metadata"]["namespace"], budget["spec"]
        pods = [
            pod
            for pod in self.store.list(PODS, namespace)
            if selects(spec.get("selector"), pod["metadata"].get("labels")) and is_active(pod)
        ]
        healthy = sum(is_ready(pod) for pod in pods)
        if "maxUnavailable" in spec:
            needed = len(pods) - scaled_count(spec["maxUnavailable"], len(pods), up=True)
        else:
            needed = scaled_count(spec.get("minAvailable", 1), len(pods), up=True)
        allowed = max(0, healthy - max(0, needed)) if pods else 0
        before = budget.get("status") or {}
        status: Object = {
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": max(0, needed),
            "expectedPods": len(pods),
            "observedGeneration": budget["metadata"]["generation"],
        }
        words = ("SufficientPods", "") if allowed else ("InsufficientPods", "")
        status["conditions"] = with_condition(before.get("conditions", ()), "DisruptionAllowed", bool(allowed), *words)
        self.writer.set_status(BUDGETS, budget, status)
