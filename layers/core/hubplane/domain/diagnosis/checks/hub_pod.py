"""Whether the hub and its proxy run. Where they do not, everything before them fails as well and says nothing new."""

from __future__ import annotations

from collections.abc import Iterator

from hubplane.domain.diagnosis.causes import events_about, hub_pods, is_young, pod_words, proxy_pods
from hubplane.domain.diagnosis.facts import ClusterFacts, Pod
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.mends import build_cluster, restart_hub

NAME = "hub_pod"
# A hub that was restarted by a roll-out or by us has 0; one whose node ended has a new pod with 0 again.
MANY_RESTARTS = 3


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """One finding where there is no ready pod of the hub or of the proxy, or where the hub keeps ending."""
    for noun, pods in (("hub", hub_pods(facts.pods)), ("proxy", proxy_pods(facts.pods))):
        if not pods:
            sentence = f"There is no {noun} pod, so nobody can reach the hub."
            said = f"namespace jupyter has no pod with the label component={noun}"
            yield Finding(NAME, "critical", sentence, (said,), "diagnose-cluster", build_cluster(facts))
        elif not any(pod.ready for pod in pods):
            # Restarting helps neither a pod that has no node nor one that only just came.
            waits = any(pod.unschedulable for pod in pods) or all(is_young(facts, pod) for pod in pods)
            mend = None if waits or noun != "hub" else restart_hub(facts)
            sentence = f"The {noun} pod is not ready, so nobody can reach the hub."
            yield Finding(NAME, "critical", sentence, _evidence(facts, pods), "restart-hub", mend)
        elif noun == "hub" and max(pod.restarts for pod in pods) >= MANY_RESTARTS:
            sentence = "The hub's pod keeps ending and starting again; people meet errors while it starts."
            yield Finding(NAME, "warning", sentence, _evidence(facts, pods), "restart-hub")


def _evidence(facts: ClusterFacts, pods: list[Pod]) -> tuple[str, ...]:
    said = []
    for pod in pods:
        said.append(pod_words(pod))
        said += [f"{event.reason}: {event.message}" for event in events_about(facts, pod)[:2]]
    return tuple(dict.fromkeys(said))
