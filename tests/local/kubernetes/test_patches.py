"""Differences and ownership: each kind of PATCH, and server-side apply."""

from __future__ import annotations

from typing import Any

import pytest

from local.kubernetes.api.apply import applied, record_update
from local.kubernetes.api.errors import ApiError
from local.kubernetes.api.ownership import as_tree, from_tree, owned_paths
from local.kubernetes.api.patches import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, patched

POD = {
    "spec": {
        "containers": [
            {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}], "ports": [{"containerPort": 80, "name": "http"}]},
            {"name": "b", "image": "b:1"},
        ],
        "tolerations": [{"key": "k", "operator": "Exists"}],
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
    },
    "metadata": {"finalizers": ["one"], "labels": {"a": "1"}},
}


@pytest.mark.parametrize(
    ("kind", "patch", "path", "value"),
    [
        (MERGE_PATCH, {"metadata": {"labels": {"a": None, "b": "2"}}}, ("metadata", "labels"), {"b": "2"}),
        (MERGE_PATCH, {"spec": {"containers": [{"name": "c"}]}}, ("spec", "containers"), [{"name": "c"}]),
        (JSON_PATCH, [{"op": "replace", "path": "/metadata/labels/a", "value": "9"}], ("metadata", "labels"), {"a": "9"}),
        (STRATEGIC_PATCH, {"spec": {"containers": [{"name": "b", "image": "b:2"}]}}, ("spec", "containers", 1, "image"), "b:2"),
        (STRATEGIC_PATCH, {"spec": {"containers": [{"name": "b", "image": "b:2"}]}}, ("spec", "containers", 0, "image"), "a:1"),
        (
            STRATEGIC_PATCH,
            {"spec": {"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}]}]}},
            ("spec", "containers", 0, "env"),
            [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}],
        ),
        (
            STRATEGIC_PATCH,
            {"spec": {"containers": [{"name": "a", "$patch": "delete"}]}},
            ("spec", "containers"),
            [{"name": "b", "image": "b:1"}],
        ),
        (STRATEGIC_PATCH, {"spec": {"tolerations": [{"key": "z"}]}}, ("spec", "tolerations"), [{"key": "z"}]),
        (STRATEGIC_PATCH, {"metadata": {"finalizers": ["two"]}}, ("metadata", "finalizers"), ["one", "two"]),
        (STRATEGIC_PATCH, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["one"]}}, ("metadata", "finalizers"), []),
        (
            STRATEGIC_PATCH,
            {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
            ("spec", "strategy"),
            {"type": "Recreate"},
        ),
        (
            STRATEGIC_PATCH,
            {
                "spec": {
                    "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
                    "containers": [{"name": "b", "image": "x"}],
                }
            },
            ("spec", "containers", 0),
            {"name": "b", "image": "x"},
        ),
        (STRATEGIC_PATCH, {"metadata": {"labels": {"$patch": "replace", "z": "1"}}}, ("metadata", "labels"), {"z": "1"}),
    ],
    ids=[
        "merge: null deletes",
        "merge: lists are replaced",
        "json",
        "strategic: item by name",
        "strategic: others stay",
        "strategic: nested list",
        "strategic: delete an item",
        "strategic: atomic list",
        "strategic: set grows",
        "strategic: set shrinks",
        "strategic: retain keys",
        "strategic: order",
        "strategic: replace a map",
    ],
)
def test_a_patch_changes_what_it_names(kind: str, patch: Any, path: tuple[Any, ...], value: Any) -> None:
    found: Any = patched(kind, POD, patch)
    for step in path:
        found = found[step]
    assert found == value
    assert POD["metadata"]["labels"] == {"a": "1"}, "the stored object was changed in place"


def config(**data: str) -> dict[str, Any]:
    """A config map to apply."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def deployment(*containers: str, **more: Any) -> dict[str, Any]:
    """A deployment to apply."""
    found = [{"name": name, "image": f"{name}:1"} for name in containers]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"template": {"spec": {"containers": found}}, **more},
    }


def test_apply_removes_what_its_manager_no_longer_names() -> None:
    live = applied(None, config(a="1", b="2"), "helm", force=False)
    assert applied(live, config(b="2"), "helm", force=False)["data"] == {"b": "2"}


def test_apply_removes_a_whole_item_with_its_defaults() -> None:
    live = applied(None, deployment("a", "b"), "helm", force=False)
    for container in live["spec"]["template"]["spec"]["containers"]:
        container["imagePullPolicy"] = "Always"
    left = applied(live, deployment("b"), "helm", force=False)["spec"]["template"]["spec"]["containers"]
    assert left == [{"name": "b", "image": "b:1", "imagePullPolicy": "Always"}]


def test_apply_keeps_what_others_own() -> None:
    live = applied(None, config(a="1"), "helm", force=False)
    live = applied(live, config(b="2"), "kubectl", force=False)
    live = applied(live, config(c="3"), "helm", force=False)
    assert live["data"] == {"b": "2", "c": "3"}


def test_apply_refuses_to_change_what_another_owns_unless_forced() -> None:
    live = applied(None, config(a="1", b="1"), "kubectl", force=False)
    with pytest.raises(ApiError) as refused:
        applied(live, config(a="2", b="2"), "helm", force=False)
    assert (refused.value.code, refused.value.message) == (
        409,
        'Apply failed with 2 conflicts: conflicts with "kubectl":\n- .data.a\n- .data.b',
    )
    forced = applied(live, config(a="2"), "helm", force=True)
    assert forced["data"] == {"a": "2", "b": "1"}
    owners = {one["manager"]: from_tree(one["fieldsV1"]) for one in forced["metadata"]["managedFields"]}
    assert owners == {"kubectl": {("f:data", "f:b")}, "helm": {("f:data", "f:a")}}


def test_the_same_value_may_have_two_owners() -> None:
    live = applied(None, config(a="1"), "kubectl", force=False)
    both = applied(live, config(a="1"), "helm", force=False)
    assert applied(both, config(), "kubectl", force=False)["data"] == {"a": "1"}


def test_apply_of_the_same_again_changes_nothing() -> None:
    live = applied(None, deployment("a", "b", replicas=2), "helm", force=False)
    assert applied(live, deployment("a", "b", replicas=2), "helm", force=False) == live


def test_an_apply_that_names_no_field_owns_none() -> None:
    live = applied(None, config(a="1"), "kubectl", force=False)
    assert applied(live, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}, "helm", force=False) == live


def test_an_update_takes_ownership_of_what_it_changes() -> None:
    live = applied(None, config(a="1", b="1"), "helm", force=False)
    changed = {**live, "data": {"a": "9", "b": "1"}, "metadata": dict(live["metadata"])}
    record_update(live, changed, "kubectl-edit")
    with pytest.raises(ApiError, match=r'conflict with "kubectl-edit" using v1: \.data\.a'):
        applied(changed, config(a="1", b="1"), "helm", force=False)


def test_ownership_survives_its_written_form() -> None:
    paths = owned_paths(deployment("a", "b", replicas=2))
    assert ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"a"}', "f:image") in paths
    assert from_tree(as_tree(paths)) == paths
