"""The StorageClass of homes: what it promises, and which classes that exist already it can live with."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from hubplane.domain.releases.storage_class import immutable_differences, refusal, storage_class_manifest

WANTED = storage_class_manifest("gp3")


def changed(**fields: Any) -> dict[str, Any]:
    """The class with some fields changed; None removes one."""
    found = deepcopy(WANTED)
    for key, value in fields.items():
        if value is None:
            del found[key]
        else:
            found[key] = value
    return found


def test_homes_are_encrypted_can_grow_and_follow_their_pod() -> None:
    assert WANTED["parameters"] == {"type": "gp3", "encrypted": "true"}
    assert WANTED["allowVolumeExpansion"] is True
    assert WANTED["volumeBindingMode"] == "WaitForFirstConsumer"
    assert WANTED["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}


def test_deleting_a_claim_deletes_its_volume() -> None:
    assert WANTED["reclaimPolicy"] == "Delete"


CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "the same": (changed(), []),
    "a key of the operator's own": (changed(parameters={**WANTED["parameters"], "kmsKeyId": "alias/x"}), []),
    "cannot grow yet, which may change": (changed(allowVolumeExpansion=False), []),
    "says nothing where the API's default is ours": (changed(reclaimPolicy=None), []),
    "the in-tree driver of old clusters": (
        changed(provisioner="kubernetes.io/aws-ebs"),
        ["provisioner is kubernetes.io/aws-ebs where ebs.csi.aws.com is needed"],
    ),
    "volumes that outlive their claim": (changed(reclaimPolicy="Retain"), ["reclaimPolicy is Retain where Delete is needed"]),
    "bound before the pod has a node": (
        changed(volumeBindingMode=None),
        ["volumeBindingMode is Immediate where WaitForFirstConsumer is needed"],
    ),
    "not encrypted, and of another type": (
        changed(parameters={"type": "gp2"}),
        ["parameters.type is gp2 where gp3 is needed", "parameters.encrypted is not set where true is needed"],
    ),
}


@pytest.mark.parametrize(("existing", "differences"), CASES.values(), ids=CASES.keys())
def test_immutable_differences(existing: dict[str, Any], differences: list[str]) -> None:
    assert list(immutable_differences(existing, WANTED)) == differences


def test_a_refusal_names_both_ways_out() -> None:
    text = refusal("gp3", ["provisioner is x where y is needed"])
    assert "kubectl delete storageclass gp3" in text
    assert "storage.class_name" in text
