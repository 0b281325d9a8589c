"""Whether pods wait for a node: the group at its maximum, the zone out of instances, or nodes that do not come (2019 README,
"Issue With Volume Mounts": overcrowding)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from hubplane.domain.cluster_spec.model import ClusterSpec, NodeGroup
from hubplane.domain.diagnosis.causes import autoscaler_pods, is_young, pod_words, waiting_pods
from hubplane.domain.diagnosis.facts import ClusterFacts, NodeGroupState, Pod
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.mends import build_cluster
from hubplane.domain.diagnosis.other_instances import group_beside, is_shortage

NAME = "node_room"
# A group that was full once is soon full again: a quarter more, and one at least.
GROWTH = 4
# Of a specification, which is EKS's own: https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html
MOST_NODES = 450


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """One finding per cause; pods that have waited for minutes only, while nodes may still come, are no trouble."""
    waiting = waiting_pods(facts, "room", "attachments")
    groups = [group for group in facts.node_groups if any(_is_for(facts, group, pod) for pod in waiting)]
    full = [group for group in groups if group.desired_size >= group.max_size]
    if waiting and full and len(full) == len(groups):
        said = [f"node group {group.name} has {group.desired_size} nodes and may have {group.max_size}" for group in full]
        sentence = (
            "People wait for a node, and the node group is at its maximum: none comes until somebody leaves or it may grow."
        )
        spec = _grown(facts, full)
        mend = build_cluster(facts, spec) if spec is not None else None
        yield Finding(NAME, "critical", sentence, (*said, *map(pod_words, waiting)), "diagnose-cluster", mend)
        return
    failed = [(group, at, words) for group in groups for at, words in group.failures]
    if waiting and failed:
        yield _no_instances(facts, *failed[0], waiting)
        return
    old = [pod for pod in waiting if not is_young(facts, pod)]
    if old and any(pod.ready for pod in autoscaler_pods(facts.autoscaler_pods)):
        sentence = "People have waited for a node for more than ten minutes, and none came although there is room for one."
        yield Finding(NAME, "warning", sentence, tuple(map(pod_words, old)), "diagnose-cluster")


def _no_instances(facts: ClusterFacts, group: NodeGroupState, at: datetime, words: str, waiting: list[Pod]) -> Finding:
    zones = ", ".join(group.zones)
    said = (f"node group {group.name} in {zones}, {at:%Y-%m-%d %H:%M} UTC: {words}", *map(pod_words, waiting))
    short = short_group(facts)
    spec = group_beside(facts.spec, short, facts.offered_types) if short is not None else None
    if short is None or spec is None:
        sentence = f"People wait for a node, and AWS starts none in {zones}: it has no such instances, or the quota is used up."
        return Finding(NAME, "critical", sentence, said, "diagnose-cluster")
    other = spec.node_groups[-1].instance_type
    sentence = (
        f"People wait for a node, and {zones} has no {short.instance_type} left. The proposed build puts a node group of {other} "
        "beside it, which is as large; servers that run stay as they are."
    )
    return Finding(NAME, "critical", sentence, said, "diagnose-cluster", build_cluster(facts, spec))


def short_group(facts: ClusterFacts) -> NodeGroup | None:
    """The node group of whose type the zone has none left while people wait for it; None also where another group would not help
    them, because their server is bound to this one."""
    waiting = waiting_pods(facts, "room", "attachments")
    for state in facts.node_groups:
        helped = [pod for pod in waiting if pod.wanted_group is None and _is_for(facts, state, pod)]
        if helped and len(helped) == len(waiting) and state.failures and is_shortage(state.failures[0][1]):
            return next((one for one in facts.spec.node_groups if f"{facts.cluster_name}-{one.name}" == state.name), None)
    return None


def _is_for(facts: ClusterFacts, group: NodeGroupState, pod: Pod) -> bool:
    """Whether a node of the group would help the pod: the one its profile names, or any whose taints repel nobody."""
    if pod.wanted_group is not None:
        return group.name == pod.wanted_group
    repels = {
        f"{facts.cluster_name}-{item.name}"
        for item in facts.spec.node_groups
        if any(taint.effect in ("NoSchedule", "NoExecute") for taint in item.taints)
    }
    return group.name not in repels


def _grown(facts: ClusterFacts, full: list[NodeGroupState]) -> ClusterSpec | None:
    """The specification with room for more nodes in the groups that are full; None where EKS lets none of them grow."""
    by_name = {group.name: group for group in full}

    def grown(name: str, largest: int) -> int:
        state = by_name.get(f"{facts.cluster_name}-{name}")
        most = largest if state is None else max(largest, state.max_size) + max(1, state.max_size // GROWTH)
        return min(most, MOST_NODES)

    if all(state.max_size >= MOST_NODES for state in full):
        return None
    groups = (replace(group, max_size=grown(group.name, group.max_size)) for group in facts.spec.node_groups)
    return replace(facts.spec, node_groups=tuple(groups))
