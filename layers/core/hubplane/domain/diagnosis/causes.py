"""What several checks have to agree on, so that one trouble is one finding. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from hubplane.domain.diagnosis.facts import ClusterFacts, Event, Pod
from hubplane.domain.releases.charts import AUTOSCALER, JUPYTERHUB

# A node comes in some 3 minutes, an image of 10 to 20 GB in as many again: until then a pod that waits is only young.
PATIENCE: Final = timedelta(minutes=10)

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
    """The warnings about this very pod, the newest first; those about an earlier one of the same name are history."""
    return sorted((event for event in facts.events if event.about_uid == pod.uid), key=lambda event: event.last_at, reverse=True)


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
