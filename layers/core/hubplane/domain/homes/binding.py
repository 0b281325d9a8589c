"""A home's volume and claim as Kubernetes objects, made for each other before either knows of the other.

The volume names the claim (``claimRef`` without a uid: Kubernetes calls it pre-bound and keeps it ``Available`` for that claim
alone), the claim names the volume (``volumeName``), so no other volume and no other claim can come between
(https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reserving-a-persistentvolume).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

CSI_DRIVER: Final = "ebs.csi.aws.com"
PROVISIONED_BY: Final = "pv.kubernetes.io/provisioned-by"
ZONE_LABEL: Final = "topology.kubernetes.io/zone"
USERNAME_ANNOTATION: Final = "hub.jupyter.org/username"
ACCESS_MODES: Final = ("ReadWriteOnce",)


class Bond(StrEnum):
    """``BOUND``: the claim holds exactly this volume. ``BINDING``: both are there, Kubernetes has not joined them yet."""

    BOUND = "bound"
    BINDING = "binding"


@dataclass(frozen=True, slots=True)
class HomeBond:
    """What is joined: an EBS volume of ``zone`` and ``size_gib``, the PersistentVolume that is to stand for it, the claim."""

    claim_name: str
    username: str
    volume_id: str
    persistent_volume_name: str
    size_gib: int
    zone: str
    storage_class_name: str
    namespace: str = "jupyter"


def persistent_volume(bond: HomeBond) -> dict[str, Any]:
    """The PersistentVolume. Without ``provisioned-by`` the CSI driver would never remove the EBS volume of a deleted claim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": bond.persistent_volume_name, "annotations": {PROVISIONED_BY: CSI_DRIVER}},
        "spec": {
            "capacity": {"storage": f"{bond.size_gib}Gi"},
            "accessModes": list(ACCESS_MODES),
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": bond.storage_class_name,
            "volumeMode": "Filesystem",
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": bond.namespace,
                "name": bond.claim_name,
            },
            "csi": {"driver": CSI_DRIVER, "volumeHandle": bond.volume_id, "fsType": "ext4"},
            "nodeAffinity": {
                "required": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": ZONE_LABEL, "operator": "In", "values": [bond.zone]}]}]
                }
            },
        },
    }


def persistent_volume_claim(bond: HomeBond) -> dict[str, Any]:
    """The claim, labelled as KubeSpawner labels those that it makes."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": bond.claim_name,
            "namespace": bond.namespace,
            "labels": {"app": "jupyterhub", "component": "singleuser-storage", "heritage": "jupyterhub"},
            "annotations": {USERNAME_ANNOTATION: bond.username},
        },
        "spec": {
            "accessModes": list(ACCESS_MODES),
            "storageClassName": bond.storage_class_name,
            "volumeMode": "Filesystem",
            "volumeName": bond.persistent_volume_name,
            "resources": {"requests": {"storage": f"{bond.size_gib}Gi"}},
        },
    }


def other_volume(found: Mapping[str, Any], bond: HomeBond) -> Iterator[str]:
    """What makes a PersistentVolume of this name another one than wanted: a phrase each; none where it is the same."""
    spec, name = found["spec"], bond.persistent_volume_name
    handle = (spec.get("csi") or {}).get("volumeHandle")
    reference = spec.get("claimRef") or {}
    if handle != bond.volume_id:
        yield f"persistent volume {name} stands for {handle or 'another storage'}, not for {bond.volume_id}"
    if (reference.get("namespace"), reference.get("name")) != (bond.namespace, bond.claim_name):
        yield f"persistent volume {name} is kept for claim {reference.get('name') or 'nobody'}, not for {bond.claim_name}"
    if "deletionTimestamp" in found["metadata"] or (found.get("status") or {}).get("phase") in ("Released", "Failed"):
        yield f"persistent volume {name} is of a claim that is gone and waits for its own removal"


def other_claim(found: Mapping[str, Any], bond: HomeBond) -> Iterator[str]:
    """The same for the claim."""
    bound_to = found["spec"].get("volumeName")
    if bound_to != bond.persistent_volume_name:
        yield f"claim {bond.claim_name} is for {bound_to or 'any volume'}, not for {bond.persistent_volume_name}"
    if "deletionTimestamp" in found["metadata"]:
        yield f"claim {bond.claim_name} is being deleted"
    if (found.get("status") or {}).get("phase") == "Lost":
        yield f"claim {bond.claim_name} has lost its volume"


def bond_of(claim: Mapping[str, Any], volume: Mapping[str, Any]) -> Bond:
    """Whether Kubernetes has joined the two: both sides say so, the volume with the claim's own uid."""
    joined = (claim.get("status") or {}).get("phase") == "Bound"
    same = (volume["spec"].get("claimRef") or {}).get("uid") == claim["metadata"].get("uid")
    return Bond.BOUND if joined and same else Bond.BINDING
