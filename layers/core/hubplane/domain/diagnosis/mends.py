"""The executions that mend findings, each with its complete input; None for an input that the machine would refuse."""

from __future__ import annotations

from dataclasses import replace

from hubplane.domain.cluster_spec.model import ClusterSpec, spec_to_json
from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Mend
from hubplane.domain.homes.operator_inputs import LARGEST_SIZE_GIB, LONGEST_USERNAME


def restart_hub(facts: ClusterFacts) -> Mend:
    """The hub's pod made anew; users' servers stay up."""
    return Mend("restart_hub", {"cluster_name": facts.cluster_name})


def repair_autoscaler(facts: ClusterFacts) -> Mend:
    """The autoscaler's namespace and release made anew."""
    return Mend("repair_autoscaler", {"cluster_name": facts.cluster_name})


def build_cluster(facts: ClusterFacts, spec: ClusterSpec | None = None) -> Mend:
    """A build of the recorded specification, or of ``spec``: every stage is "make it so". Of a control plane that rose since, a
    build with the former version would be refused, so it is given the one that runs."""
    given = spec or facts.spec
    if facts.rose_to is not None:
        given = replace(given, kubernetes_version=facts.rose_to)
    return Mend("build_cluster", {"cluster_name": facts.cluster_name, "spec": spec_to_json(given)})


def move_home(facts: ClusterFacts, username: str) -> Mend | None:
    """A home brought to the zone of the cluster's nodes, through a snapshot."""
    if not _is_name(username):
        return None
    return Mend("move_home", {"cluster_name": facts.cluster_name, "username": username, "mode": "enforce"})


def stop_server(facts: ClusterFacts, username: str) -> Mend | None:
    """A person's server stopped, so that its volumes are let go."""
    if not _is_name(username):
        return None
    return Mend("stop_server", {"cluster_name": facts.cluster_name, "username": username})


def snapshot_volumes(facts: ClusterFacts) -> Mend:
    """Snapshots of all homes, now."""
    return Mend("snapshot_volumes", {"cluster_name": facts.cluster_name, "mode": "enforce"})


def expand_home(facts: ClusterFacts, username: str, size_gib: int) -> Mend | None:
    """A home half as large again, or as large as EBS makes one; None for one that is that large."""
    larger = min(size_gib + max(1, size_gib // 2), LARGEST_SIZE_GIB)
    if larger <= size_gib or not _is_name(username):
        return None
    return Mend("expand_home", {"cluster_name": facts.cluster_name, "username": username, "size_gib": larger, "mode": "enforce"})


def _is_name(username: str) -> bool:
    """Whether the machines take it for a person's name: whoever may write on a pod wrote it."""
    return bool(username.strip()) and len(username) <= LONGEST_USERNAME
