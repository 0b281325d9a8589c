"""Nodes that are not ready or out of memory, disk or processes, and node groups that EKS calls unhealthy."""

from __future__ import annotations

from collections.abc import Iterator

from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding

NAME = "nodes"
WELL = frozenset({"ACTIVE", "UPDATING", "CREATING"})


def judge(facts: ClusterFacts) -> Iterator[Finding]:
    """Node groups first: an unhealthy one explains nodes that are missing."""
    ill = [group for group in facts.node_groups if group.status not in WELL]
    if ill:
        said = tuple(
            f"node group {group.name} is {group.status}" + "".join(f"; {code}: {message}" for code, message in group.issues)
            for group in ill
        )
        yield Finding(
            NAME, "warning", "EKS calls a node group unhealthy; its nodes may not come or go.", said, "diagnose-cluster"
        )
    if not facts.nodes:
        sentence = "The cluster has no node, so nothing runs."
        yield Finding(NAME, "critical", sentence, ("the API server lists no node",), "diagnose-cluster")
    down = [
        f"node {node.name} ({node.instance_id}): {node.ready_message or 'not ready'}" for node in facts.nodes if not node.ready
    ]
    if down:
        sentence = "A node is not ready; the servers on it stand still until EKS has replaced it."
        yield Finding(NAME, "warning", sentence, tuple(down), "diagnose-cluster")
    pressed = [f"node {node.name}: {', '.join(node.pressures)}" for node in facts.nodes if node.pressures]
    if pressed:
        sentence = "A node runs out of room; Kubernetes ends pods on it to help itself."
        yield Finding(NAME, "warning", sentence, tuple(pressed), "diagnose-cluster")
