"""Deployments: one ReplicaSet per template, rolled over as the strategy says.

The arithmetic of a rolling update is that of pkg/controller/deployment/rolling.go in Kubernetes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.writer import WriteOptions, Writer
from local.kubernetes.controllers.events import Recorder
from local.kubernetes.controllers.ownership import content_hash, owned, owner_reference, scaled_count, with_condition
from local.kubernetes.store import Change, Object, now_text

DEPLOYMENTS, REPLICA_SETS = BY_NAME["deployments.apps"], BY_NAME["replicasets.apps"]
HASH, REVISION = "pod-template-hash", "deployment.kubernetes.io/revision"
_COMPONENT = "deployment-controller"


class Deployments:
    """The deployment controller of one cluster."""

    ticks = True  # progressDeadlineSeconds passes without any change

    def __init__(self, writer: Writer, recorder: Recorder) -> None:
        self.writer, self.store, self.recorder = writer, writer.store, recorder

    def wants(self, change: Change) -> bool:
        return change.resource in (DEPLOYMENTS, REPLICA_SETS) or change.resource.qualified == "pods"

    def run(self) -> None:
        for deployment in self.store.list(DEPLOYMENTS):
            if not deployment["metadata"].get("deletionTimestamp"):
                self._roll(deployment)

    def _roll(self, deployment: Object) -> None:
        sets = owned(self.store, "replicasets.apps", deployment)
        name = f"{deployment['metadata']['name']}-{content_hash(deployment['spec']['template'])}"
        current = next((one for one in sets if one["metadata"]["name"] == name), None)
        old = [one for one in sets if one is not current]
        if not deployment["spec"].get("paused"):
            if current is None:
                self._make_set(deployment, name, old)
                return  # The next round sees it
            self._number(deployment, current, old)
            if deployment["spec"]["strategy"]["type"] == "Recreate":
                self._recreate(deployment, current, old)
            else:
                self._step(deployment, current, old)
            self._forget(deployment, old)
        self._report(deployment, current, sets)

    def _make_set(self, deployment: Object, name: str, old: list[Object]) -> None:
        template = dict(deployment["spec"]["template"])
        hash_label = {HASH: name.rpartition("-")[2]}
        labels = {**(template["metadata"].get("labels") or {}), **hash_label}
        selector = dict(deployment["spec"]["selector"])
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), **hash_label}
        body = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "namespace": deployment["metadata"]["namespace"],
                "labels": labels,
                "annotations": {REVISION: str(_last_revision(old) + 1)},
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "replicas": 0,
                "selector": selector,
                "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
            },
        }
        self.writer.create(
            REPLICA_SETS, deployment["metadata"]["namespace"], body, WriteOptions(manager="kube-controller-manager")
        )

    def _number(self, deployment: Object, current: Object, old: list[Object]) -> None:
        revision = max(_revision(current), _last_revision(old) + 1)
        if _revision(current) == _revision(deployment) == revision:
            return  # as at nearly every tick: an edit copies the whole object before it sees that nothing changed

        def numbered(found: Object) -> None:
            found["metadata"].setdefault("annotations", {})[REVISION] = str(revision)

        self.writer.edit(REPLICA_SETS, current, numbered)
        self.writer.edit(DEPLOYMENTS, deployment, numbered)

    def _scale(self, deployment: Object, replica_set: Object, replicas: int) -> None:
        was = replica_set["spec"]["replicas"]
        if was == replicas:
            return
        self.writer.edit(REPLICA_SETS, replica_set, lambda found: found["spec"].update(replicas=replicas))
        direction = "up" if replicas > was else "down"
        message = f"Scaled {direction} replica set {replica_set['metadata']['name']} from {was} to {replicas}"
        self.recorder.note(deployment, _COMPONENT, "ScalingReplicaSet", message)

    def _recreate(self, deployment: Object, current: Object, old: list[Object]) -> None:
        for one in old:
            self._scale(deployment, one, 0)
        namespace = deployment["metadata"]["namespace"]
        uids = {one["metadata"]["uid"] for one in old}
        leaving = [
            pod
            for pod in self.store.named("pods", namespace)
            if any(reference["uid"] in uids for reference in pod["metadata"].get("ownerReferences") or ())
            and pod["status"].get("phase") not in ("Succeeded", "Failed")
        ]
        if not leaving:
            self._scale(deployment, current, deployment["spec"]["replicas"])

    def _step(self, deployment: Object, current: Object, old: list[Object]) -> None:
        desired = deployment["spec"]["replicas"]
        rolling = deployment["spec"]["strategy"].get("rollingUpdate") or {}
        surge = scaled_count(rolling.get("maxSurge", "25%"), desired, up=True)
        unavailable = scaled_count(rolling.get("maxUnavailable", "25%"), desired, up=False)
        if surge == 0 and unavailable == 0:
            unavailable = 1
        total = sum(one["spec"]["replicas"] for one in (current, *old))
        size = current["spec"]["replicas"]
        if size < desired:
            self._scale(deployment, current, max(size, min(desired, size + desired + surge - total)))
        elif size > desired:
            self._scale(deployment, current, desired)
        self._shrink(deployment, current, old, total, desired - unavailable)

    def _shrink(self, deployment: Object, current: Object, old: list[Object], total: int, least: int) -> None:
        spare = total - least - (current["spec"]["replicas"] - _available(current))
        left = {one["metadata"]["name"]: one["spec"]["replicas"] for one in old}
        for one in old:  # First what is not available anyway
            drop = max(0, min(spare, one["spec"]["replicas"] - _available(one)))
            left[one["metadata"]["name"]] -= drop
            spare -= drop
        spare_available = sum(_available(one) for one in (current, *old)) - least
        for one in old:
            name = one["metadata"]["name"]
            drop = max(0, min(spare_available, left[name]))
            left[name] -= drop
            spare_available -= drop
            self._scale(deployment, one, left[name])

    def _forget(self, deployment: Object, old: list[Object]) -> None:
        empty = [one for one in old if not one["spec"]["replicas"] and not one["status"].get("replicas")]
        empty.sort(key=_revision)
        for one in empty[: max(0, len(empty) - deployment["spec"]["revisionHistoryLimit"])]:
            self.writer.delete(REPLICA_SETS, one["metadata"]["namespace"], one["metadata"]["name"], {})

    def _report(self, deployment: Object, current: Object | None, sets: list[Object]) -> None:
        found = self.store.get(DEPLOYMENTS, deployment["metadata"]["namespace"], deployment["metadata"]["name"])
        if found is None:
            return
        before: Object = found.get("status") or {}
        counts = {
            "replicas": sum(one["status"].get("replicas", 0) for one in sets),
            "updatedReplicas": (current or {"status": {}})["status"].get("replicas", 0),
            "readyReplicas": sum(one["status"].get("readyReplicas", 0) for one in sets),
            "availableReplicas": sum(one["status"].get("availableReplicas", 0) for one in sets),
        }
        desired = found["spec"]["replicas"]
        counts["unavailableReplicas"] = max(0, max(desired, counts["replicas"]) - counts["availableReplicas"])
        status: Object = {"observedGeneration": found["metadata"]["generation"]}
        status |= {name: count for name, count in counts.items() if count}
        status["conditions"] = self._conditions(found, current, counts, before)
        if collisions := before.get("collisionCount"):
            status["collisionCount"] = collisions
        self.writer.set_status(DEPLOYMENTS, found, status)

    def _conditions(self, found: Object, current: Object | None, counts: dict[str, int], before: Object) -> list[Object]:
        desired = found["spec"]["replicas"]
        rolling = found["spec"]["strategy"].get("rollingUpdate") or {}
        least = desired - scaled_count(rolling.get("maxUnavailable", 0), desired, up=False)
        enough = counts["availableReplicas"] >= least
        words = (
            ("MinimumReplicasAvailable", "Deployment has minimum availability.")
            if enough
            else ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        )
        conditions = with_condition(before.get("conditions", ()), "Available", enough, *words)
        done = (
            counts["updatedReplicas"] == counts["replicas"] == desired
            and counts["availableReplicas"] >= desired
            and before.get("observedGeneration") == found["metadata"]["generation"]
        )
        return self._progress(found, current, conditions, done, counts, before)

    def _progress(
        self, found: Object, current: Object | None, conditions: list[Object], done: bool, counts: dict[str, int], before: Object
    ) -> list[Object]:
        name = current["metadata"]["name"] if current else found["metadata"]["name"]
        was: Any = next((one for one in conditions if one["type"] == "Progressing"), None)
        if done:
            reason, message, holds = "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.', True
        else:
            moved = (
                was is None
                or before.get("observedGeneration") != found["metadata"]["generation"]
                or any(
                    counts[field] > before.get(field, 0) for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
                )
                or counts["replicas"] - counts["updatedReplicas"] < before.get("replicas", 0) - before.get("updatedReplicas", 0)
            )
            late = not moved and _seconds_since(was["lastUpdateTime"]) > found["spec"]["progressDeadlineSeconds"]
            if late or (was and was["reason"] == "ProgressDeadlineExceeded" and not moved):
                reason, message, holds = "ProgressDeadlineExceeded", f'ReplicaSet "{name}" has timed out progressing.', False
            elif moved or was["reason"] != "ReplicaSetUpdated":
                reason, message, holds = "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.', True
            else:
                return conditions
        if was and (was["reason"], was["message"]) == (reason, message) and (done or not holds):
            return conditions
        made = with_condition(conditions, "Progressing", holds, reason, message)
        made[-1]["lastUpdateTime"] = now_text()
        return made


def _available(replica_set: Object) -> int:
    """Available replicas; never more than are wanted, for the status may be older than the spec."""
    return int(min(replica_set["status"].get("availableReplicas", 0), replica_set["spec"]["replicas"]))


def _revision(found: Object) -> int:
    return int((found["metadata"].get("annotations") or {}).get(REVISION, "0"))


def _last_revision(sets: list[Object]) -> int:
    return max((_revision(one) for one in sets), default=0)


def _seconds_since(text: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(text.replace("Z", "+00:00"))).total_seconds()
