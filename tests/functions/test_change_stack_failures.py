"""How a control plane goes up, how a failed roll-back is gone on with, and what becomes of a stack that failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.cluster_stack.control_plane import declared_version
from hubplane.domain.cluster_stack.names import CONTROL_PLANE_PART, change_set_name, continue_token
from hubplane.domain.errors import StackBusy, StackFailed
from tests.functions.change_stack_world import ARN, STACK, Machine, deployed
from tests.unit.cluster_stack.specs import SPEC_2019, with_group


def next_minor() -> ClusterSpec:
    return replace(SPEC_2019, kubernetes_version="1.36")


def test_the_control_plane_goes_up_in_a_change_of_its_own_before_the_node_groups(machine: Machine) -> None:
    machine.build(SPEC_2019, "first")
    machine.parts.clear()
    machine.build(next_minor(), "second")
    (first, up), (last, rest) = machine.parts
    assert (first, last) == (CONTROL_PLANE_PART, "")
    assert [sentence[:36] for sentence in up["changes"]] == ["changes EKS cluster opensarlab in pl"]
    assert "Version from 1.35 to 1.36" in up["changes"][0]
    assert not any("EKS cluster" in sentence for sentence in rest["changes"])
    assert any("node group opensarlab-main" in sentence for sentence in rest["changes"])
    assert machine.cloud.calls.count("ExecuteChangeSet") == 3


def test_node_groups_that_fail_leave_the_control_plane_up_and_the_stack_says_so(machine: Machine) -> None:
    machine.build(SPEC_2019, "first")
    machine.cloud.failing["NodeGroupMain"] = EVICTION
    with pytest.raises(
        StackFailed, match=r"PodEvictionFailure.* — a PodDisruptionBudget .*hubplane stop-server.*UPDATE_ROLLBACK_COM"
    ):
        machine.build(next_minor(), "second")
    assert machine.cloud.stacks[STACK].template["Resources"]["Cluster"]["Properties"]["Version"] == "1.36"
    machine.account.version = "1.36"
    machine.cloud.failing.clear()
    machine.parts.clear()
    assert machine.build(next_minor(), "third")[1]["ready"]
    assert [part for part, _ in machine.parts] == [""]


def test_a_control_plane_that_runs_ahead_of_its_stack_is_compared_as_it_is_and_no_server_is_taken_away(machine: Machine) -> None:
    machine.build(SPEC_2019, "first")
    machine.account.version, machine.account.running["opensarlab-main"] = "1.36", 5
    machine.build(next_minor(), "second")
    request = machine.cloud.requests[change_set_name(ARN + "second", CONTROL_PLANE_PART)]
    assert request["DeploymentMode"] == "REVERT_DRIFT"
    declared = json.loads(request["TemplateBody"])["Resources"]["NodeGroupMain"]["Properties"]
    assert declared["ScalingConfig"]["DesiredSize"] == 5
    assert declared["Version"] == "1.35"
    assert "DeploymentMode" not in machine.cloud.requests[change_set_name(ARN + "second")]
    assert deployed(machine)["DesiredSize"] == 5


def test_a_lower_version_is_not_split_and_one_that_stays_asks_nobody(machine: Machine) -> None:
    machine.build(SPEC_2019, "first")
    machine.plan(SPEC_2019, "second")
    assert "version" not in machine.account.asked
    assert not machine.plan(replace(SPEC_2019, kubernetes_version="1.34"), "third")["more"]


def running(machine: Machine) -> str:
    """The control plane's version once CloudFormation has done what it was asked to."""
    machine.cloud.settle()
    return declared_version(machine.cloud.stacks[STACK].template) or ""


def calls_of_an_upgrade(machine: Machine, run: str) -> Iterator[None]:
    """Every call of the stage for the next minor, one at a time."""
    more = True
    while more:
        planned = machine.plan(next_minor(), run)
        yield
        more, part = planned["more"], CONTROL_PLANE_PART if planned["more"] else ""
        machine.cloud.settle()
        judged = machine.check_change(run, part)
        yield
        machine.execute(run, judged, part)
        yield
        machine.account.version = running(machine)
        machine.check(run, part)
        yield


