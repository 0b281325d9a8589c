"""What a restore drill makes in a cluster, and its removal. ``api`` is ``adapters.kubernetes.Kubernetes``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from hubplane.domain.homes.drilling import CANARY, DRILL_NAMESPACE

LOG_LINES = 20


class Api(Protocol):
    """What is asked of a cluster's API server."""

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """One object, None where there is none."""

    def list(self, kind: str, namespace: str | None = None) -> Iterator[dict[str, Any]]:
        """All objects of a kind."""

    def create(self, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        """Make an object; None where one of its name is there already."""

    def delete(self, kind: str, name: str, namespace: str | None = None) -> bool:
        """Ask for an object's removal."""

    def log(self, namespace: str, pod: str, *, lines: int, container: str = "") -> str:
        """The end of a container's log."""


class DrillObjects:
    """Claims and pods of the drill's namespace. Errors are ``api``'s. Everything can be repeated."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def has_node(self) -> bool:
        """Whether a pod could run: some node takes pods."""
        return any(not node["spec"].get("unschedulable") for node in self._api.list("Node"))

    def ensure(self, manifest: Mapping[str, Any]) -> None:
        """Make the object where it is not there."""
        self._api.create(manifest)

    def volume_of(self, claim_name: str) -> str | None:
        """The EBS volume of a claim, None while it has none."""
        claim = self._api.get("PersistentVolumeClaim", claim_name, DRILL_NAMESPACE)
        bound_to = claim["spec"].get("volumeName") if claim else None
        volume = self._api.get("PersistentVolume", bound_to) if bound_to else None
        return (volume["spec"].get("csi") or {}).get("volumeHandle") if volume else None

    def end_of(self, pod_name: str) -> tuple[str, str] | None:
        """Phase and log of a pod that has ended, None while it has not."""
        pod = self._api.get("Pod", pod_name, DRILL_NAMESPACE)
        phase = (pod or {}).get("status", {}).get("phase", "")
        if phase not in ("Succeeded", "Failed"):
            return None
        return phase, self._api.log(DRILL_NAMESPACE, pod_name, lines=LOG_LINES)

    def remove_pod(self, pod_name: str) -> None:
        """Ask for a pod's removal."""
        self._api.delete("Pod", pod_name, DRILL_NAMESPACE)

    def sweep(self) -> list[str]:
        """Ask for the removal of all that drills made but the canary's claim; what is still there.

        Claims go after their pods; their volumes go with them, by the driver. A Kubernetes volume whose claim was never made,
        or is gone, is removed by itself.
        """
        pods = [item["metadata"]["name"] for item in self._api.list("Pod", DRILL_NAMESPACE)]
        for name in pods:
            self._api.delete("Pod", name, DRILL_NAMESPACE)
        claims = [item["metadata"]["name"] for item in self._api.list("PersistentVolumeClaim", DRILL_NAMESPACE)]
        mine = [name for name in claims if name != CANARY]
        if not pods:
            for name in mine:
                self._api.delete("PersistentVolumeClaim", name, DRILL_NAMESPACE)
        volumes = [item["metadata"]["name"] for item in self._api.list("PersistentVolume") if _is_loose(item, claims)]
        for name in volumes:
            self._api.delete("PersistentVolume", name)
        return [*(f"pod {name}" for name in pods), *(f"claim {name}" for name in mine), *(f"volume {name}" for name in volumes)]


def _is_loose(volume: Mapping[str, Any], claims: list[str]) -> bool:
    """A volume that a drill made for a claim that is not there. One whose claim is gone is the driver's to remove."""
    reference = volume["spec"].get("claimRef") or {}
    waits_for_driver = (volume.get("status") or {}).get("phase") == "Released"
    mine = reference.get("namespace") == DRILL_NAMESPACE and reference.get("name") != CANARY
    return mine and reference["name"] not in claims and not waits_for_driver
