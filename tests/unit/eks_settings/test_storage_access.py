"""The RBAC objects of the storage day: who is bound to what, and that it is no more than that."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.eks_settings.settings import (
    CLUSTER_READER,
    GROWTH_PLANNER,
    HOME_GROWER,
    HOME_KEEPER,
    HOME_MOVER,
    HUB_RESTARTER,
    SERVER_WATCHER,
    STORAGE_PRUNER,
    STORAGE_READER,
)
from hubplane.domain.eks_settings.storage_access import storage_access_manifests

MANIFESTS = storage_access_manifests()
# group, verb, resource, namespace ("" for those that are in none): all that there is.
RIGHTS = {
    (STORAGE_READER, "list", "persistentvolumes", ""),
    (STORAGE_READER, "list", "persistentvolumeclaims", "jupyter"),
    (STORAGE_READER, "list", "pods", "jupyter"),
    (STORAGE_PRUNER, "get", "persistentvolumes", ""),
    (STORAGE_PRUNER, "get", "persistentvolumeclaims", "jupyter"),
    (STORAGE_PRUNER, "delete", "persistentvolumeclaims", "jupyter"),
    *((HOME_KEEPER, verb, "persistentvolumes", "") for verb in ("create", "get", "list")),
    *((HOME_KEEPER, verb, "persistentvolumeclaims", "jupyter") for verb in ("create", "get")),
    *((HOME_MOVER, verb, "persistentvolumes", "") for verb in ("create", "delete", "get", "list", "patch")),
    *((HOME_MOVER, verb, "persistentvolumeclaims", "jupyter") for verb in ("create", "delete", "get")),
    (HOME_MOVER, "list", "pods", "jupyter"),
    *((CLUSTER_READER, "list", resource, "") for resource in ("nodes", "persistentvolumes", "csinodes", "volumeattachments")),
    *((CLUSTER_READER, "list", resource, "jupyter") for resource in ("persistentvolumeclaims", "pods", "events")),
    (CLUSTER_READER, "get", "pods/log", "jupyter"),
    *((HUB_RESTARTER, verb, "pods", "jupyter") for verb in ("delete", "get", "list")),
    (CLUSTER_READER, "list", "poddisruptionbudgets", "jupyter"),
    (SERVER_WATCHER, "list", "pods", "jupyter"),
    *((GROWTH_PLANNER, "get", resource, "") for resource in ("persistentvolumes", "storageclasses")),
    (GROWTH_PLANNER, "get", "persistentvolumeclaims", "jupyter"),
    (HOME_GROWER, "get", "persistentvolumes", ""),
    *((HOME_GROWER, verb, "persistentvolumeclaims", "jupyter") for verb in ("get", "patch")),
    (HOME_GROWER, "list", "pods", "jupyter"),
}


def bindings() -> list[dict[str, Any]]:
    return [item for item in MANIFESTS if item["kind"].endswith("Binding")]


def role_of(binding: dict[str, Any]) -> dict[str, Any]:
    """The role that a binding names, in the binding's own namespace."""
    wanted = (binding["roleRef"]["kind"], binding["roleRef"]["name"], binding["metadata"].get("namespace"))
    [found] = [
        item for item in MANIFESTS if (item["kind"], item["metadata"]["name"], item["metadata"].get("namespace")) == wanted
    ]
    return found


def test_each_group_has_exactly_these_rights() -> None:
    found = {
        (subject["name"], verb, resource, binding["metadata"].get("namespace", ""))
        for binding in bindings()
        for subject in binding["subjects"]
        for rule in role_of(binding)["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }
    assert found == RIGHTS


def test_only_core_storage_and_policy_resources_and_only_groups() -> None:
    groups = {tuple(rule["apiGroups"]) for item in MANIFESTS for rule in item.get("rules", ())}
    assert groups == {("",), ("storage.k8s.io",), ("policy",)}
    assert {subject["kind"] for item in bindings() for subject in item["subjects"]} == {"Group"}


def test_a_role_stands_before_what_binds_it() -> None:
    for binding in bindings():
        assert MANIFESTS.index(role_of(binding)) < MANIFESTS.index(binding)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda item: f"{item['kind']}-{item['metadata']['name']}")
def test_a_role_over_the_whole_cluster_names_nothing_that_lies_in_a_namespace(manifest: dict[str, Any]) -> None:
    is_for_all = manifest["kind"].startswith("Cluster")
    assert ("namespace" in manifest["metadata"]) is not is_for_all
    resources = {name for rule in manifest.get("rules", ()) for name in rule["resources"]}
    assert not is_for_all or resources <= {"persistentvolumes", "nodes", "csinodes", "storageclasses", "volumeattachments"}
