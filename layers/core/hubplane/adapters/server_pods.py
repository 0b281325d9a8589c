"""The pods of a person's servers, as KubeSpawner marks them. ``api`` is ``adapters.kubernetes.Kubernetes``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Protocol

NAMESPACE: Final = "jupyter"
USERNAME: Final = "hub.jupyter.org/username"
SERVER_NAME: Final = "hub.jupyter.org/servername"
"""Annotations with the names as they are; a label of the first name has it as a slug (kubespawner 7.1.0 ``spawner.py``,
``_build_common_annotations``, ``_build_common_labels``). The default server's pod carries no server's name, or an empty one."""


class Api(Protocol):
    """What is asked of a cluster's API server."""

    def list(self, kind: str, namespace: str | None = None) -> Iterator[dict[str, Any]]:
        """All objects of a kind."""


class ServerPods:
    """Looks only. Errors are those of ``api``."""

    def __init__(self, api: Api, namespace: str = NAMESPACE) -> None:
        self._api, self._namespace = api, namespace

    def of(self, username: str, claim_names: Collection[str], server_name: str | None = None) -> tuple[str, ...]:
        """Names of the pods, sorted, waiting and terminating ones too: those that the hub made for the person and, where no
        server is named, every other that mounts one of the claims."""
        return tuple(
            sorted(
                pod["metadata"]["name"]
                for pod in self._api.list("Pod", self._namespace)
                if (server_name is None and _mounts(pod, claim_names)) or _is_server_of(pod, username, server_name)
            )
        )


def _is_server_of(pod: Mapping[str, Any], username: str, server_name: str | None) -> bool:
    annotations = pod["metadata"].get("annotations") or {}
    if annotations.get(USERNAME, "").lower() != username.lower():
        return False
    return server_name is None or annotations.get(SERVER_NAME, "") == server_name


def _mounts(pod: Mapping[str, Any], claim_names: Collection[str]) -> bool:
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return any((volume.get("persistentVolumeClaim") or {}).get("claimName") in claim_names for volume in volumes)
