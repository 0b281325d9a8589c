"""Whether a step came true, and the way back from one that did not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubplane.domain.locks import is_step_of
from hubplane.domain.upgrading.checking import judge_upgraded
from hubplane.domain.upgrading.present import GroupVersion, Present, versions_in_words
from hubplane.domain.upgrading.way_back import way_back
from tests.unit.cluster_stack.specs import OWN_AMI, SPEC_2019

SPEC = replace(SPEC_2019, kubernetes_version="1.36")
ADDONS = {"kube-proxy": "v1.36.0"}
GROUP = GroupVersion(f"{SPEC.cluster_name}-{SPEC.node_groups[0].name}", "1.36", "1.36.0-20261120", "ACTIVE", 2)
DONE = Present("1.36", "ACTIVE", (GROUP,), ADDONS)
BEFORE = Present("1.35", "ACTIVE", (replace(GROUP, version="1.35"),), {"kube-proxy": "v1.35.0"})
RELEASE = {"jupyterhub_revision": 7}


def test_what_is_as_wanted_is_done() -> None:
    assert judge_upgraded(SPEC, DONE, ADDONS, SPEC).wrong == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"control_plane": "1.35"}, "the control plane runs 1.35"),
        ({"status": "UPDATING"}, "the cluster is UPDATING"),
        ({"groups": (replace(GROUP, version="1.35"),)}, "runs 1.35, not 1.36"),
        ({"groups": (replace(GROUP, status="UPDATING"),)}, "is UPDATING"),
        ({"groups": (replace(GROUP, version=None),)}, "pins no image"),
        ({"addons": {}}, "add-on kube-proxy is absent"),
        ({"addons": {"kube-proxy": "v1.35.0"}}, "is v1.35.0, not v1.36.0"),
    ],
)
def test_each_thing_that_is_not_as_wanted_is_named(change: dict[str, object], words: str) -> None:
    [wrong] = judge_upgraded(SPEC, replace(DONE, **change), ADDONS, SPEC).wrong  # type: ignore[arg-type]
    assert words in wrong


def test_a_release_of_something_else_is_no_upgrade() -> None:
    [wrong] = judge_upgraded(SPEC, DONE, ADDONS, replace(SPEC, kubernetes_version="1.35")).wrong
    assert "another Kubernetes" in wrong


def test_a_group_with_a_pinned_image_has_no_version_to_check() -> None:
    spec = replace(OWN_AMI, kubernetes_version="1.36")
    groups = tuple(replace(GROUP, name=f"{spec.cluster_name}-{group.name}", version=None) for group in spec.node_groups)
    assert judge_upgraded(spec, replace(DONE, groups=groups), ADDONS, spec).wrong == ()
    images = tuple(replace(group, release=wanted.ami_id) for group, wanted in zip(groups, spec.node_groups, strict=True))
    assert judge_upgraded(spec, replace(DONE, groups=images), ADDONS, spec).wrong == ()
    former = (replace(images[0], release="ami-0000000000former1"), *images[1:])
    [wrong] = judge_upgraded(spec, replace(DONE, groups=former), ADDONS, spec).wrong
    assert f"runs image ami-0000000000former1, not {spec.node_groups[0].ami_id}" in wrong
    assert versions_in_words(replace(DONE, groups=former))[f"node group {former[0].name}"] == "ami-0000000000former1"


def test_nothing_has_to_be_taken_back_where_nothing_was_changed() -> None:
    said = way_back("sar", versions_in_words(BEFORE), BEFORE, RELEASE, build_began=False)
    assert not any("helm" in sentence for sentence in said)
    assert "nothing has to be taken back" in said[0]
    assert not any("update-cluster-version" in sentence for sentence in said)


def test_nodes_and_add_ons_go_back_before_the_control_plane() -> None:
    said = "\n".join(
        way_back("sar", versions_in_words(BEFORE), DONE, RELEASE, build_began=True, stack_status="UPDATE_ROLLBACK_FAILED")
    )
    order = ["onward", "ROLLBACK_FAILED", "update-nodegroup-version", "update-addon", "update-cluster-version", "helm"]
    places = [said.index(word) for word in order]
    assert places == sorted(places)
    assert "within 7 days" in said
    assert "rollback jupyterhub 7" in said
    assert "--kubernetes-version 1.35" in said


def test_a_control_plane_that_rose_alone_is_named_with_the_nodes_that_did_not() -> None:
    half = replace(BEFORE, control_plane="1.36")
    back = way_back("sar", versions_in_words(BEFORE), half, RELEASE, build_began=True, stack_status="UPDATE_ROLLBACK_COMPLETE")
    said = "\n".join(back)
    assert "update-cluster-version --name sar --kubernetes-version 1.35" in said
    assert "update-nodegroup-version" not in said
    assert "ROLLBACK_FAILED" not in said, "the stack is not in it"
    [first, *_] = way_back("sar", versions_in_words(half), half, RELEASE, build_began=True)
    assert f"runs Kubernetes 1.36, and node group {GROUP.name} 1.35, as before" in first


def test_two_minors_cannot_be_taken_back_and_it_says_so() -> None:
    said = "\n".join(way_back("sar", versions_in_words(replace(BEFORE, control_plane="1.34")), DONE, RELEASE, build_began=True))
    assert "there is no way back to 1.34" in said
    assert "update-cluster-version" not in said


def test_where_eks_says_nothing_nothing_is_promised() -> None:
    [said] = way_back("sar", versions_in_words(BEFORE), None, RELEASE, build_began=True)
    assert "could not be asked" in said


ARN = "arn:aws:states:us-east-1:1:execution:hubplane-"


@pytest.mark.parametrize(
    ("child", "parent", "wanted"),
    [
        ("build-cluster:rise-1-step-2", "upgrade-cluster:rise-1", True),
        ("build-cluster:rise-1", "upgrade-cluster:rise-1", False),
        ("build-cluster:by-hand", "upgrade-cluster:rise-1", False),
        ("build-cluster:rise-12-step-1", "upgrade-cluster:rise-1", False),
        (f"build-cluster:{'x' * 58}-step-1", f"upgrade-cluster:{'x' * 80}", True),
    ],
)
def test_only_the_upgrade_s_own_builds_are_let_in(child: str, parent: str, wanted: bool) -> None:
    assert is_step_of(ARN + child, ARN + parent) is wanted
