"""Proposing what is to change about a cluster's stack: its state judged, the template rendered, one change set asked for.

Nothing of the cluster is changed here. What stands in the way of a change set is moved first: a stack that never worked goes, a
roll-back that failed goes on, and change sets that earlier executions left behind are taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hubplane.domain.cluster_spec.model import ClusterSpec
from hubplane.domain.cluster_stack import names, scaling
from hubplane.domain.cluster_stack.control_plane import (
    ControlPlaneChange,
    RunningGroup,
    control_plane_first,
    declared_groups,
    declared_version,
)
from hubplane.domain.cluster_stack.preparation import decide_stack_preparation
from hubplane.domain.cluster_stack.remaking import has_entrance, lost_parts, remake
from hubplane.domain.cluster_stack.rolling_back import decide_continuation
from hubplane.domain.cluster_stack.stack import Stack
from hubplane.domain.cluster_stack.stack_event import StackEvent
from hubplane.domain.cluster_stack.template import (
    StackFacts,
    choose_service_cidr,
    deployed_service_cidr,
    render_cluster_template,
    stack_tags,
    template_body,
)
from hubplane.domain.errors import StackBusy

__all__ = ["Account", "Rights", "Stacks", "plan_change"]

Template = Mapping[str, Any]


class Stacks(Protocol):
    """``adapters.cloudformation.CloudFormation``. Every call can be repeated."""

    def stack(self, stack_name: str) -> Stack | None:
        """The stack of this name, None if there is none."""

    def template(self, stack_name: str) -> dict[str, Any] | None:
        """The template that is deployed."""

    def unexecuted_change_sets(self, stack_name: str) -> list[str]:
        """The names of the change sets that wait."""

    def delete_change_set(self, stack_name: str, change_set_name: str) -> None:
        """Take one away."""

    def create_change_set(
        self,
        stack_name: str,
        change_set_name: str,
        template_body: str,
        *,
        is_new_stack: bool,
        role_arn: str,
        tags: Mapping[str, str],
        is_drift_aware: bool = False,
    ) -> bool:
        """Ask for a change set."""

    def delete_stack(self, stack_id: str, token: str) -> None:
        """Begin to delete a stack."""

    def events(self, stack_id: str) -> list[StackEvent]:
        """What happened to it, newest first."""

    def continue_rollback(self, stack_id: str, skip: Sequence[str], token: str) -> None:
        """Go on with a roll-back that failed."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the specification leaves to the account, each asked where it matters: most builds need the base template alone.

    ``vpc_cidr_blocks`` by VPC; ``listening_ports`` of a cluster's load balancer, None where there is none; ``running_group`` by
    cluster and name, and ``running_version`` of a cluster, None where EKS has none such.
    """

    base_template: Callable[[], Template]
    vpc_cidr_blocks: Callable[[str], Sequence[str]]
    listening_ports: Callable[[str], frozenset[int] | None]
    running_group: Callable[[str, str], RunningGroup | None]
    running_version: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Rights:
    """``stack_role_arn``: what CloudFormation acts as; ``hub_may_invoke``: the functions that a hub may ask."""

    stack_role_arn: str
    hub_may_invoke: tuple[str, str]


def plan_change(spec: ClusterSpec, execution_arn: str, stacks: Stacks, account: Account, rights: Rights) -> dict[str, Any]:
    """What the state machine gets. ``ready`` False: the stack is not at rest, ask again. ``more``: the change set is the control
    plane's, and the rest is planned when it is done. Raises ``StackBusy`` where a person has to look. Repeatable.
    """
    stack_name = names.stack_name(spec.cluster_name)
    stack = stacks.stack(stack_name)
    preparation = decide_stack_preparation(stack.status if stack else None)
    if preparation.kind == "refuse":
        raise StackBusy(f"stack {stack_name}: {preparation.reason}")
    answer = {"stack_name": stack_name, "kind": preparation.kind, "reason": preparation.reason, "changes": []}
    not_yet = {**answer, "ready": False, "change_set_name": None, "more": False}
    if preparation.kind == "wait":
        return not_yet
    if preparation.kind == "delete_then_create" and stack:
        stacks.delete_stack(stack.stack_id, names.delete_token(execution_arn))
        return not_yet
    if preparation.kind == "continue_rollback" and stack:
        return {**not_yet, "reason": _continue_rollback(stack, stack_name, names.continue_token(execution_arn), stacks)}
    deployed = None if preparation.kind == "create" else stacks.template(stack_name)
    whole = _whole_template(spec, deployed, account, rights)
    first = _control_plane_change(spec, deployed, whole, account)
    change_set_name = names.change_set_name(execution_arn, names.CONTROL_PLANE_PART if first else "")
    for leftover in stacks.unexecuted_change_sets(stack_name) if stack else []:
        if leftover != change_set_name and names.is_ours(leftover):
            stacks.delete_change_set(stack_name, leftover)
    stacks.create_change_set(
        stack_name,
        change_set_name,
        template_body(first.template if first else whole),
        is_new_stack=preparation.kind == "create",
        role_arn=rights.stack_role_arn,
        tags=stack_tags(spec),
        is_drift_aware=first is not None and first.is_drift_aware,
    )
    return {**answer, "ready": True, "change_set_name": change_set_name, "more": first is not None}


def _continue_rollback(stack: Stack, stack_name: str, token: str, stacks: Stacks) -> str:
    """Have CloudFormation go on with a roll-back that failed, and say how. Raises ``StackBusy`` where that failed again."""
    continuation = decide_continuation(stacks.events(stack.stack_id), token, stack_name)
    if continuation.kind == "refuse":
        raise StackBusy(f"stack {stack_name} is {stack.status}: {continuation.reason}")
    stacks.continue_rollback(stack.stack_id, continuation.skip, token)
    return f"stack {stack_name}: {continuation.reason}"


def _whole_template(spec: ClusterSpec, deployed: Template | None, account: Account, rights: Rights) -> Template:
    """The template as it is to be, with what was removed behind CloudFormation's back made anew."""
    base = account.base_template()
    whole = render_cluster_template(base, spec, _look_up_facts(spec, deployed, account, rights))
    if not has_entrance(deployed):
        return whole
    return remake(whole, deployed, lost_parts(account.listening_ports(spec.cluster_name)))


