"""How lists inside objects merge: by which fields their items are the same.

From the ``patchMergeKey`` and ``x-kubernetes-list-map-keys`` marks of the API's types (staging/src/k8s.io/api/*/types.go).
A list that is not named here is replaced as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "resourceClaims": ("name",),
    "secrets": ("name",),
    "addresses": ("type",),
    "podIPs": ("ip",),
}
_DEFAULTS = {"protocol": "TCP"}
SETS = {"finalizers"}
"""Lists of strings that are unions."""


def merge_keys(field: str, *lists: Sequence[Any] | None) -> tuple[str, ...]:
    """The identifying fields of the list ``field``; empty when the list is atomic. Its items tell ports apart."""
    items = [item for found in lists for item in found or ()]
    if not items or not all(isinstance(item, Mapping) for item in items):
        return ()
    if field == "ports":
        if all("containerPort" in item for item in items):
            return ("containerPort", "protocol")
        return ("port", "protocol") if all(isinstance(item.get("port"), int) for item in items) else ()
    if field == "addresses" and not all("type" in item for item in items):
        return ()
    keys = _KEYS.get(field, ())
    return keys if keys and all(keys[0] in item for item in items) else ()


def identity(item: Mapping[str, Any], keys: Sequence[str]) -> tuple[Any, ...]:
    """What makes two items the same."""
    return tuple(item.get(key, _DEFAULTS.get(key)) for key in keys)
