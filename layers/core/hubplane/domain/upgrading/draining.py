"""What a drain of the nodes that a step replaces would end, and what would hold it up. Pure.

EKS evicts every pod of a node but those of DaemonSets, and gives up after 15 minutes on one that a PodDisruptionBudget holds:
PodEvictionFailure (EKS User Guide, "Managed node group update behavior"). The annotation ``safe-to-evict: false`` of people's
servers keeps the autoscaler off, not EKS: without a budget they are evicted like anything else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["Budget", "Drains", "RunningServer", "drain_notes", "held_drains", "unseen_drains"]

SHOWN: Final = 20
"""People that a note names; the others are counted."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A person's server and the node group that it runs on; None: the node says none, or the pod has no node yet.

    ``server_name`` is "" for the default one."""

    username: str
    server_name: str
    node_group: str | None


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget: how many of its ``pods`` may go now."""

    namespace: str
    name: str
    allowed: int
    pods: int


@dataclass(frozen=True, slots=True)
class Drains:
    """What runs, and what is held. ``unseen``: why the cluster could not be asked, "" where it could."""

    servers: tuple[RunningServer, ...] = ()
    budgets: tuple[Budget, ...] = ()
    unseen: str = ""


def unseen_drains(drains: Drains, rolls: Collection[str]) -> Iterator[str]:
    """That the cluster did not say what a drain of the node groups ``rolls`` means, with what to do."""
    if rolls and drains.unseen:
        yield (
            f"whose servers run and which pods cannot be evicted is not known ({drains.unseen}): build_cluster with the recorded "
            "specification gives Hubplane the right to look"
        )


def held_drains(drains: Drains, rolls: Collection[str]) -> Iterator[str]:
    """What would stop the drain of the node groups ``rolls``, one sentence each with what to do."""
    for budget in drains.budgets if rolls else ():
        if budget.allowed < 1 and budget.pods > 0:
            yield (
                f"PodDisruptionBudget {budget.name} in {budget.namespace} lets none of its {budget.pods} pod(s) go, so a node "
                "with one of them cannot be drained, and EKS gives up after 15 minutes (PodEvictionFailure): wait until all are "
                f"ready, or loosen it (`kubectl -n {budget.namespace} get pdb {budget.name}`)"
            )


def drain_notes(drains: Drains, rolls: Collection[str]) -> Iterator[str]:
    """Whose servers end with the nodes of the groups ``rolls``; of a server whose group is not known it is assumed."""
    if not rolls or drains.unseen:
        return
    cut = sorted({_named(server) for server in drains.servers if server.node_group is None or server.node_group in rolls})
    if not cut:
        yield "nobody's server runs on the nodes that will be replaced"
        return
    more = f" and {len(cut) - SHOWN} more" if len(cut) > SHOWN else ""
    count = "1 server runs" if len(cut) == 1 else f"{len(cut)} servers run"
    yield (
        f"{count} on nodes that will be replaced: {', '.join(cut[:SHOWN])}{more}; servers end with their nodes, what is in "
        "memory is lost, homes stay"
    )


def _named(server: RunningServer) -> str:
    return f"{server.username} ({server.server_name})" if server.server_name else server.username
