"""Whether pods wait for a node: the group at its maximum, the zone out of instances, or nodes that do not come (2019 README,
"Issue With Volume Mounts": overcrowding)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.diagnosis.causes import autoscaler_pods, is_young, pod_words, waiting_pods
from hubplane.domain.diagnosis.facts import ClusterFacts, NodeGroupState, Pod
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.mends import build_cluster

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
        group, at, words = failed[0]
        zones = ", ".join(group.zones)
        said = [f"node group {group.name} in {zones}, {at:%Y-%m-%d %H:%M} UTC: {words}"]
        sentence = f"People wait for a node, and AWS starts none in {zones}: it has no such instances, or the quota is used up."
        yield Finding(NAME, "critical", sentence, (*said, *map(pod_words, waiting)), "diagnose-cluster")
        return
    old = [pod for pod in waiting if not is_young(facts, pod)]
    if old and any(pod.ready for pod in autoscaler_pods(facts.autoscaler_pods)):
        sentence = "People have waited for a node for more than ten minutes, and none came although there is room for one."
        yield Finding(NAME, "warning", sentence, tuple(map(pod_words, old)), "diagnose-cluster")


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
