"""ConfigureKubernetes from event to result, against a Kubernetes API over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hubplane.domain.errors import ProviderError
from tests.adapters.kubernetes_api import Api
from tests.functions.release_clients import event, on_fake_api

STORAGE_CLASS = "/apis/storage.k8s.io/v1/storageclasses/gp3"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PRUNER_ROLE = f"{RBAC}/namespaces/jupyter/roles/hubplane:storage-pruner"
OF_THE_STORAGE_DAY = [
    f"created {kind} hubplane:{group}"
    for group in (
        "storage-reader",
        "storage-pruner",
        "home-keeper",
        "home-mover",
        "server-watcher",
        "growth-planner",
        "home-grower",
        "cluster-reader",
        "hub-restarter",
    )
    for kind in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
]
OF_DRILLS = [
    "created Namespace hubplane-drill",
    *(f"created {kind} hubplane:home-driller" for kind in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")),
]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Api]]:
    with on_fake_api("configure_kubernetes", monkeypatch) as found:
        yield found


def test_a_new_cluster_gets_namespace_storage_class_and_the_storage_days_rights_once(cluster: tuple[Any, Api]) -> None:
    handler, api = cluster
    first, again = (handler(event("configure_kubernetes"), None) for _ in range(2))
    assert first["changes"] == ["created Namespace jupyter", "created StorageClass gp3", *OF_THE_STORAGE_DAY, *OF_DRILLS]
    assert again["changes"] == []
    assert (first["namespace"], first["storage_class"], first["notes"]) == ("jupyter", "gp3", [])
    assert api.objects[STORAGE_CLASS]["parameters"] == {"type": "gp3", "encrypted": "true"}
    assert api.objects[STORAGE_CLASS]["allowVolumeExpansion"] is True


def test_a_node_group_with_gpus_gets_what_shows_them_to_kubernetes_once(cluster: tuple[Any, Api]) -> None:
    handler, api = cluster
    asked = event("configure_kubernetes")
    main = asked["spec"]["node_groups"][0]
    gpu = {**main, "name": "gpu", "instance_type": "g5.2xlarge", "ami_type": "AL2023_x86_64_NVIDIA"}
    asked["spec"]["node_groups"].append(gpu)
    first, again = (handler(asked, None) for _ in range(2))
    assert first["changes"][2:] == [*OF_THE_STORAGE_DAY, *OF_DRILLS, "created DaemonSet nvidia-device-plugin"]
    assert again["changes"] == []
    assert "/apis/apps/v1/namespaces/kube-system/daemonsets/nvidia-device-plugin" in api.objects


def test_a_class_that_could_not_grow_can_afterwards(cluster: tuple[Any, Api]) -> None:
    handler, api = cluster
    handler(event("configure_kubernetes"), None)
    api.objects[STORAGE_CLASS]["allowVolumeExpansion"] = False
    assert handler(event("configure_kubernetes"), None)["changes"] == ["changed StorageClass gp3"]
    assert api.objects[STORAGE_CLASS]["allowVolumeExpansion"] is True


def test_rights_that_somebody_widened_are_narrow_again(cluster: tuple[Any, Api]) -> None:
    handler, api = cluster
    handler(event("configure_kubernetes"), None)
    narrow = list(api.objects[PRUNER_ROLE]["rules"])
    api.objects[PRUNER_ROLE]["rules"] = [*narrow, {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    assert handler(event("configure_kubernetes"), None)["changes"] == ["changed Role hubplane:storage-pruner"]
    assert api.objects[PRUNER_ROLE]["rules"] == narrow


def test_a_class_that_cannot_be_changed_is_explained_before_anything_is_touched(cluster: tuple[Any, Api]) -> None:
    handler, api = cluster
    api.put(STORAGE_CLASS, {"kind": "StorageClass", "metadata": {"name": "gp3"}, "provisioner": "kubernetes.io/aws-ebs"})
    with pytest.raises(ProviderError, match=r"provisioner is kubernetes.io/aws-ebs .*kubectl delete storageclass gp3"):
        handler(event("configure_kubernetes"), None)
    assert {method for method, _, _ in api.requests} == {"GET"}


def test_a_second_default_class_is_told(cluster: tuple[Any, Api]) -> None:
    handler, api = cluster
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    api.put(
        "/apis/storage.k8s.io/v1/storageclasses/gp2",
        {"kind": "StorageClass", "metadata": {"name": "gp2", "annotations": default}},
    )
    assert "gp2 is a default StorageClass too" in handler(event("configure_kubernetes"), None)["notes"][0]
