"""The scheduler: gives each waiting pod a node, and lets WaitForFirstConsumer claims know which."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.writer import Writer
from local.kubernetes.controllers.events import Recorder
from local.kubernetes.controllers.ownership import with_condition
from local.kubernetes.controllers.placement import node_fits, requested, unschedulable
from local.kubernetes.store import Change, Object

PODS, NODES, CLAIMS = BY_NAME["pods"], BY_NAME["nodes"], BY_NAME["persistentvolumeclaims"]
SELECTED_NODE = "volume.kubernetes.io/selected-node"
_COMPONENT = "default-scheduler"
_WATCHED = {"pods", "nodes", "persistentvolumeclaims", "persistentvolumes", "storageclasses.storage.k8s.io"}


class Scheduler:
    """The scheduler of one cluster."""

    ticks = False

    def __init__(self, writer: Writer, recorder: Recorder) -> None:
        self.writer, self.store, self.recorder = writer, writer.store, recorder

    def wants(self, change: Change) -> bool:
        return change.resource.qualified in _WATCHED

    def run(self) -> None:
        used: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        waiting = []
        for pod in self.store.list(PODS):
            if pod["status"].get("phase") in ("Succeeded", "Failed"):
                continue
            if node := pod["spec"].get("nodeName"):
                _add(used[node], pod)
            elif not pod["metadata"].get("deletionTimestamp") and not pod["spec"].get("schedulingGates"):
                waiting.append(pod)
        for pod in sorted(waiting, key=lambda one: -one["spec"].get("priority", 0)):
            self._place(pod, used)

    def _place(self, pod: Object, used: dict[str, dict[str, Decimal]]) -> None:
        problem, claims, volumes = self._volumes(pod)
        if problem:
            self._pending(pod, problem)
            return
        reasons, fitting = [], []
        for node in self.store.list(NODES):
            reason = node_fits(pod["spec"], node, volumes, used[node["metadata"]["name"]])
            if reason is None:
                fitting.append(node["metadata"]["name"])
            else:
                reasons.append(reason)
        if not fitting:
            self._pending(pod, unschedulable(reasons))
            return
        chosen = self._already_chosen(claims, fitting) or min(
            fitting, key=lambda name: (used[name].get("pods", Decimal(0)), name)
        )
        unbound = [claim for claim in claims if claim["status"].get("phase") != "Bound"]
        for claim in unbound:
            self.writer.edit(
                CLAIMS, claim, lambda one: one["metadata"].setdefault("annotations", {}).update({SELECTED_NODE: chosen})
            )
        if unbound:
            return  # Bound to the node once its volumes are there
        _add(used[chosen], pod)
        self.writer.edit(PODS, pod, lambda one: one["spec"].update(nodeName=chosen))
        self._condition(pod, holds=True, message="")
        where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        self.recorder.note(pod, _COMPONENT, "Scheduled", f"Successfully assigned {where} to {chosen}")

    def _already_chosen(self, claims: list[Object], fitting: list[str]) -> str | None:
        chosen = [(claim["metadata"].get("annotations") or {}).get(SELECTED_NODE) for claim in claims]
        return next((name for name in chosen if name in fitting), None)

    def _volumes(self, pod: Object) -> tuple[str, list[Object], list[Object]]:
        """Why the pod's claims keep it from being placed (or ""), the claims, and the volumes of the bound ones."""
        claims, volumes = [], []
        for name in claim_names(pod):
            claim = self.store.get(CLAIMS, pod["metadata"]["namespace"], name)
            if claim is None:
                return f'persistentvolumeclaim "{name}" not found', [], []
            if claim["metadata"].get("deletionTimestamp"):
                return f'persistentvolumeclaim "{name}" is being deleted', [], []
            phase = claim["status"].get("phase")
            if phase == "Lost":
                return (
                    f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{claim["spec"]["volumeName"]}"',
                    [],
                    [],
                )
            if phase == "Bound":
                volume = self.store.find("persistentvolumes", "", claim["spec"]["volumeName"])
                volumes += [volume] if volume else []
            else:
                storage_class = self.store.find("storageclasses.storage.k8s.io", "", claim["spec"].get("storageClassName") or "")
                waits = (storage_class or {}).get("volumeBindingMode") == "WaitForFirstConsumer"
                if not waits or claim["spec"].get("volumeName"):
                    return "pod has unbound immediate PersistentVolumeClaims", [], []
            claims.append(claim)
        return "", claims, volumes

    def _pending(self, pod: Object, message: str) -> None:
        self._condition(pod, holds=False, message=message)
        self.recorder.note(pod, _COMPONENT, "FailedScheduling", message, warning=True)

    def _condition(self, pod: Object, *, holds: bool, message: str) -> None:
        found = self.store.get(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])
        if found is None:
            return
        was = found["status"].get("conditions", ())
        conditions = with_condition(was, "PodScheduled", holds, "" if holds else "Unschedulable", message)
        self.writer.set_status(PODS, found, {**found["status"], "conditions": [_bare(one) for one in conditions]})


def claim_names(pod: Object) -> list[str]:
    """The claims a pod mounts."""
    volumes = pod["spec"].get("volumes") or ()
    return [volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume]


def _bare(condition: Object) -> Object:
    return {name: value for name, value in condition.items() if value != ""}


def _add(used: dict[str, Decimal], pod: Object) -> None:
    used["pods"] = used.get("pods", Decimal(0)) + 1
    for name, value in requested(pod["spec"]).items():
        used[name] = used.get(name, Decimal(0)) + value
