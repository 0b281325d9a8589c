"""The StorageClass that homes and the hub's database are made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

DEFAULT_CLASS_ANNOTATION = "storageclass.kubernetes.io/is-default-class"

# What the API server fills in where a class says nothing (https://kubernetes.io/docs/concepts/storage/storage-classes/).
API_DEFAULTS = {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}


def storage_class_manifest(name: str) -> dict[str, Any]:
    """The class: encrypted gp3 volumes that can grow, made in the zone where the pod runs.

    ``reclaimPolicy: Delete``: a home is deleted by deleting its claim, which Kubernetes' own finalizer holds back while a pod
    uses it, and the driver then removes the volume. With ``Retain`` every pruned home would leave a volume that costs money
    and that somebody would have to delete past that guard. ``WaitForFirstConsumer``: a volume can only be mounted in its zone.
    """
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": {DEFAULT_CLASS_ANNOTATION: "true"}},
        "provisioner": "ebs.csi.aws.com",
        "parameters": {"type": "gp3", "encrypted": "true"},
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }


def immutable_differences(existing: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """A phrase per wanted field that the existing class has otherwise and that Kubernetes never changes.

    Further parameters (a KMS key, say) are the operator's choice and no difference.
    """
    for field in ("provisioner", "reclaimPolicy", "volumeBindingMode"):
        found = existing.get(field, API_DEFAULTS.get(field))
        if found != wanted[field]:
            yield f"{field} is {found} where {wanted[field]} is needed"
    for key, value in wanted["parameters"].items():
        found = (existing.get("parameters") or {}).get(key)
        if found != value:
            yield f"parameters.{key} is {found or 'not set'} where {value} is needed"


def refusal(name: str, differences: list[str]) -> str:
    """What is wrong with the class that is there, the rule, and the two ways out."""
    return (
        f"StorageClass {name} exists and {'; '.join(differences)}. Kubernetes does not change these fields of a class. Volumes "
        f"live on without their class: either delete it (kubectl delete storageclass {name}) and start the build again, which "
        "makes it anew, or give storage.class_name another name"
    )


def other_defaults(name: str, classes: Iterable[Mapping[str, Any]]) -> list[str]:
    """A note where another class is a default too: Kubernetes then takes the newest. Hubplane's own claims name their class."""
    others = sorted(
        item["metadata"]["name"]
        for item in classes
        if (item["metadata"].get("annotations") or {}).get(DEFAULT_CLASS_ANNOTATION) == "true"
        and item["metadata"]["name"] != name
    )
    if not others:
        return []
    return [
        f"besides {name}, {', '.join(others)} is a default StorageClass too: claims that name no class get the newest of them"
    ]
