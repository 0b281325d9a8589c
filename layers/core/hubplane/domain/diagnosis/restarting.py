"""Whether a restarted hub is back, and whether everybody's server is as it was. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from hubplane.domain.diagnosis.causes import hub_pods, pod_words
from hubplane.domain.diagnosis.facts import Pod

# Kubernetes tells creation times in whole seconds, and its clock is not Step Functions'.
CLOCK_TOLERANCE = timedelta(seconds=5)


class Restart(NamedTuple):
    """``is_back``: a hub pod that is newer than the restart is ready. ``ended``: servers that ran before and do not now."""

    is_back: bool
    ended: tuple[str, ...]
    reason: str


def old_hubs(pods: Iterable[Pod], started_at: datetime) -> list[Pod]:
    """The hub's pods that are older than the execution: those it restarts. Newer ones it has restarted already."""
    return [pod for pod in hub_pods(pods) if pod.created_at < started_at - CLOCK_TOLERANCE]


def servers_of(pods: Iterable[Pod]) -> dict[str, str]:
    """Pod name to uid of people's servers that run or start."""
    return {pod.name: pod.uid for pod in pods if pod.is_server and not pod.ending and pod.phase not in ("Succeeded", "Failed")}


def judge_restart(pods: Iterable[Pod], restarted: Iterable[str], servers_before: Mapping[str, str]) -> Restart:
    """``restarted`` are the uids of the hub's pods that were deleted. A server counts as ended when its very pod is gone or ends:
    nobody could stop one through the hub while that was away."""
    seen, gone = list(pods), set(restarted)
    after = servers_of(seen)
    ended = tuple(sorted(name for name, uid in servers_before.items() if after.get(name) != uid))
    hubs = [pod for pod in hub_pods(seen) if pod.uid not in gone]
    if not hubs:
        return Restart(False, ended, "Kubernetes has not made the hub's new pod yet")
    if not any(pod.ready for pod in hubs):
        return Restart(False, ended, "; ".join(pod_words(pod) for pod in hubs))
    return Restart(True, ended, f"pod {hubs[0].name} is ready; {len(after)} server(s) run")
