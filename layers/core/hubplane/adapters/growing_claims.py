"""Claims that grow: what one asks for, what its PersistentVolume has, and asking for more.

``api`` is ``adapters.kubernetes.Kubernetes``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final, Protocol

from hubplane.domain.homes.growing import SeenClass, SeenHome

NAMESPACE: Final = "jupyter"
CSI_DRIVER: Final = "ebs.csi.aws.com"
GIB: Final = 1 << 30
_UNITS: Final = {
    **{f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", 1)},
    **{letter: 1000**power for power, letter in enumerate("kMGTPE", 1)},
}
"""Suffixes of Kubernetes' quantities (apimachinery, ``pkg/api/resource/suffix.go``)."""


class Api(Protocol):
    """What is asked of a cluster's API server."""

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """One object, None where there is none."""

    def list(self, kind: str, namespace: str | None = None) -> Iterator[dict[str, Any]]:
        """All objects of a kind."""

    def apply(self, manifest: Mapping[str, Any]) -> Any:
        """Make the object have these fields."""


class GrowingClaims:
    """The homes of one cluster. Errors are those of ``api``."""

    def __init__(self, api: Api, namespace: str = NAMESPACE) -> None:
        self._api, self._namespace = api, namespace

    def see(self, name: str, *, with_pods: bool = False) -> SeenHome | None:
        """The claim and its volume, None where there is no such claim. ``in_use`` is told only ``with_pods``, read last."""
        claim = self._api.get("PersistentVolumeClaim", name, self._namespace)
        if claim is None:
            return None
        spec, metadata = claim["spec"], claim["metadata"]
        bound_to = spec.get("volumeName")
        volume = self._api.get("PersistentVolume", bound_to) if bound_to else None
        csi = (volume["spec"].get("csi") or {}) if volume else {}
        return SeenHome(
            claim_name=name,
            uid=metadata["uid"],
            asked_gib=gib_of(spec["resources"]["requests"]["storage"]),
            phase=(claim.get("status") or {}).get("phase") or "Pending",
            class_name=spec.get("storageClassName") or None,
            volume_id=csi["volumeHandle"] if csi.get("driver") == CSI_DRIVER else None,
            capacity_gib=gib_of(volume["spec"]["capacity"]["storage"], up=False) if volume else 0,
            ending="deletionTimestamp" in metadata,
            in_use=with_pods and self._in_use(name),
        )

    def storage_class(self, name: str) -> SeenClass | None:
        """The StorageClass, None where there is none; what does not say that it expands does not (Kubernetes API reference)."""
        found = self._api.get("StorageClass", name)
        return None if found is None else SeenClass(name, found.get("allowVolumeExpansion") is True)

    def ask_for(self, name: str, size_gib: int) -> None:
        """Let the claim ask for so many GiB. Repeatable. The API server refuses less than it asks for now."""
        wanted = {"resources": {"requests": {"storage": f"{size_gib}Gi"}}}
        metadata = {"name": name, "namespace": self._namespace}
        self._api.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": wanted})

    def _in_use(self, name: str) -> bool:
        return any(
            (volume.get("persistentVolumeClaim") or {}).get("claimName") == name
            for pod in self._api.list("Pod", self._namespace)
            for volume in pod["spec"].get("volumes") or ()
        )


def gib_of(quantity: str, *, up: bool = True) -> int:
    """Whole GiB of a quantity such as ``500Gi``, rounded up as the driver does, or down. Raises ``ValueError`` otherwise."""
    unit = next((unit for unit in (quantity[-2:], quantity[-1:]) if unit in _UNITS), "")
    try:
        size = Decimal(quantity.removesuffix(unit)) * _UNITS.get(unit, 1) / GIB
    except ArithmeticError as error:
        raise ValueError(f"{quantity!r} is no quantity") from error
    return int(size.to_integral_value(ROUND_CEILING)) if up else int(size)
