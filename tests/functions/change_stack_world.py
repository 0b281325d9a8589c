"""The four functions of the ChangeStack stage over a CloudFormation, EC2 and EKS that remember what they were asked."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from hubplane.adapters.cloudformation import CloudFormation
from hubplane.domain.cluster_spec.model import ClusterSpec, spec_to_json
from hubplane.domain.cluster_stack.names import CONTROL_PLANE_PART, change_set_name
from tests.adapters.cloudformation_fake import FakeCloudFormation, refusal
from tests.unit.cluster_stack.specs import HUB_FUNCTIONS, SPEC_2019

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


def deployed(machine: Machine, group: str = "NodeGroupMain") -> dict[str, Any]:
    found: dict[str, Any] = machine.cloud.stacks[STACK].template["Resources"][group]["Properties"]["ScalingConfig"]
    return found
