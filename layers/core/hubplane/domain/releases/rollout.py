"""Whether the workloads of a release run, and what to say about those that do not.

Pure: it looks at objects as the Kubernetes API answers them. "Ready" is what ``kubectl rollout status`` waits for
(k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go); "hopeless" is what no waiting will mend.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Object = Mapping[str, Any]

WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet")

RELEASE_ANNOTATION = "meta.helm.sh/release-name"
RELEASE_LABEL = "app.kubernetes.io/instance"

# A name that no registry can resolve will not become one. Kubelet's own words (pkg/kubelet/images/types.go).
HOPELESS_REASONS = frozenset({"InvalidImageName", "ErrImageNeverPull"})

# Back-off doubles from 10 s: after 4 restarts the container has had some two and a half minutes to meet what it needs.
HOPELESS_RESTARTS = 4

# Registries answer so for what is not there; a registry that is slow or throttles says something else.
NOT_THERE_PHRASES = ("not found", "manifest unknown", "does not exist", "repository name not known")

# Kubelet's pull back-off is at its longest by then, and an ECR throttle is long over.
HOPELESS_PULL_SECONDS = 600


@dataclass(frozen=True)
class Diagnosis:
    """``reason`` says what is not ready and why, one clause per workload; ``is_hopeless``: waiting will not change it."""

    is_ready: bool
    reason: str
    is_hopeless: bool = False


def belongs_to_release(workload: Object, release: str) -> bool:
    """Whether helm made the object for this release (its annotation), or a chart labelled it so."""
    metadata = workload["metadata"]
    annotated = (metadata.get("annotations") or {}).get(RELEASE_ANNOTATION)
    if annotated is not None:
        return bool(annotated == release)
    return bool((metadata.get("labels") or {}).get(RELEASE_LABEL) == release)


def unready_workloads(workloads: Sequence[Object]) -> list[Object]:
    """Those that ``kubectl rollout status`` would still wait for."""
    return [workload for workload in workloads if not _is_rolled_out(workload)]


def pod_selector(workload: Object) -> str:
    """The label selector of a workload's pods, as a query parameter."""
    labels = workload["spec"]["selector"].get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def diagnose(
    workloads: Sequence[Object], pods: Mapping[str, Sequence[Object]], events: Sequence[Object], now: datetime
) -> Diagnosis:
    """The state of a release's ``workloads``; ``pods`` holds the pods of each unready one by ``kind/name``.

    ``events`` are the namespace's warnings about those pods; ``now`` is an aware time.
    """
    if not workloads:
        return Diagnosis(False, "the release has no Deployment, StatefulSet or DaemonSet yet")
    unready = unready_workloads(workloads)
    if not unready:
        names = ", ".join(sorted(f"{item['kind'].lower()} {item['metadata']['name']}" for item in workloads))
        return Diagnosis(True, f"ready: {names}")
    clauses, is_hopeless = [], False
    for workload in unready:
        troubles = [trouble for pod in pods.get(workload_key(workload), ()) for trouble in _troubles(pod, events, now)]
        clauses.append(": ".join([_progress(workload), *dict.fromkeys(text for text, _ in troubles)]))
        is_hopeless = is_hopeless or any(hopeless for _, hopeless in troubles)
    return Diagnosis(False, "; ".join(clauses), is_hopeless)


def workload_key(workload: Object) -> str:
    """``Deployment/hub``."""
    return f"{workload['kind']}/{workload['metadata']['name']}"


def _counts(workload: Object) -> tuple[int, int, int]:
    """Wanted, of the newest template, and ready to serve."""
    status = workload.get("status") or {}
    if workload["kind"] == "DaemonSet":
        return (
            status.get("desiredNumberScheduled", 0),
            status.get("updatedNumberScheduled", 0),
            status.get("numberAvailable", 0),
        )
    wanted = workload["spec"].get("replicas", 1)
    ready = "availableReplicas" if workload["kind"] == "Deployment" else "readyReplicas"
    updated = status.get("updatedReplicas", 0)
    if workload["kind"] == "StatefulSet" and status.get("updateRevision") == status.get("currentRevision"):
        updated = status.get("replicas", 0)
    return wanted, updated, status.get(ready, 0)


def _is_rolled_out(workload: Object) -> bool:
    status = workload.get("status") or {}
    if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
        return False
    wanted, updated, ready = _counts(workload)
    old_pods_left = workload["kind"] == "Deployment" and status.get("replicas", 0) > updated
    return updated >= wanted and ready >= wanted and not old_pods_left


def _progress(workload: Object) -> str:
    wanted, updated, ready = _counts(workload)
    text = f"{workload['kind'].lower()} {workload['metadata']['name']}: {ready} of {wanted} ready"
    return f"{text}, {updated} updated" if ready >= wanted else text


def _troubles(pod: Object, events: Sequence[Object], now: datetime) -> Iterator[tuple[str, bool]]:
    """(what is wrong, whether it is hopeless) for a pod that is not ready; nothing for one that is or is going."""
    status, metadata = pod.get("status") or {}, pod["metadata"]
    conditions = {item["type"]: item for item in status.get("conditions") or []}
    if metadata.get("deletionTimestamp") or conditions.get("Ready", {}).get("status") == "True":
        return
    found = False
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
            found = True
            yield _waiting_trouble(pod, container, waiting, now)
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        found = True
        yield f"pod {metadata['name']} has no node: {scheduled.get('message') or scheduled.get('reason', '')}", False
    if not found:
        warning = _last_warning(metadata["name"], events)
        yield f"pod {metadata['name']} is {status.get('phase', 'Pending')}" + (f": {warning}" if warning else ""), False


def _waiting_trouble(pod: Object, container: Object, waiting: Object, now: datetime) -> tuple[str, bool]:
    reason, message = waiting["reason"], waiting.get("message") or ""
    restarts = container.get("restartCount", 0)
    text = f"{reason} in pod {pod['metadata']['name']}, container {container['name']}"
    if reason == "CrashLoopBackOff":
        ended = (container.get("lastState") or {}).get("terminated") or {}
        text += f", {restarts} restarts, last exit code {ended.get('exitCode', 'unknown')}"
        message = ended.get("message") or message
    text += f": {message}" if message else ""
    if reason in HOPELESS_REASONS:
        return text, True
    if reason == "CrashLoopBackOff":
        return text, restarts >= HOPELESS_RESTARTS
    if reason in ("ImagePullBackOff", "ErrImagePull"):
        is_absent = any(phrase in message.lower() for phrase in NOT_THERE_PHRASES)
        return text, is_absent or _age_seconds(pod, now) >= HOPELESS_PULL_SECONDS
    return text, False


def _age_seconds(pod: Object, now: datetime) -> float:
    created = pod["metadata"].get("creationTimestamp")
    return (now - datetime.fromisoformat(created)).total_seconds() if created else 0.0


def _last_warning(pod_name: str, events: Sequence[Object]) -> str:
    about = [
        item for item in events if (item.get("involvedObject") or {}).get("name") == pod_name and item.get("type") == "Warning"
    ]
    about.sort(key=lambda item: item.get("lastTimestamp") or item.get("eventTime") or "")
    return f"{about[-1].get('reason', '')}: {about[-1].get('message', '')}" if about else ""
