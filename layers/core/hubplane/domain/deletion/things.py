"""What a cluster leaves behind outside its stack, and what is decided about each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Kind", "Thing", "Verdict", "owners_in", "tagged_thing", "verdict_from_json", "verdict_to_json"]

CLUSTER_TAG_PREFIX = "kubernetes.io/cluster/"
# Who writes which: Hubplane, the EBS CSI driver, the VPC CNI, the AWS Load Balancer Controller. Each holds a cluster's name.
NAME_TAGS = ("hubplane:cluster", "KubernetesCluster", "cluster.k8s.amazonaws.com/name", "elbv2.k8s.aws/cluster")


class Kind(StrEnum):
    """In the order of the sweep: what uses another thing goes before it."""

    SCHEDULE = "schedule"
    LOAD_BALANCER = "load balancer"
    CLASSIC_LOAD_BALANCER = "classic load balancer"
    TARGET_GROUP = "target group"
    NETWORK_INTERFACE = "network interface"
    SECURITY_GROUP = "security group"
    IMAGE_REPOSITORY = "image repository"
    OAUTH_CLIENT = "OAuth client"
    SECRET = "secret"  # noqa: S105
    VOLUME = "volume"
    SNAPSHOT = "snapshot"
    LOG_GROUP = "log group"


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that may be the cluster's.

    ``clusters``: the clusters that it says it belongs to, by tags or by what only its owner can know; none says nothing.
    ``size_gib`` is what it is billed by (0: not by size). ``busy``: why it cannot go now. ``stays``: why it is meant to outlive
    the cluster. Both are clauses, or empty.
    """

    kind: Kind
    thing_id: str
    clusters: frozenset[str] = frozenset()
    size_gib: float = 0.0
    volume_type: str = ""
    busy: str = ""
    stays: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision: ``goes`` or stays, why, and what it costs a month for as long as it is there. ``proof``: the snapshot on
    whose strength it goes."""

    kind: Kind
    thing_id: str
    goes: bool
    reason: str
    usd_per_month: float = 0.0
    proof: str | None = None


def owners_in(tags: Mapping[str, str]) -> frozenset[str]:
    """The clusters that tags name, in every form that a part of a cluster writes."""
    named = {tags[key] for key in NAME_TAGS if tags.get(key)}
    owned = {key.removeprefix(CLUSTER_TAG_PREFIX) for key, value in tags.items() if key.startswith(CLUSTER_TAG_PREFIX) and value}
    return frozenset(named | owned)


def tagged_thing(kind: Kind, thing_id: str, tags: Mapping[str, str], *, size_gib: float = 0.0, busy: str = "") -> Thing:
    """The thing as its tags tell of it. One that a cluster's tag calls ``shared`` outlives the cluster: so Kubernetes names what
    it uses and did not make (https://kubernetes-sigs.github.io/aws-load-balancer-controller, "Subnet discovery")."""
    shared = sorted(key for key, value in tags.items() if key.startswith(CLUSTER_TAG_PREFIX) and value == "shared")
    stays = f"its tag {shared[0]} says that it is shared" if shared else ""
    return Thing(kind, thing_id, owners_in(tags), size_gib=size_gib, busy=busy, stays=stays)


def tags_of(items: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """``[{"Key": …, "Value": …}]`` as a mapping."""
    return {item["Key"]: item["Value"] for item in items}


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as one line of the listing; ``verdict_from_json`` reads it back."""
    return {**asdict(verdict), "kind": str(verdict.kind)}


def verdict_from_json(document: Mapping[str, Any]) -> Verdict:
    """The verdict that ``verdict_to_json`` wrote."""
    return Verdict(
        kind=Kind(document["kind"]),
        thing_id=document["thing_id"],
        goes=document["goes"],
        reason=document["reason"],
        usd_per_month=document["usd_per_month"],
        proof=document.get("proof"),
    )
