"""Pods that wait for what no node brings: an image, a claim, or a cause of their own."""

from __future__ import annotations

from collections.abc import Iterator

from hubplane.domain.diagnosis.causes import events_about, hub_pods, pod_words, proxy_pods, waiting_pods
from hubplane.domain.diagnosis.facts import ClusterFacts, Pod
from hubplane.domain.diagnosis.findings import Finding

NAME = "pending_pods"


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """One finding per cause. The hub and its proxy have a check of their own."""
    elsewhere = {pod.uid for pods in (hub_pods, proxy_pods) for pod in pods(facts.pods)}
    images = [pod for pod in waiting_pods(facts, "image") if pod.uid not in elsewhere]
    if images:
        yield _finding(facts, "Servers wait for an image that cannot be pulled.", images)
    claims = [pod for pod in waiting_pods(facts, "claim") if pod.uid not in elsewhere]
    if claims:
        sentence = "Servers wait for a claim that is not there, not bound, or being deleted."
        yield _finding(facts, sentence, claims)
    others = [pod for pod in waiting_pods(facts, "other") if pod.uid not in elsewhere]
    if others:
        yield _finding(facts, "Pods have not become ready for more than ten minutes.", others)


def _finding(facts: ClusterFacts, sentence: str, pods: list[Pod]) -> Finding:
    said = []
    for pod in pods:
        said.append(pod_words(pod))
        said += [f"{event.reason}: {event.message}" for event in events_about(facts, pod)[:1] if not pod.unschedulable]
    return Finding(NAME, "warning", sentence, tuple(dict.fromkeys(said)), "diagnose-cluster")
