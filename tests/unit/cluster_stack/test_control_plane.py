"""When the control plane's version gets a change of its own, and what that change may not touch."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from hubplane.domain.cluster_stack.change_set import ChangeSet, ResourceChange
from hubplane.domain.cluster_stack.control_plane import RunningGroup, control_plane_first, declared_groups, without_echoes
from hubplane.domain.cluster_stack.names import CONTROL_PLANE_PART, change_set_name
from hubplane.domain.cluster_stack.template import render_cluster_template
from tests.unit.cluster_stack.specs import BASE, FACTS, SPEC_2019

DEPLOYED = render_cluster_template(BASE, SPEC_2019, FACTS)


def at(version: str) -> dict[str, Any]:
    template = copy.deepcopy(DEPLOYED)
    template["Resources"]["Cluster"]["Properties"]["Version"] = version
    template["Resources"]["NodeGroupMain"]["Properties"]["Version"] = version
    return template


@pytest.mark.parametrize(
    ("deployed", "wanted", "running", "is_drift_aware"),
    [
        (at("1.35"), at("1.36"), "1.35", False),
        (at("1.35"), at("1.36"), "1.36", True),
        (at("1.34"), at("1.36"), "1.35", True),
        (at("1.36"), at("1.35"), "1.35", True),
        (at("1.35"), at("1.35"), "1.35", None),
        (at("1.36"), at("1.35"), "1.36", None),
        (at("1.35"), at("1.36"), None, None),
        (None, at("1.36"), None, None),
    ],
    ids=["rises", "rose", "rose and rises", "was taken back", "stays", "falls", "no cluster", "no stack"],
)
def test_the_control_plane_goes_first_where_its_version_rises_or_is_there_already(
    deployed: dict[str, Any] | None, wanted: dict[str, Any], running: str | None, is_drift_aware: bool | None
) -> None:
    before = copy.deepcopy(deployed)
    change = control_plane_first(deployed, wanted, running, {})
    assert deployed == before
    assert (change.is_drift_aware if change else None) == is_drift_aware
    if change:
        changed = {name for name, item in change.template["Resources"].items() if item != DEPLOYED["Resources"][name]}
        assert change.template["Resources"]["Cluster"] == wanted["Resources"]["Cluster"]
        assert change.template["Resources"]["NodeGroupMain"] == (deployed or {})["Resources"]["NodeGroupMain"]
        assert changed <= {"Cluster", "NodeGroupMain"}


@pytest.mark.parametrize(("running", "declared"), [(5, 5), (2, 2), (1, 2), (99, 8)])
def test_where_it_runs_ahead_sizes_are_the_running_ones_within_their_limits(running: int, declared: int) -> None:
    groups = {"NodeGroupMain": RunningGroup(running, "1.35"), "NodeGroupGone": RunningGroup(3, "1.35")}
    change = control_plane_first(at("1.35"), at("1.36"), "1.36", groups)
    assert change is not None
    assert change.template["Resources"]["NodeGroupMain"]["Properties"]["ScalingConfig"]["DesiredSize"] == declared
    assert "NodeGroupGone" not in change.template["Resources"]


def test_node_groups_that_were_taken_back_by_hand_are_not_sent_up_again() -> None:
    change = control_plane_first(at("1.36"), at("1.35"), "1.35", {"NodeGroupMain": RunningGroup(2, "1.35")})
    assert change is not None
    assert change.is_drift_aware
    assert change.template["Resources"]["NodeGroupMain"] == at("1.35")["Resources"]["NodeGroupMain"]


@pytest.mark.parametrize("version", [None, "1.35"])
def test_a_group_with_an_image_of_its_own_is_given_no_version(version: str | None) -> None:
    deployed = at("1.36")
    del deployed["Resources"]["NodeGroupMain"]["Properties"]["Version"]
    change = control_plane_first(deployed, at("1.35"), "1.35", {"NodeGroupMain": RunningGroup(2, version)})
    assert change is not None
    assert "Version" not in change.template["Resources"]["NodeGroupMain"]["Properties"]


def test_a_change_that_is_nothing_but_the_control_plane_s_is_made_at_once() -> None:
    only = copy.deepcopy(at("1.35"))
    only["Resources"]["Cluster"]["Properties"]["Version"] = "1.36"
    assert control_plane_first(at("1.35"), only, "1.35", {}) is None


def modify(logical_id: str, replacement: str = "False", action: str = "Modify") -> ResourceChange:
    return ResourceChange(action, logical_id, DEPLOYED["Resources"][logical_id]["Type"], replacement=replacement)


@pytest.mark.parametrize(
    ("part", "is_drift_aware", "told"),
    [
        (CONTROL_PLANE_PART, False, ["Cluster", "TargetGroup", "ClusterLogGroup"]),
        (CONTROL_PLANE_PART, True, ["Cluster", "NodeGroupMain", "TargetGroup", "ClusterLogGroup"]),
        ("", False, ["Cluster", "NodeGroupMain", "TargetGroup", "ClusterLogGroup"]),
    ],
    ids=["control plane", "drift", "the rest"],
)
def test_what_only_refers_to_the_cluster_is_no_change_where_nothing_but_its_version_changes(
    part: str, is_drift_aware: bool, told: list[str]
) -> None:
    first = copy.deepcopy(at("1.35"))
    first["Resources"]["Cluster"]["Properties"]["Version"] = "1.36"
    changes = (
        modify("Cluster"),
        modify("NodeGroupMain"),
        modify("TargetGroup", "Conditional"),
        modify("ClusterLogGroup", "", "Remove"),
    )
    name = change_set_name("arn:aws:states:us-east-1:1:execution:hubplane-build-cluster:one", part)
    found = ChangeSet("arn", name, "CREATE_COMPLETE", "AVAILABLE", "", changes, is_drift_aware)
    assert [change.logical_id for change in without_echoes(found, at("1.35"), first)] == told


def test_node_groups_are_told_by_the_names_that_eks_knows() -> None:
    assert declared_groups(DEPLOYED) == {"NodeGroupMain": "opensarlab-main"}
    assert declared_groups(None) == {}
