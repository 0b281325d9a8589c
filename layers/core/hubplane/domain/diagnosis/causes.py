"""What several checks have to agree on, so that one trouble is one finding. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final, Literal

from hubplane.domain.diagnosis.facts import ClusterFacts, Event, Pod
from hubplane.domain.releases.charts import AUTOSCALER, JUPYTERHUB

# A node comes in some 3 minutes, an image of 10 to 20 GB in as many again: until then a pod that waits is only young.
PATIENCE: Final = timedelta(minutes=10)

MOUNT_REASONS: Final = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume"})

HUB_TROUBLES: Final = (
    ("gnutls_handshake", re.compile(r"gnutls_handshake\(\) failed")),
    ("database locked", re.compile(r"database (?:is|table is) locked", re.IGNORECASE)),
    ("hub disk full", re.compile(r"database or disk is full|OSError: \[Errno 28\]")),
)
"""What the hub's log says when the hub has to be looked after: (name, pattern). The first is S0's 500 on the login page."""


def hub_pods(pods: Iterable[Pod]) -> list[Pod]:
    """The hub's pods that are not on their way out; one, where all is well."""
    return [pod for pod in _staying(pods, JUPYTERHUB.namespace) if pod.component == "hub"]


def proxy_pods(pods: Iterable[Pod]) -> list[Pod]:
    """The proxy's pods that are not on their way out."""
    return [pod for pod in _staying(pods, JUPYTERHUB.namespace) if pod.component == "proxy"]


def autoscaler_pods(pods: Iterable[Pod]) -> list[Pod]:
    """The autoscaler's pods that are not on their way out."""
    return _staying(pods, AUTOSCALER.namespace)


def _staying(pods: Iterable[Pod], namespace: str) -> list[Pod]:
    return [pod for pod in pods if pod.namespace == namespace and not pod.ending and pod.phase not in ("Succeeded", "Failed")]


def hub_serves(facts: ClusterFacts) -> bool:
    """Whether the hub and its proxy are ready: where they are not, nothing in front of them can answer either."""
    return any(pod.ready for pod in hub_pods(facts.pods)) and any(pod.ready for pod in proxy_pods(facts.pods))


def hub_log_troubles(facts: ClusterFacts) -> Iterator[tuple[str, str]]:
    """(name, the last line of the hub's log that shows it) for each trouble of ``HUB_TROUBLES`` in the log."""
    lines = facts.hub_log.splitlines()
    for name, pattern in HUB_TROUBLES:
        line = next((line for line in reversed(lines) if pattern.search(line)), None)
        if line is not None:
            yield name, line.strip()


def events_about(facts: ClusterFacts, pod: Pod) -> list[Event]:
    """The warnings about this very pod, newest first; those about an earlier one of the same name are history."""
    return facts.events_by_uid.get(pod.uid, [])


Cause = Literal["room", "zone", "attachments", "claim", "image", "mount", "other"]


def waiting_pods(facts: ClusterFacts, *causes: Cause) -> list[Pod]:
    """The pods that wait for one of these causes. Those of hub and proxy too; ``hub_pod`` tells of them in its own words."""
    return [pod for pod in facts.pods if cause_of(facts, pod) in causes]


def cause_of(facts: ClusterFacts, pod: Pod) -> Cause | None:
    """Why a pod does not run, None for one that does, that ends, or that only just came.

    The scheduler's words: kubernetes pkg/scheduler/framework/plugins (nodevolumelimits, volumezone, volumebinding, …).
    """
    if pod.ready or pod.ending or pod.phase in ("Succeeded", "Failed"):
        return None
    if pod.unschedulable:
        return _cause_of_no_node(facts, pod)
    if pod.waiting and "Image" in pod.waiting[0]:
        return "image"
    if is_young(facts, pod):
        return None
    if pod.node is not None and any(event.reason in MOUNT_REASONS for event in events_about(facts, pod)):
        return "mount"
    return "other"


def _cause_of_no_node(facts: ClusterFacts, pod: Pod) -> Cause | None:
    said = pod.unschedulable
    if any(is_out_of_zone(facts, name) for name in pod.claims):
        return "zone"
    if "persistentvolumeclaim" in said.lower():
        return None if is_young(facts, pod) and "unbound immediate" in said else "claim"
    if "max volume count" in said:
        return "attachments"
    if "Insufficient" in said or "Too many pods" in said or "no nodes available" in said:
        return "room"
    if "volume node affinity conflict" in said:
        return "zone"
    return None if is_young(facts, pod) else "other"


def zones_of_claim(facts: ClusterFacts, claim_name: str) -> frozenset[str]:
    """Where the volume of a claim of the hub's namespace lies: what EC2 says, else what the PersistentVolume asks for."""
    bound = facts.volume_of_claim(claim_name)
    if bound is None:
        return frozenset()
    volume = facts.ebs_volumes.get(bound.volume_id or "")
    return frozenset({volume.zone} if volume and volume.zone else bound.zones)


def is_out_of_zone(facts: ClusterFacts, claim_name: str) -> bool:
    """Whether no node is, or may come, where the claim's volume lies: no attempt will mount it."""
    lies_in = zones_of_claim(facts, claim_name)
    return bool(lies_in) and bool(facts.node_zones) and lies_in.isdisjoint(facts.node_zones)


def person_of(facts: ClusterFacts, claim_name: str) -> str | None:
    """Whose home a claim is, as the hub wrote it on the claim or on a pod that uses it; None where nobody wrote it."""
    claim = facts.claims_by_name.get(claim_name)
    if claim is not None and claim.username:
        return claim.username
    return next((pod.username for pod in facts.pods if claim_name in pod.claims and pod.username), None)


def pod_words(pod: Pod) -> str:
    """What is wrong with a pod, as short as its own words allow."""
    if pod.unschedulable:
        return f"pod {pod.name} has no node: {pod.unschedulable}"
    if pod.waiting:
        reason, message = pod.waiting
        return f"pod {pod.name} waits: {reason}" + (f": {message}" if message else "")
    restarted = f", {pod.restarts} restarts" if pod.restarts else ""
    return f"pod {pod.name} is {pod.phase}{restarted}"


def is_young(facts: ClusterFacts, pod: Pod) -> bool:
    """Whether the pod has waited for no longer than a node and an image take to come."""
    return facts.now - pod.created_at < PATIENCE
