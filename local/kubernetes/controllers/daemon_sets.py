"""DaemonSets: one pod on every node that takes it."""

from __future__ import annotations

from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.writer import WriteOptions, Writer
from local.kubernetes.controllers.ownership import content_hash, is_active, is_ready, owned, pod_from, scaled_count
from local.kubernetes.controllers.placement import node_fits
from local.kubernetes.store import Change, Object

PODS, NODES, DAEMON_SETS = BY_NAME["pods"], BY_NAME["nodes"], BY_NAME["daemonsets.apps"]
HASH = "controller-revision-hash"
_TOLERATED = ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")


class DaemonSets:
    """The daemon set controller of one cluster."""

    ticks = True

    def __init__(self, writer: Writer) -> None:
        self.writer, self.store = writer, writer.store

    def wants(self, change: Change) -> bool:
        return change.resource in (DAEMON_SETS, PODS, NODES)

    def run(self) -> None:
        for found in self.store.list(DAEMON_SETS):
            if not found["metadata"].get("deletionTimestamp"):
                self._match(found)

    def _match(self, owner: Object) -> None:
        template = _tolerant(owner["spec"]["template"])
        revision = content_hash(owner["spec"]["template"])
        nodes = [node["metadata"]["name"] for node in self.store.list(NODES) if node_fits(template["spec"], node) is None]
        pods: dict[str, Object] = {}
        for pod in owned(self.store, "pods", owner):
            if pod["spec"].get("nodeName") not in nodes or pod["status"].get("phase") in ("Failed", "Succeeded"):
                self._delete(pod)
            else:
                pods[pod["spec"]["nodeName"]] = pod
        for node in nodes:
            if node not in pods:
                body = pod_from(template, owner, {HASH: revision}, generateName=f"{owner['metadata']['name']}-")
                body["spec"]["nodeName"] = node
                options = WriteOptions(manager="kube-controller-manager")
                pods[node] = self.writer.create(PODS, owner["metadata"]["namespace"], body, options).found
        self._replace(owner, list(pods.values()), revision)
        self._report(owner, len(nodes), [pod for pod in owned(self.store, "pods", owner) if is_active(pod)], revision)

    def _replace(self, owner: Object, pods: list[Object], revision: str) -> None:
        strategy = owner["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate":
            return
        allowed = max(1, scaled_count((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1), len(pods), up=True))
        room = allowed - sum(not is_ready(pod) or not is_active(pod) for pod in pods if _updated(pod, revision))
        outdated = [pod for pod in pods if not _updated(pod, revision)]
        for pod in sorted(outdated, key=is_ready)[: max(0, room)]:
            self._delete(pod)

    def _delete(self, pod: Object) -> None:
        if not pod["metadata"].get("deletionTimestamp"):
            self.writer.delete(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"], {})

    def _report(self, owner: Object, desired: int, pods: list[Object], revision: str) -> None:
        found = self.store.get(DAEMON_SETS, owner["metadata"]["namespace"], owner["metadata"]["name"])
        if found is None:
            return
        ready = sum(is_ready(pod) for pod in pods)
        status: Object = {
            "currentNumberScheduled": len(pods),
            "numberMisscheduled": 0,
            "desiredNumberScheduled": desired,
            "numberReady": ready,
            "observedGeneration": found["metadata"]["generation"],
            "updatedNumberScheduled": sum(_updated(pod, revision) for pod in pods),
            "numberAvailable": ready,
        }
        if desired > ready:
            status["numberUnavailable"] = desired - ready
        self.writer.set_status(DAEMON_SETS, found, status)


def _updated(pod: Object, revision: str) -> bool:
    return bool(pod["metadata"]["labels"].get(HASH) == revision)


def _tolerant(template: Object) -> Object:
    """The template with the tolerations that every daemon pod gets."""
    added = [{"key": f"node.kubernetes.io/{name}", "operator": "Exists"} for name in _TOLERATED]
    return {**template, "spec": {**template["spec"], "tolerations": [*template["spec"].get("tolerations", ()), *added]}}
