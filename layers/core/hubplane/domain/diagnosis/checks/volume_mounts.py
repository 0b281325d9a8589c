"""Homes that cannot be mounted: in another zone than the nodes, on a node that takes no more volumes, or held by an attachment
that does not end (2019 README, "Issue With Volume Mounts")."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from hubplane.domain.diagnosis.causes import (
    events_about,
    is_out_of_zone,
    person_of,
    pod_words,
    waiting_pods,
    zones_of_claim,
)
from hubplane.domain.diagnosis.facts import ClusterFacts, Pod
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.mends import move_home, stop_server

NAME = "volume_mounts"
# EC2 attaches within seconds; the attach/detach controller forces a detach after 6 minutes (maxWaitForUnmountDuration).
STUCK_AFTER = timedelta(minutes=10)


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """A finding per home in a wrong zone, one for full nodes, one for stuck attachments, one per mount that fails otherwise."""
    for claim in facts.claims:
        if claim.ending or not is_out_of_zone(facts, claim.name):
            continue
        waits = [pod for pod in facts.pods if claim.name in pod.claims and not pod.ready and not pod.ending]
        lies_in, nodes_in = ", ".join(sorted(zones_of_claim(facts, claim.name))), ", ".join(sorted(facts.node_zones))
        person = person_of(facts, claim.name)
        sentence = (
            f"The home of {person or claim.name} lies in {lies_in} and the cluster's nodes in {nodes_in}: no node can mount it, "
            "however often it is tried."
        )
        said = (f"claim {claim.name} is bound to {claim.volume_name} in {lies_in}", *map(pod_words, waits))
        mend = move_home(facts, person) if person else None
        yield Finding(NAME, "critical" if waits else "warning", sentence, said, "diagnose-cluster", mend)
    yield from _limits(facts)
    yield from _stuck(facts)
    for pod in waiting_pods(facts, "mount"):
        said = tuple(f"{event.reason}: {event.message}" for event in events_about(facts, pod)[:3])
        mend = stop_server(facts, pod.username) if pod.is_server and pod.username else None
        sentence = f"The volumes of pod {pod.name} have not been mounted for more than ten minutes."
        if not any(_is_stuck_for(facts, pod, name) for name in _volume_names(facts, pod)):
            yield Finding(NAME, "warning", sentence, (pod_words(pod), *said), "diagnose-cluster", mend)


def _limits(facts: ClusterFacts) -> Iterator[Finding]:
    """Nodes that hold as many volumes as their type takes, while pods wait for just that. ``node_room`` says what helps."""
    waiting = waiting_pods(facts, "attachments")
    said = []
    for node in facts.nodes:
        held = sum(1 for item in facts.attachments if item.node == node.name)
        if node.attach_limit is not None and held >= node.attach_limit:
            said.append(f"node {node.name} ({node.instance_type}) takes {node.attach_limit} volumes and holds {held}")
    full = any(group.desired_size >= group.max_size for group in facts.node_groups)
    if waiting and said and not full:
        sentence = "Every node holds as many volumes as its instance type takes; homes wait for the next node."
        yield Finding(NAME, "warning", sentence, (*said, *map(pod_words, waiting)), "diagnose-cluster")


def _stuck(facts: ClusterFacts) -> Iterator[Finding]:
    names = {node.name for node in facts.nodes}
    stuck = []
    for item in facts.attachments:
        old = facts.now - item.created_at > STUCK_AFTER
        if item.node not in names:
            stuck.append((item.volume_name, f"{item.volume_name} is attached to node {item.node}, which is gone"))
        elif old and (not item.attached or item.ending):
            doing = "being detached from" if item.ending else "being attached to"
            stuck.append(
                (item.volume_name, f"{item.volume_name} is still {doing} node {item.node}: {item.error or 'no error told'}")
            )
    if not stuck:
        return
    claims = {volume.name: volume.claim[1] for volume in facts.persistent_volumes if volume.claim}
    people = [person_of(facts, claims[name]) for name, _ in stuck if name in claims]
    waiting = next((person for person in people if person), None)
    sentence = "A volume hangs between two nodes; its home cannot be mounted until it is let go."
    mend = stop_server(facts, waiting) if waiting else None
    yield Finding(NAME, "warning", sentence, tuple(words for _, words in stuck), "diagnose-cluster", mend)


def _volume_names(facts: ClusterFacts, pod: Pod) -> list[str]:
    return [item.volume_name for item in facts.claims if item.name in pod.claims and item.volume_name]


def _is_stuck_for(facts: ClusterFacts, pod: Pod, volume_name: str) -> bool:
    return any(
        item.volume_name == volume_name
        and (not item.attached or item.ending or item.node != pod.node)
        and facts.now - item.created_at > STUCK_AFTER
        for item in facts.attachments
    )
