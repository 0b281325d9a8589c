"""StatefulSets: numbered pods with claims of their own, made in order and replaced from the last."""

from __future__ import annotations

import copy

from local.kubernetes.api.errors import ApiError
from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.writer import WriteOptions, Writer
from local.kubernetes.controllers.events import Recorder
from local.kubernetes.controllers.ownership import content_hash, is_ready, owned, pod_from
from local.kubernetes.store import Change, Object

PODS, CLAIMS, STATEFUL_SETS = BY_NAME["pods"], BY_NAME["persistentvolumeclaims"], BY_NAME["statefulsets.apps"]
HASH = "controller-revision-hash"
_OPTIONS = WriteOptions(manager="kube-controller-manager")


class StatefulSets:
    """The stateful set controller of one cluster."""

    ticks = True

    def __init__(self, writer: Writer, recorder: Recorder) -> None:
        self.writer, self.store, self.recorder = writer, writer.store, recorder

    def wants(self, change: Change) -> bool:
        return change.resource is STATEFUL_SETS or change.resource is PODS

    def run(self) -> None:
        for found in self.store.list(STATEFUL_SETS):
            if not found["metadata"].get("deletionTimestamp"):
                self._match(found)
                self._report(found)

    def _match(self, owner: Object) -> None:
        pods = self._pods(owner)
        wanted, in_order = owner["spec"]["replicas"], owner["spec"]["podManagementPolicy"] == "OrderedReady"
        revision = _revision(owner)
        for ordinal in range(wanted):
            pod = pods.get(ordinal)
            if pod is None:
                self._make(owner, ordinal, revision)
            if in_order and (pod is None or not is_ready(pod)):
                break
        for ordinal in sorted((number for number in pods if number >= wanted), reverse=True):
            self._delete(pods[ordinal])
            if in_order:
                return
        self._replace(owner, pods, revision)

    def _replace(self, owner: Object, pods: dict[int, Object], revision: str) -> None:
        strategy = owner["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate":
            return
        for ordinal in sorted(pods, reverse=True):
            pod = pods[ordinal]
            outdated = pod["metadata"]["labels"].get(HASH) != revision
            if ordinal < (strategy.get("rollingUpdate") or {}).get("partition", 0) or pod["metadata"].get("deletionTimestamp"):
                return
            if outdated:
                self._delete(pod)
                return
            if not is_ready(pod):
                return

    def _make(self, owner: Object, ordinal: int, revision: str) -> None:
        name, namespace = f"{owner['metadata']['name']}-{ordinal}", owner["metadata"]["namespace"]
        labels = {HASH: revision, "statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": str(ordinal)}
        body = pod_from(owner["spec"]["template"], owner, labels, name=name)
        body["spec"]["hostname"] = name
        for template in owner["spec"].get("volumeClaimTemplates") or ():
            volume, claim_name = template["metadata"]["name"], f"{template['metadata']['name']}-{name}"
            others = [one for one in body["spec"].get("volumes", ()) if one["name"] != volume]
            body["spec"]["volumes"] = [*others, {"name": volume, "persistentVolumeClaim": {"claimName": claim_name}}]
            if self.store.get(CLAIMS, namespace, claim_name) is None:
                claim = copy.deepcopy(template)
                claim["metadata"] = {**template["metadata"], "name": claim_name, "namespace": namespace}
                claim["metadata"]["labels"] = {
                    **(template["metadata"].get("labels") or {}),
                    **(owner["spec"]["selector"].get("matchLabels") or {}),
                }
                self.writer.create(CLAIMS, namespace, claim, _OPTIONS)
        try:
            self.writer.create(PODS, namespace, body, _OPTIONS)
        except ApiError as refusal:
            message = f"create Pod {name} in StatefulSet {owner['metadata']['name']} failed error: {refusal}"
            self.recorder.note(owner, "statefulset-controller", "FailedCreate", message, warning=True)

    def _delete(self, pod: Object) -> None:
        if not pod["metadata"].get("deletionTimestamp"):
            self.writer.delete(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"], {})

    def _pods(self, owner: Object) -> dict[int, Object]:
        return {int(pod["metadata"]["name"].rpartition("-")[2]): pod for pod in owned(self.store, "pods", owner)}

    def _report(self, owner: Object) -> None:
        found = self.store.get(STATEFUL_SETS, owner["metadata"]["namespace"], owner["metadata"]["name"])
        if found is None:
            return
        pods, revision = list(self._pods(found).values()), _revision(found)
        ready = sum(is_ready(pod) for pod in pods)
        updated = [pod for pod in pods if pod["metadata"]["labels"].get(HASH) == revision]
        before: Object = found.get("status") or {}
        done = len(updated) == found["spec"]["replicas"] == ready == len(pods)
        current = revision if done else before.get("currentRevision", revision)
        status: Object = {
            "observedGeneration": found["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "currentReplicas": sum(pod["metadata"]["labels"].get(HASH) == current for pod in pods),
            "updatedReplicas": len(updated),
            "currentRevision": current,
            "updateRevision": revision,
            "collisionCount": 0,
        }
        self.writer.set_status(STATEFUL_SETS, found, status)


def _revision(owner: Object) -> str:
    return f"{owner['metadata']['name']}-{content_hash(owner['spec']['template'])}"
