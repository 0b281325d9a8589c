"""The status of a pod at each point of its life: pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.kubernetes.controllers.ownership import with_condition
from local.kubernetes.store import Object, now_text


@dataclass(frozen=True)
class ContainerState:
    """One container. ``waiting`` is a reason such as ContainerCreating, "" while it runs; ``exit_code`` None while not ended."""

    ready: bool = False
    waiting: str = ""
    message: str = ""
    restarts: int = 0
    exit_code: int | None = None
    last_failure: str = ""


def pod_address(uid: str) -> str:
    """A made-up address of a pod that only pretends to run, in the range of EKS' VPC pods."""
    digest = hashlib.sha256(uid.encode()).digest()
    return f"10.0.{digest[0]}.{digest[1] % 250 + 4}"


def own_address(uid: str) -> str:
    """An address of this machine (127.0.0.0/8, all of which is loopback) for one real pod, so that its ports are its own."""
    digest = hashlib.sha256(uid.encode()).digest()
    return f"127.{digest[0] % 254 + 1}.{digest[1]}.{digest[2] % 254 + 1}"


def pod_status(pod: Object, states: Mapping[str, ContainerState], host_address: str, *, address: str = "") -> Object:
    """The status of a scheduled pod whose containers are in ``states`` (by name)."""
    before: Object = pod["status"]
    containers = pod["spec"]["containers"]
    chosen = [states.get(container["name"], ContainerState(waiting="ContainerCreating")) for container in containers]
    ended = all(state.exit_code is not None for state in chosen)
    started = any(not state.waiting for state in chosen)
    if ended:
        phase = "Succeeded" if all(state.exit_code == 0 for state in chosen) else "Failed"
    else:
        phase = "Running" if started or before.get("phase") == "Running" else "Pending"
    waiting = [container["name"] for container, state in zip(containers, chosen, strict=True) if not state.ready]
    words = ("", "") if not waiting else ("ContainersNotReady", f"containers with unready status: [{' '.join(waiting)}]")
    if phase == "Succeeded":
        words = ("PodCompleted", "")
    conditions: list[Object] = list(before.get("conditions", ()))
    conditions = with_condition(conditions, "Initialized", True, "", "")
    conditions = with_condition(conditions, "ContainersReady", not waiting, *words)
    conditions = with_condition(conditions, "Ready", not waiting, *words)
    status: Object = {
        **before,
        "phase": phase,
        "conditions": [{name: value for name, value in one.items() if value != ""} for one in conditions],
        "hostIP": host_address,
        "startTime": before.get("startTime", now_text()),
        "containerStatuses": [
            _container(container, state, _found(before, container["name"]))
            for container, state in zip(containers, chosen, strict=True)
        ],
    }
    if pod["spec"].get("initContainers"):
        status["initContainerStatuses"] = [_init(container, before) for container in pod["spec"]["initContainers"]]
    if started:
        status["podIP"] = address or before.get("podIP") or pod_address(pod["metadata"]["uid"])
        status["podIPs"] = [{"ip": status["podIP"]}]
    return status


def _found(before: Object, name: str) -> Object:
    return next((one for one in before.get("containerStatuses", ()) if one["name"] == name), {})


def _container(container: Object, state: ContainerState, before: Object) -> Object:
    shown: Object = {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": state.ready,
        "restartCount": state.restarts,
        "started": not state.waiting and state.exit_code is None,
        "lastState": before.get("lastState", {}),
    }
    if state.exit_code is not None:
        was = before.get("state", {}).get("terminated")
        began = before.get("state", {}).get("running", {}).get("startedAt", now_text())
        reason = "Completed" if state.exit_code == 0 else "Error"
        fresh: Object = {"exitCode": state.exit_code, "reason": reason, "startedAt": began, "finishedAt": now_text()}
        shown["state"] = {"terminated": was or fresh}
    elif state.waiting:
        waiting = {"reason": state.waiting} | ({"message": state.message} if state.message else {})
        shown["state"] = {"waiting": waiting}
    else:
        same = "running" in before.get("state", {}) and before.get("restartCount") == state.restarts
        shown["state"] = {"running": before["state"]["running"] if same else {"startedAt": now_text()}}
    if state.last_failure and shown["restartCount"] != before.get("restartCount", 0):
        ended: dict[str, Any] = {"exitCode": 1, "reason": "Error", "message": state.last_failure}
        shown["lastState"] = {"terminated": {**ended, "startedAt": now_text(), "finishedAt": now_text()}}
    return shown


def _init(container: Object, before: Object) -> Object:
    """Init containers are never run; they are shown as having done their work."""
    was = next((one for one in before.get("initContainerStatuses", ()) if one["name"] == container["name"]), None)
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": now_text(), "finishedAt": now_text()}
    return was or {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": True,
        "restartCount": 0,
        "state": {"terminated": ended},
    }
