"""The four functions of the ChangeStack stage, played through as the state machine calls them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hubplane.domain.cluster_spec.model import NodeGroup
from hubplane.domain.cluster_stack.names import change_set_name
from hubplane.domain.errors import ChangeRefused, SpecInvalid, StackBusy, StackFailed, Throttled
from tests.adapters.cloudformation_fake import refusal
from tests.functions.change_stack_world import ARN, FUNCTIONS, STACK, Machine, deployed
from tests.unit.cluster_stack.specs import ROOT, SPEC_2019, TWO_GROUPS, with_group


def test_a_first_build_creates_everything_and_hands_out_the_outputs(machine: Machine) -> None:
    judged, end = machine.build(SPEC_2019, "first")
    assert judged["verdict"] == "safe"
    assert "creates EKS cluster opensarlab" in judged["changes"]
    assert end["ready"]
    assert {"ClusterName", "NodeGroupNames", "TargetGroupArn"} <= set(end["outputs"])
    request = machine.cloud.change_sets[STACK, change_set_name(ARN + "first")]["request"]
    assert request["RoleARN"] == "arn:aws:iam::123456789012:role/hubplane-cluster-stack"
    # CloudFormation hands these to every resource, so the cluster's Kubernetes tag must not be among them.
    assert {tag["Key"] for tag in request["Tags"]} == {"hubplane:cluster", "osl-billing"}
    network = machine.cloud.stacks[STACK].template["Resources"]["Cluster"]["Properties"]["KubernetesNetworkConfig"]
    assert network == {"ServiceIpv4Cidr": "172.20.0.0/16"}


def test_a_repeated_build_changes_nothing_and_asks_neither_ec2_nor_eks(machine: Machine) -> None:
    machine.build(SPEC_2019, "first")
    machine.account.asked.clear()
    judged, end = machine.build(SPEC_2019, "second")
    assert (judged["verdict"], judged["changes"], end["changes"]) == ("none", [], [])
    assert end["ready"]
    assert end["outputs"]
    assert machine.account.asked == []
    assert (STACK, change_set_name(ARN + "second")) not in machine.cloud.change_sets


def test_a_changed_input_changes_just_that(machine: Machine) -> None:
    machine.build(SPEC_2019, "first")
    machine.account.running["opensarlab-main"] = 6
    judged, _ = machine.build(with_group(TWO_GROUPS, max_size=10), "second")
    assert judged["verdict"] == "safe"
    assert len(judged["changes"]) == 3
    assert judged["changes"][0].startswith(
        "changes node group opensarlab-main in place (ScalingConfig.DesiredSize from 2 to 6, ScalingConfig.MaxSize from 8 to 10)"
    )
    assert deployed(machine) == {"MinSize": 2, "DesiredSize": 6, "MaxSize": 10}


def test_what_the_autoscaler_did_is_neither_undone_nor_reported(machine: Machine) -> None:
    machine.build(SPEC_2019, "first")
    machine.account.running["opensarlab-main"] = 6
    assert machine.build(SPEC_2019, "second")[0]["verdict"] == "none"
    machine.build(with_group(SPEC_2019, max_size=10), "third")
    machine.account.running["opensarlab-main"] = 3
    assert machine.build(with_group(SPEC_2019, max_size=10), "fourth")[0]["verdict"] == "none"


def test_a_node_group_gone_from_eks_is_declared_as_specified(machine: Machine) -> None:
    machine.build(SPEC_2019, "first")
    machine.build(with_group(SPEC_2019, max_size=10), "second")
    assert deployed(machine)["DesiredSize"] == 2


def test_removing_a_node_group_waits_for_a_person(machine: Machine) -> None:
    machine.build(TWO_GROUPS, "first")
    machine.plan(SPEC_2019, "second")
    machine.cloud.settle()
    judged = machine.check_change("second")
    assert judged["verdict"] == "needs_approval"
    assert judged["changes"][0].startswith("removes ")
    assert judged["reason"].startswith("a person has to agree: removes ")


def test_moving_the_nodes_to_another_subnet_waits_for_a_person(machine: Machine) -> None:
    machine.build(SPEC_2019, "first")
    network = replace(SPEC_2019.network, active_subnet_ids=("subnet-39a09073",))
    machine.plan(replace(SPEC_2019, network=network), "second")
    machine.cloud.settle()
    judged = machine.check_change("second")
    assert judged["verdict"] == "needs_approval"
    assert "replaces node group opensarlab-main (Subnets)" in judged["changes"][0]


def test_a_load_balancer_that_somebody_removed_is_made_anew_without_a_question(machine: Machine) -> None:
    machine.build(SPEC_2019, "one")
    machine.account.listening = None
    checked, _ = machine.build(SPEC_2019, "two")
    assert checked["verdict"] == "safe"
    assert "creates load balancer opensarlab" in checked["changes"]
    resources = machine.cloud.stacks[STACK].template["Resources"]
    assert {"LoadBalancer2", "HttpListener2", "HttpsListener2"} <= resources.keys()
    assert "LoadBalancer" not in resources
    machine.account.listening = {80, 443}
    assert machine.build(SPEC_2019, "three")[0]["verdict"] == "none"


def test_each_step_can_be_repeated(machine: Machine) -> None:
    assert machine.plan(SPEC_2019, "first")["change_set_name"] == machine.plan(SPEC_2019, "first")["change_set_name"]
    machine.cloud.settle()
    judged = machine.check_change("first")
    assert machine.check_change("first") == judged
    assert machine.execute("first", judged)["changes"] == judged["changes"]
    repeated = machine.execute("first", judged)
    assert (repeated["started"], repeated["changes"]) == (False, [])
    machine.cloud.settle()
    assert not machine.execute("first", judged)["started"]
    assert machine.check("first") == machine.check("first")
    assert machine.cloud.calls.count("ExecuteChangeSet") == 1


def test_an_executed_change_set_that_cloudformation_has_forgotten_counts_as_executed(machine: Machine) -> None:
    judged, end = machine.build(SPEC_2019, "first")
    machine.cloud.change_sets.clear()
    assert not machine.execute("first", judged)["started"]
    assert machine.check("first") == end


def test_a_stack_in_motion_is_waited_for(machine: Machine) -> None:
    machine.cloud.scene(STACK, "UPDATE_IN_PROGRESS")
    answer = machine.plan(SPEC_2019, "first")
    assert (answer["ready"], answer["change_set_name"]) == (False, None)
    assert "UPDATE_IN_PROGRESS" in answer["reason"]
    assert machine.cloud.change_sets == {}


def test_a_stack_that_only_a_person_can_free_is_refused_with_the_way_out(machine: Machine) -> None:
    machine.cloud.scene(STACK, "UPDATE_FAILED")
    with pytest.raises(StackBusy, match="continue it or roll it back"):
        machine.plan(SPEC_2019, "first")
    assert set(machine.cloud.calls) == {"DescribeStacks"}


def test_the_log_group_of_an_earlier_cluster_of_the_name_is_taken_over(machine: Machine) -> None:
    machine.cloud.leftover_log_groups.add("/aws/eks/opensarlab/cluster")
    judged, _ = machine.build(SPEC_2019, "first")
    assert judged["verdict"] == "safe"
    assert "takes over log group /aws/eks/opensarlab/cluster, which exists already" in judged["changes"]


def test_change_sets_that_earlier_executions_left_are_cleared_away_and_others_are_kept(machine: Machine) -> None:
    machine.build(SPEC_2019, "first")
    machine.plan(TWO_GROUPS, "abandoned")
    machine.cloud.change_sets[STACK, "by-hand"] = {
        **machine.cloud.change_sets[STACK, change_set_name(ARN + "abandoned")],
        "ChangeSetName": "by-hand",
    }
    machine.plan(SPEC_2019, "second")
    names = {name for _, name in machine.cloud.change_sets}
    assert names == {change_set_name(ARN + "first"), change_set_name(ARN + "second"), "by-hand"}


def test_a_change_set_that_is_not_the_one_that_was_judged_is_refused(machine: Machine) -> None:
    machine.plan(SPEC_2019, "first")
    machine.cloud.settle()
    judged = machine.check_change("first")
    machine.cloud.delete_change_set(StackName=STACK, ChangeSetName=change_set_name(ARN + "first"))
    machine.plan(TWO_GROUPS, "first")
    machine.cloud.settle()
    with pytest.raises(ChangeRefused, match="not the one that was judged: nothing was changed"):
        machine.execute("first", judged)
    assert "ExecuteChangeSet" not in machine.cloud.calls


@pytest.mark.parametrize("step", ["check_change", "execute"])
def test_a_change_set_overtaken_by_another_change_is_refused(machine: Machine, step: str) -> None:
    machine.plan(SPEC_2019, "first")
    machine.cloud.settle()
    judged = machine.check_change("first")
    machine.cloud.change_sets[STACK, change_set_name(ARN + "first")]["ExecutionStatus"] = "OBSOLETE"
    with pytest.raises(ChangeRefused, match="start the build again"):
        machine.check_change("first") if step == "check_change" else machine.execute("first", judged)


@pytest.mark.parametrize("step", ["check_change", "execute"])
def test_a_change_set_that_is_gone_is_refused(machine: Machine, step: str) -> None:
    with pytest.raises(ChangeRefused, match="start the build again"):
        machine.check_change("first") if step == "check_change" else machine.execute("first", {"digest": "0" * 64, "changes": []})


def test_a_change_set_that_cloudformation_refuses_fails_with_its_reason(machine: Machine) -> None:
    machine.plan(SPEC_2019, "first")
    machine.cloud.change_sets[STACK, change_set_name(ARN + "first")] |= {
        "Status": "FAILED",
        "StatusReason": "Access denied for X",
    }
    with pytest.raises(StackFailed, match="Access denied for X — a permission is missing"):
        machine.check_change("first")


def test_a_change_of_the_stack_without_a_resource_is_made_and_reported(machine: Machine) -> None:
    machine.build(SPEC_2019, "first")
    machine.cloud.stacks[STACK].template["Description"] = "as an earlier release of Hubplane wrote it"
    judged, _ = machine.build(SPEC_2019, "second")
    assert judged["verdict"] == "safe"
    assert judged["changes"] == ["changes the stack's outputs, description or tags, and no resource"]
    assert machine.build(SPEC_2019, "third")[0]["verdict"] == "none"


def test_a_stack_that_somebody_deleted_meanwhile_is_a_failure(machine: Machine) -> None:
    with pytest.raises(StackFailed, match="does not exist"):
        machine.check("first")


def test_a_cluster_with_very_many_node_groups_is_refused_in_words(machine: Machine) -> None:
    groups = tuple(NodeGroup(name=f"group{number}") for number in range(60))
    with pytest.raises(SpecInvalid, match="CloudFormation takes 51200"):
        machine.plan(replace(SPEC_2019, node_groups=groups), "first")


def test_throttling_passes_through_for_the_state_machine_to_retry(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise refusal("Throttling", "Rate exceeded")

    monkeypatch.setattr(machine.cloud, "describe_stacks", refuse, raising=False)
    with pytest.raises(Throttled):
        machine.plan(SPEC_2019, "first")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_events_are_real_inputs(machine: Machine, name: str) -> None:
    event = json.loads((ROOT / f"events/{name}.json").read_text("utf-8"))
    run = event["execution_arn"].removeprefix(ARN)
    machine.plan(SPEC_2019, run)
    machine.cloud.settle()
    if name == "execute_stack_change":
        # A recorded digest belongs to a recorded change set, and here is another.
        with pytest.raises(ChangeRefused, match="not the one that was judged"):
            machine.call(name, event)
        event["stack_change"]["digest"] = machine.check_change(run)["digest"]
    if name == "check_stack":
        machine.execute(run, machine.check_change(run))
        machine.cloud.settle()
    machine.call(name, event)
