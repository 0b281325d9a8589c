"""PlanStackChange: renders the cluster's template and asks CloudFormation what it would change. Nothing is changed yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from hubplane.adapters.cloudformation import CloudFormation, Stack
from hubplane.adapters.cluster_stack_facts import running_size, vpc_cidr_blocks
from hubplane.domain.cluster_spec.model import ClusterSpec, spec_from_json
from hubplane.domain.cluster_stack import names, scaling
from hubplane.domain.cluster_stack.preparation import decide_stack_preparation
from hubplane.domain.cluster_stack.template import (
    StackFacts,
    choose_service_cidr,
    deployed_service_cidr,
    render_cluster_template,
    stack_tags,
    template_body,
)
from hubplane.domain.errors import StackBusy
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    cluster_stack_role_arn: str
    ensure_home_function_arn: str
    record_server_stop_function_arn: str


SETTINGS = read_settings(Settings)


@cache
def stacks() -> CloudFormation:
    """Made by the first call: a client costs half as much time again as importing boto3."""
    return CloudFormation(boto3.client("cloudformation"))


# Most builds need neither: EC2 tells a first build the VPC's ranges, EKS the running sizes when a person changed them.
client = cache(boto3.client)


@cache
def base_template() -> dict[str, Any]:
    """cluster.yaml, parsed. PyYAML is imported here to keep the cold start short: looking at a stack in motion needs none."""
    import yaml  # noqa: PLC0415

    parsed: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("cluster.yaml").read_text("utf-8"))
    return parsed


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    spec = spec_from_json(event["spec"])
    stack_name, change_set_name = names.stack_name(spec.cluster_name), names.change_set_name(event["execution_arn"])
    stack = stacks().stack(stack_name)
    preparation = decide_stack_preparation(stack.status if stack else None)
    if preparation.kind == "refuse":
        raise StackBusy(f"stack {stack_name}: {preparation.reason}")
    answer = {"stack_name": stack_name, "kind": preparation.kind, "reason": preparation.reason, "changes": []}
    if preparation.kind == "wait":
        return {**answer, "ready": False, "change_set_name": None}
    if preparation.kind == "delete_then_create" and stack:
        stacks().delete_stack(stack.stack_id, names.delete_token(event["execution_arn"]))
        return {**answer, "ready": False, "change_set_name": None}
    propose(spec, stack, stack_name, change_set_name, is_new_stack=preparation.kind == "create")
    return {**answer, "ready": True, "change_set_name": change_set_name}


def propose(spec: ClusterSpec, stack: Stack | None, stack_name: str, change_set_name: str, *, is_new_stack: bool) -> None:
    """Make this execution's change set, in place of those that earlier executions left behind."""
    for leftover in stacks().unexecuted_change_sets(stack_name) if stack else []:
        if leftover != change_set_name and names.is_ours(leftover):
            stacks().delete_change_set(stack_name, leftover)
    deployed = None if is_new_stack else stacks().template(stack_name)
    body = template_body(render_cluster_template(base_template(), spec, look_up_facts(spec, deployed)))
    stacks().create_change_set(
        stack_name,
        change_set_name,
        body,
        is_new_stack=is_new_stack,
        role_arn=SETTINGS.cluster_stack_role_arn,
        tags=stack_tags(spec),
    )


def look_up_facts(spec: ClusterSpec, deployed: Mapping[str, Any] | None) -> StackFacts:
    """What the deployed template, the network and the running node groups add to the specification."""
    cidr = deployed_service_cidr(deployed) or choose_service_cidr(vpc_cidr_blocks(client("ec2"), spec.network.vpc_id))
    declared = scaling.declared_sizes(spec.node_groups, deployed)
    sizes = {}
    for group in spec.node_groups:
        before, running = declared.get(group.name), None
        if scaling.needs_running_size(group, before):
            running = running_size(client("eks"), spec.cluster_name, f"{spec.cluster_name}-{group.name}")
        sizes[group.name] = scaling.settle_desired_size(group, before, running)
    hub_may_invoke = (SETTINGS.ensure_home_function_arn, SETTINGS.record_server_stop_function_arn)
    return StackFacts(service_cidr=cidr, hub_may_invoke=hub_may_invoke, desired_sizes=sizes)
