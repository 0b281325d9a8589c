"""Who may do what in a cluster, which identities its service accounts have, and what its volumes are tagged with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubplane.domain.cluster_spec.model import AccessGrant, ClusterSpec, Hub, Network, NotebookImage, OAuth
from hubplane.domain.eks_settings.settings import (
    CLUSTER_ADMIN,
    STORAGE_PRUNER,
    STORAGE_READER,
    Access,
    PolicyGrant,
    arns_in,
    wanted_access,
    wanted_associations,
    wanted_volume_tags,
)

SPEC = ClusterSpec(
    cluster_name="lab",
    network=Network("vpc-1", ("subnet-a", "subnet-d"), ("subnet-d",)),
    hub=Hub("arn:aws:acm:us-east-1:111122223333:certificate/c", ("admin",)),
    oauth=OAuth("https://lab.example"),
    notebook_image=NotebookImage("quay.io/jupyter/base-notebook", "2026-11-01"),
)
ADMIN, ANNA, SWEEP, PRUNE = (f"arn:aws:iam::111122223333:role/{name}" for name in ("hubplane", "anna", "sweep", "prune"))
EVERYTHING = PolicyGrant("AmazonEKSClusterAdminPolicy")
VIEW_ALL = PolicyGrant("AmazonEKSViewPolicy")
VIEW, EDIT = PolicyGrant("AmazonEKSViewPolicy", ("jupyter",)), PolicyGrant("AmazonEKSEditPolicy", ("jupyter",))


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        pytest.param([(ANNA, "view")], {ANNA: {VIEW}}, id="view"),
        pytest.param([(ANNA, "edit")], {ANNA: {EDIT}}, id="edit"),
        pytest.param([(ANNA, "admin")], {ANNA: {PolicyGrant("AmazonEKSAdminPolicy", ("jupyter",)), VIEW_ALL}}, id="admin"),
        pytest.param([(ANNA, "view"), (ANNA, "edit")], {ANNA: {VIEW, EDIT}}, id="named-twice"),
        pytest.param(
            [(ANNA, "view"), (ANNA, "admin")],
            {ANNA: {PolicyGrant("AmazonEKSAdminPolicy", ("jupyter",)), VIEW_ALL}},
            id="one-scope-per-policy-the-wider",
        ),
    ],
)
def test_levels_become_policies(access: list[tuple[str, str]], expected: dict[str, set[PolicyGrant]]) -> None:
    spec = replace(SPEC, access=tuple(AccessGrant(arn, level) for arn, level in access))
    wanted = {ADMIN: {EVERYTHING}, **expected}
    assert wanted_access(spec, [ADMIN]) == {arn: Access(frozenset(grants)) for arn, grants in wanted.items()}


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        pytest.param([], {SWEEP: Access(frozenset(), frozenset({STORAGE_READER}))}, id="reader-and-pruner"),
        pytest.param(
            [AccessGrant(SWEEP, "view")], {SWEEP: Access(frozenset({VIEW}), frozenset({STORAGE_READER}))}, id="listed-as-well"
        ),
    ],
)
def test_functions_of_the_storage_day_get_groups_and_no_policy(listed: list[AccessGrant], expected: dict[str, Access]) -> None:
    wanted = wanted_access(replace(SPEC, access=tuple(listed)), [ADMIN], {"storage_pruner": [PRUNE], "storage_reader": [SWEEP]})
    pruner = Access(frozenset(), frozenset({STORAGE_READER, STORAGE_PRUNER}))
    assert wanted == {ADMIN: Access(CLUSTER_ADMIN), PRUNE: pruner, **expected}


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        pytest.param("", [], id="nobody"),
        pytest.param(f"{ANNA},{SWEEP}", [ANNA, SWEEP], id="two"),
        pytest.param(f" {ANNA} ,,", [ANNA], id="an-empty-part-is-nobody"),
    ],
)
def test_arns_are_separated_by_commas(listed: str, expected: list[str]) -> None:
    assert arns_in(listed) == expected


def test_a_function_named_as_reader_and_pruner_prunes() -> None:
    assert STORAGE_PRUNER in wanted_access(SPEC, [], {"storage_pruner": [SWEEP], "storage_reader": [SWEEP]})[SWEEP].groups


def test_nobody_but_the_control_plane_sees_secrets_of_the_whole_cluster() -> None:
    spec = replace(SPEC, access=tuple(AccessGrant(f"{ANNA}-{level}", level) for level in ("view", "edit", "admin")))
    wide = {
        item
        for arn, access in wanted_access(spec, [ADMIN]).items()
        if arn != ADMIN
        for item in access.grants
        if not item.namespaces
    }
    assert wide == {VIEW_ALL}


def test_the_three_identities_are_those_of_the_charts_service_accounts() -> None:
    assert [item[:2] for item in wanted_associations("csi", "autoscaler", "hub")] == [
        ("kube-system", "ebs-csi-controller-sa"),
        ("autoscaler", "cluster-autoscaler"),
        ("jupyter", "hub"),
    ]


def test_volumes_carry_the_specifications_tags_that_the_driver_can_take() -> None:
    spec = replace(SPEC, tags={"osl-billing": "lab", "a=b": "c", "team": "x=y z", "list": "a,b"})
    assert wanted_volume_tags(spec) == {"hubplane:cluster": "lab", "osl-billing": "lab", "team": "x=y z"}
