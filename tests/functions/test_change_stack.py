"""The four functions of the ChangeStack stage, played through as the state machine calls them."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from typing import Any

import pytest

from hubplane.adapters.cloudformation import CloudFormation
from hubplane.domain.cluster_spec.model import ClusterSpec, NodeGroup, spec_to_json
from hubplane.domain.cluster_stack.names import CONTROL_PLANE_PART, change_set_name, continue_token
from hubplane.domain.errors import ChangeRefused, SpecInvalid, StackBusy, StackFailed, Throttled
from tests.adapters.cloudformation_fake import FakeCloudFormation, refusal
from tests.unit.cluster_stack.specs import HUB_FUNCTIONS, ROOT, SPEC_2019, TWO_GROUPS, with_group

FUNCTIONS = ("plan_stack_change", "check_stack_change", "execute_stack_change", "check_stack")
STACK = "hubplane-cluster-opensarlab"
ARN = "arn:aws:states:us-east-1:123456789012:execution:hubplane-build-cluster:"
LARGEST_ANSWER_BYTES = 64 * 1024  # a quarter of what Step Functions carries


class FakeNetworkAndNodes:
    """EC2 and EKS, as far as the plan asks them."""

    def __init__(self) -> None:
        self.running: dict[str, int] = {}
        self.version = SPEC_2019.kubernetes_version
        self.asked: list[str] = []
        self.listening: set[int] | None = {80, 443}

    def describe_load_balancers(self, Names: list[str]) -> dict[str, Any]:  # noqa: N803
        if self.listening is None:
            raise refusal("LoadBalancerNotFound", f"Load balancers '[{Names[0]}]' not found")
        return {"LoadBalancers": [{"LoadBalancerArn": f"arn:{Names[0]}"}]}

    def get_paginator(self, operation: str) -> FakeNetworkAndNodes:
        assert operation == "describe_listeners"
        return self

    def paginate(self, LoadBalancerArn: str) -> list[dict[str, Any]]:  # noqa: N803
        assert LoadBalancerArn == "arn:opensarlab"
        return [{"Listeners": [{"Port": port} for port in self.listening or ()]}]

    def describe_cluster(self, name: str) -> dict[str, Any]:
        self.asked.append("version")
        return {"cluster": {"name": name, "version": self.version}}

    def describe_vpcs(self, VpcIds: list[str]) -> dict[str, Any]:  # noqa: N803
        self.asked.append("ec2")
        if VpcIds != [SPEC_2019.network.vpc_id]:
            raise refusal("InvalidVpcID.NotFound", f"The vpc ID '{VpcIds[0]}' does not exist")
        blocks = ["172.31.0.0/16", "10.100.64.0/18"]
        associated = [{"CidrBlock": block, "CidrBlockState": {"State": "associated"}} for block in blocks]
        return {"Vpcs": [{"CidrBlock": blocks[0], "CidrBlockAssociationSet": associated}]}

    def describe_nodegroup(self, clusterName: str, nodegroupName: str) -> dict[str, Any]:  # noqa: N803
        self.asked.append("eks")
        if nodegroupName not in self.running:
            raise refusal("ResourceNotFoundException", f"No node group found for name: {nodegroupName}.")
        return {"nodegroup": {"scalingConfig": {"desiredSize": self.running[nodegroupName]}}}


class Machine:
    """Calls the functions in the state machine's order, with its payloads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        environment = {
            "CLUSTER_STACK_ROLE_ARN": "arn:aws:iam::123456789012:role/hubplane-cluster-stack",
            "ENSURE_HOME_FUNCTION_ARN": HUB_FUNCTIONS[0],
            "RECORD_SERVER_STOP_FUNCTION_ARN": HUB_FUNCTIONS[1],
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "y",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        self.cloud, self.account = FakeCloudFormation(), FakeNetworkAndNodes()
        self.parts: list[tuple[str, dict[str, Any]]] = []
        self.handlers = {}
        for name in FUNCTIONS:
            app = importlib.import_module(f"functions.{name}.app")
            monkeypatch.setattr(app, "stacks", lambda: CloudFormation(self.cloud))
            self.handlers[name] = app.handler
        monkeypatch.setattr(importlib.import_module("functions.plan_stack_change.app"), "client", lambda service: self.account)

    def call(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.handlers[name](json.loads(json.dumps(event)), None)
        assert len(json.dumps(answer)) < LARGEST_ANSWER_BYTES
        assert isinstance(answer["changes"], list)
        assert answer["reason"]
        return answer

    def plan(self, spec: ClusterSpec, run: str) -> dict[str, Any]:
        return self.call("plan_stack_change", {**self.base(run), "spec": spec_to_json(spec), "facts": {}})

    def check_change(self, run: str, part: str = "") -> dict[str, Any]:
        event = {"stack_name": STACK, "change_set_name": change_set_name(ARN + run, part)}
        return self.call("check_stack_change", {**self.base(run), **event})

    def execute(self, run: str, judged: dict[str, Any], part: str = "") -> dict[str, Any]:
        event = {"stack_name": STACK, "change_set_name": change_set_name(ARN + run, part), "stack_change": judged}
        return self.call("execute_stack_change", {**self.base(run), **event})

    def check(self, run: str, part: str = "") -> dict[str, Any]:
        return self.call(
            "check_stack", {**self.base(run), "stack_name": STACK, "change_set_name": change_set_name(ARN + run, part)}
        )

    def build(self, spec: ClusterSpec, run: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The whole stage, every approval given: the judgement and what CheckStack said last."""
        while True:
            planned = self.plan(spec, run)
            assert planned["ready"]
            part = CONTROL_PLANE_PART if planned["more"] else ""
            assert planned["change_set_name"] == change_set_name(ARN + run, part)
            assert not self.check_change(run, part)["ready"]
            self.cloud.settle()
            judged = self.check_change(run, part)
            if judged["verdict"] != "none":
                assert self.execute(run, judged, part)["started"]
                assert not self.check(run, part)["ready"]
                self.cloud.settle()
            end = self.check(run, part)
            self.parts.append((part, judged))
            if not planned["more"]:
                return judged, end

    @staticmethod
    def base(run: str) -> dict[str, Any]:
        return {"cluster_name": SPEC_2019.cluster_name, "execution_arn": ARN + run}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def deployed(machine: Machine, group: str = "NodeGroupMain") -> dict[str, Any]:
    found: dict[str, Any] = machine.cloud.stacks[STACK].template["Resources"][group]["Properties"]["ScalingConfig"]
    return found


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
