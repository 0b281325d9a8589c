"""ReplicaSets: as many pods as wanted."""

from __future__ import annotations

from local.kubernetes.api.errors import ApiError
from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.writer import WriteOptions, Writer
from local.kubernetes.controllers.events import Recorder
from local.kubernetes.controllers.ownership import is_active, is_ready, owned, pod_from, with_condition
from local.kubernetes.store import Change, Object

PODS, REPLICA_SETS = BY_NAME["pods"], BY_NAME["replicasets.apps"]
_COMPONENT = "replicaset-controller"


class ReplicaSets:
    """The replica set controller of one cluster."""

    ticks = True  # A refused pod is tried again

    def __init__(self, writer: Writer, recorder: Recorder) -> None:
        self.writer, self.store, self.recorder = writer, writer.store, recorder

    def wants(self, change: Change) -> bool:
        return change.resource is REPLICA_SETS or change.resource.qualified == "pods"

    def run(self) -> None:
        for replica_set in self.store.list(REPLICA_SETS):
            if not replica_set["metadata"].get("deletionTimestamp"):
                self._fill(replica_set)

    def _fill(self, replica_set: Object) -> None:
        pods = [pod for pod in owned(self.store, "pods", replica_set) if is_active(pod)]
        failure = self._match(replica_set, pods)
        pods = [pod for pod in owned(self.store, "pods", replica_set) if is_active(pod)]
        found = self.store.get(REPLICA_SETS, replica_set["metadata"]["namespace"], replica_set["metadata"]["name"])
        if found is None:
            return
        status: Object = {"observedGeneration": found["metadata"]["generation"], **_counts(pods)}
        if failure:
            was = (found.get("status") or {}).get("conditions", ())
            status["conditions"] = with_condition(was, "ReplicaFailure", True, "FailedCreate", failure)
        self.writer.set_status(REPLICA_SETS, found, status)

    def _match(self, owner: Object, pods: list[Object]) -> str:
        """Create or delete pods until there are as many as wanted; answers why a pod was refused, or ""."""
        wanted, namespace = owner["spec"]["replicas"], owner["metadata"]["namespace"]
        for _ in range(wanted - len(pods)):
            body = pod_from(owner["spec"]["template"], owner, {}, generateName=f"{owner['metadata']['name']}-")
            try:
                made = self.writer.create(PODS, namespace, body, WriteOptions(manager="kube-controller-manager"))
            except ApiError as refusal:
                self.recorder.note(owner, _COMPONENT, "FailedCreate", f"Error creating: {refusal}", warning=True)
                return str(refusal)
            self.recorder.note(owner, _COMPONENT, "SuccessfulCreate", f"Created pod: {made.found['metadata']['name']}")
        # Those that serve nobody go first, as a real controller ranks them
        spare = sorted(
            pods, key=lambda pod: (bool(pod["spec"].get("nodeName")), is_ready(pod), pod["metadata"]["creationTimestamp"])
        )
        for pod in spare[: max(0, len(pods) - wanted)]:
            self.writer.delete(PODS, namespace, pod["metadata"]["name"], {})
            self.recorder.note(owner, _COMPONENT, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
        return ""


def _counts(pods: list[Object]) -> Object:
    ready = sum(is_ready(pod) for pod in pods)
    counts: Object = {"replicas": len(pods)}
    if pods:
        counts["fullyLabeledReplicas"] = len(pods)
    return counts | ({"readyReplicas": ready, "availableReplicas": ready} if ready else {})