@pytest.mark.parametrize("calls", range(9))
def test_an_upgrade_that_is_killed_after_any_call_is_made_whole_by_the_next_build(machine: Machine, calls: int) -> None:
    machine.build(SPEC_2019, "first")
    made = len(list(zip(range(calls), calls_of_an_upgrade(machine, "killed"), strict=False)))
    assert made == min(calls, 8), "the calls of both changes"
    machine.account.version = running(machine)
    assert machine.build(next_minor(), "again")[1]["ready"]
    found = machine.cloud.stacks[STACK].template["Resources"]
    assert {found[name]["Properties"]["Version"] for name in ("Cluster", "NodeGroupMain")} == {"1.36"}
    assert machine.build(next_minor(), "once more")[0]["verdict"] == "none"


DOWN = "Unsupported Kubernetes minor version update from 1.36 to 1.35"
EVICTION = "[ErrorDetail(ErrorCode=PodEvictionFailure, ErrorMessage=Reached max retries while trying to evict pods)]"


@pytest.mark.parametrize(
    ("failed", "skip"),
    [
        ({"Cluster": DOWN}, ["Cluster"]),
        ({"Cluster": DOWN, "NodeGroupMain": EVICTION}, ["Cluster"]),
        ({"NodeGroupMain": EVICTION}, []),
        ({"Cluster": "Rate exceeded"}, []),
    ],
    ids=["version", "both", "nodes", "else"],
)
def test_a_roll_back_that_failed_is_gone_on_with_and_leaves_only_a_version_that_cannot_go_down(
    machine: Machine, failed: dict[str, str], skip: list[str]
) -> None:
    machine.build(SPEC_2019, "first")
    machine.cloud.fail_roll_back(STACK, failed)
    answer = machine.plan(SPEC_2019, "second")
    assert (answer["ready"], answer["kind"]) == (False, "continue_rollback")
    assert all(name in answer["reason"] and words in answer["reason"] for name, words in failed.items())
    assert machine.cloud.continued == [(continue_token(ARN + "second"), skip)]
    assert machine.plan(SPEC_2019, "second")["kind"] == "wait"
    machine.cloud.settle()
    assert machine.build(SPEC_2019, "second")[1]["ready"]


def test_a_roll_back_that_fails_once_more_is_a_person_s_and_the_next_build_tries_again(machine: Machine) -> None:
    machine.build(SPEC_2019, "first")
    machine.cloud.fail_roll_back(STACK, {"NodeGroupMain": EVICTION})
    machine.plan(SPEC_2019, "second")
    machine.cloud.fail_roll_back(STACK, {"NodeGroupMain": EVICTION}, token=continue_token(ARN + "second"))
    with pytest.raises(StackBusy) as caught:
        machine.plan(SPEC_2019, "second")
    for words in ("failed again", "PodEvictionFailure", "hubplane stop-server", "--resources-to-skip NodeGroupMain"):
        assert words in str(caught.value)
    assert len(machine.cloud.continued) == 1
    assert machine.plan(SPEC_2019, "third")["kind"] == "continue_rollback"


def test_a_failed_first_creation_tells_its_first_cause_and_the_next_build_starts_afresh(machine: Machine) -> None:
    machine.cloud.failing["Cluster"] = "Cluster already exists with name: opensarlab"
    with pytest.raises(StackFailed, match=r"^Cluster \(EKS cluster\): Cluster already exists .* — something .*ROLLBACK_COMPLETE"):
        machine.build(SPEC_2019, "first")
    machine.cloud.failing.clear()
    answer = machine.plan(SPEC_2019, "second")
    assert (answer["kind"], answer["ready"]) == ("delete_then_create", False)
    machine.cloud.settle()
    assert machine.build(SPEC_2019, "second")[1]["ready"]


def test_a_failed_update_is_told_and_does_not_haunt_a_later_build_that_changes_nothing(machine: Machine) -> None:
    machine.build(SPEC_2019, "first")
    machine.cloud.failing["NodeGroupMain"] = "You've reached your quota"
    with pytest.raises(StackFailed, match=r"^NodeGroupMain \(node group\): You've reached your quota .*UPDATE_ROLLBACK_COMPLETE"):
        machine.build(with_group(SPEC_2019, max_size=10), "second")
    judged, end = machine.build(SPEC_2019, "third")
    assert judged["verdict"] == "none"
    assert end["ready"]
