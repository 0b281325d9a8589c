"""A cluster without servers: what is still to be stopped, in which order, and who is asked to do it.

Servers are stopped by the hub, which knows them; then the hub itself is, so that nobody starts another. What still mounts a
home after that was left behind by a hub that is gone, and Kubernetes ends it, with the grace that it gives every pod.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

__all__ = ["HUB_DEPLOYMENT", "HubSeen", "QuietStep", "UserPod", "hub_seen", "next_step", "user_pods"]

HUB_DEPLOYMENT: Final = "hub"
# KubeSpawner writes it on each pod that it makes (kubespawner 7, spawner.py, _build_common_annotations).
USERNAME_ANNOTATION: Final = "hub.jupyter.org/username"
SERVER_ANNOTATION: Final = "hub.jupyter.org/servername"


class QuietStep(StrEnum):
    """What comes next."""

    ASK_HUB = "ask the hub"
    STOP_HUB = "stop the hub"
    END_PODS = "end pods"
    WAIT = "wait"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class HubSeen:
    """The hub's Deployment: how many it wants and how many answer; both 0 where there is none."""

    wanted: int = 0
    ready: int = 0


@dataclass(frozen=True, slots=True)
class UserPod:
    """A pod that mounts a claim and is not the hub's. ``username`` is None where nothing says whose it is."""

    name: str
    username: str | None
    server_name: str
    ending: bool
    is_hub: bool = False


def hub_seen(deployment: Mapping[str, Any] | None) -> HubSeen:
    """What the Deployment's object says. One that names no replicas wants one, as Kubernetes takes it."""
    if deployment is None:
        return HubSeen()
    wanted = deployment["spec"].get("replicas", 1)
    return HubSeen(int(wanted), int((deployment.get("status") or {}).get("readyReplicas") or 0))


def user_pods(pods: Sequence[Mapping[str, Any]]) -> tuple[UserPod, ...]:
    """The pods of the namespace that mount a claim, the hub's own too."""
    found = []
    for pod in pods:
        if not any(volume.get("persistentVolumeClaim") for volume in pod["spec"].get("volumes") or ()):
            continue
        metadata = pod["metadata"]
        notes, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
        found.append(
            UserPod(
                name=metadata["name"],
                username=notes.get(USERNAME_ANNOTATION),
                server_name=notes.get(SERVER_ANNOTATION) or "",
                ending="deletionTimestamp" in metadata,
                is_hub=labels.get("component") == "hub",
            )
        )
    return tuple(found)


def next_step(hub: HubSeen, pods: Sequence[UserPod]) -> QuietStep:
    """What to do now. While a hub answers, servers are its business; one that is wanted and does not answer is stopped."""
    servers = [pod for pod in pods if not pod.is_hub]
    if hub.ready and any(pod.username for pod in servers):
        return QuietStep.ASK_HUB
    if hub.wanted:
        return QuietStep.STOP_HUB
    if any(not pod.ending for pod in servers):
        return QuietStep.END_PODS
    return QuietStep.WAIT if pods or hub.ready else QuietStep.DONE
