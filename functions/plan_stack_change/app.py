"""PlanStackChange: renders the cluster's template and asks CloudFormation what it would change. Nothing is changed yet.

Result: ``ready`` (false: the stack is not at rest, ask again), ``change_set_name``, ``more`` (true: this is the control plane's
change, and the rest is planned when it is done). A roll-back that failed is continued, once by each execution. Repeatable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from hubplane.adapters.cloudformation import CloudFormation, Stack
from hubplane.adapters.cluster_stack_facts import listening_ports, running_size, running_version, vpc_cidr_blocks
from hubplane.domain.cluster_spec.model import ClusterSpec, spec_from_json
from hubplane.domain.cluster_stack import names, scaling
from hubplane.domain.cluster_stack.control_plane import (
    ControlPlaneChange,
    control_plane_first,
    declared_groups,
    declared_version,
)
from hubplane.domain.cluster_stack.preparation import decide_stack_preparation
from hubplane.domain.cluster_stack.remaking import has_entrance, lost_parts, remake
from hubplane.domain.cluster_stack.rolling_back import decide_continuation
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
    stack_name, execution_arn = names.stack_name(spec.cluster_name), event["execution_arn"]
    stack = stacks().stack(stack_name)
    preparation = decide_stack_preparation(stack.status if stack else None)
    if preparation.kind == "refuse":
        raise StackBusy(f"stack {stack_name}: {preparation.reason}")
    answer = {"stack_name": stack_name, "kind": preparation.kind, "reason": preparation.reason, "changes": []}
    not_yet = {**answer, "ready": False, "change_set_name": None, "more": False}
    if preparation.kind == "wait":
        return not_yet
    if preparation.kind == "delete_then_create" and stack:
        stacks().delete_stack(stack.stack_id, names.delete_token(execution_arn))
        return not_yet
    if preparation.kind == "continue_rollback" and stack:
        return {**not_yet, "reason": continue_rollback(stack, stack_name, names.continue_token(execution_arn))}
    name, more = propose(spec, stack, stack_name, execution_arn, is_new_stack=preparation.kind == "create")
    return {**answer, "ready": True, "change_set_name": name, "more": more}


def continue_rollback(stack: Stack, stack_name: str, token: str) -> str:
    """Have CloudFormation go on with a roll-back that failed, and say how. Raises ``StackBusy`` where that failed again."""
    continuation = decide_continuation(stacks().events(stack.stack_id), token, stack_name)
    if continuation.kind == "refuse":
        raise StackBusy(f"stack {stack_name} is {stack.status}: {continuation.reason}")
    stacks().continue_rollback(stack.stack_id, continuation.skip, token)
    return f"stack {stack_name}: {continuation.reason}"


def propose(
    spec: ClusterSpec, stack: Stack | None, stack_name: str, execution_arn: str, *, is_new_stack: bool
) -> tuple[str, bool]:
    """Make this execution's change set, in place of those that earlier ones left behind: its name, and whether more follows."""
    deployed = None if is_new_stack else stacks().template(stack_name)
    whole = render_cluster_template(base_template(), spec, look_up_facts(spec, deployed))
    if has_entrance(deployed):
        whole = remake(whole, deployed, lost_parts(listening_ports(client("elbv2"), spec.cluster_name)))
    first = control_plane_change(spec, deployed, whole)
    change_set_name = names.change_set_name(execution_arn, names.CONTROL_PLANE_PART if first else "")
    for leftover in stacks().unexecuted_change_sets(stack_name) if stack else []:
        if leftover != change_set_name and names.is_ours(leftover):
            stacks().delete_change_set(stack_name, leftover)
    stacks().create_change_set(
        stack_name,
        change_set_name,
        template_body(first.template if first else whole),
        is_new_stack=is_new_stack,
        role_arn=SETTINGS.cluster_stack_role_arn,
        tags=stack_tags(spec),
        is_drift_aware=first is not None and first.is_drift_aware,
    )
    return change_set_name, first is not None


def control_plane_change(
    spec: ClusterSpec, deployed: Mapping[str, Any] | None, whole: Mapping[str, Any]
) -> ControlPlaneChange | None:
    """The change that the control plane gets to itself, None where its version stays."""
    declared = declared_version(deployed)
    if declared in (None, declared_version(whole)):
        return None
    running, sizes = running_version(client("eks"), spec.cluster_name), {}
    for logical_id, group_name in declared_groups(deployed).items() if running != declared else ():
        size = running_size(client("eks"), spec.cluster_name, group_name)
        if size is not None:
            sizes[logical_id] = size
    return control_plane_first(deployed, whole, running, sizes)


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