def _control_plane_change(
    spec: ClusterSpec, deployed: Template | None, whole: Template, account: Account
) -> ControlPlaneChange | None:
    """The change that the control plane gets to itself, None where its version stays."""
    declared = declared_version(deployed)
    if declared in (None, declared_version(whole)):
        return None
    running, groups = account.running_version(spec.cluster_name), {}
    for logical_id, group_name in declared_groups(deployed).items() if running != declared else ():
        group = account.running_group(spec.cluster_name, group_name)
        if group is not None:
            groups[logical_id] = group
    return control_plane_first(deployed, whole, running, groups)


def _look_up_facts(spec: ClusterSpec, deployed: Template | None, account: Account, rights: Rights) -> StackFacts:
    """What the deployed template, the network and the running node groups add to the specification."""
    cidr = deployed_service_cidr(deployed) or choose_service_cidr(account.vpc_cidr_blocks(spec.network.vpc_id))
    declared = scaling.declared_sizes(spec.node_groups, deployed)
    sizes = {}
    for group in spec.node_groups:
        before, running = declared.get(group.name), None
        if scaling.needs_running_size(group, before):
            running = account.running_group(spec.cluster_name, f"{spec.cluster_name}-{group.name}")
        sizes[group.name] = scaling.settle_desired_size(group, before, running.size if running else None)
    return StackFacts(service_cidr=cidr, hub_may_invoke=rights.hub_may_invoke, desired_sizes=sizes)
