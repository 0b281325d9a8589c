"""What is asked of the account for each state of the stack: no more than that state needs, and one change set at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from hubplane.domain.cluster_stack import names
from hubplane.domain.cluster_stack.control_plane import RunningGroup
from hubplane.domain.cluster_stack.proposing import Account, Rights, plan_change
from hubplane.domain.cluster_stack.stack import Stack
from hubplane.domain.cluster_stack.stack_event import StackEvent
from hubplane.domain.cluster_stack.template import render_cluster_template
from hubplane.domain.errors import StackBusy
from tests.unit.cluster_stack.specs import BASE, FACTS, SPEC_2019

RUN = "arn:aws:states:us-east-1:111122223333:execution:hubplane-build_cluster:run-1"
RIGHTS = Rights("arn:role", FACTS.hub_may_invoke)
DEPLOYED = render_cluster_template(BASE, SPEC_2019, FACTS)


@dataclass
class Cloud:
    """CloudFormation and the rest of the account, which write down what they are asked."""

    status: str | None
    waiting: tuple[str, ...] = ()
    listening: frozenset[int] | None = frozenset({80, 443})
    deployed: Mapping[str, Any] = field(default_factory=lambda: DEPLOYED)
    group: RunningGroup | None = None
    version: str | None = None
    asked: list[str] = field(default_factory=list)
    proposed: dict[str, Any] = field(default_factory=dict)

    def stack(self, stack_name: str) -> Stack | None:
        return None if self.status is None else Stack("arn:stack", self.status, "", None)

    def template(self, stack_name: str) -> dict[str, Any] | None:
        self.asked.append("template")
        return dict(self.deployed)

    def unexecuted_change_sets(self, stack_name: str) -> list[str]:
        return list(self.waiting)

    def delete_change_set(self, stack_name: str, change_set_name: str) -> None:
        self.asked.append(f"delete {change_set_name}")

    def create_change_set(self, stack_name: str, change_set_name: str, template_body: str, **given: Any) -> bool:
        self.asked.append("propose")
        self.proposed = {"name": change_set_name, "template": json.loads(template_body), **given}
        return True

    def delete_stack(self, stack_id: str, token: str) -> None:
        self.asked.append(f"delete the stack, {token.rpartition('-')[2]}")

    def events(self, stack_id: str) -> list[StackEvent]:
        return []

    def continue_rollback(self, stack_id: str, skip: Sequence[str], token: str) -> None:
        self.asked.append(f"continue, {token.rpartition('-')[2]}")

    def plan(self) -> dict[str, Any]:
        return plan_change(SPEC_2019, RUN, self, self.account(), RIGHTS)

    def account(self) -> Account:
        def told(what: str, answer: Any) -> Any:
            self.asked.append(what)
            return answer

        def base() -> Mapping[str, Any]:
            return BASE

        return Account(
            base_template=base,
            vpc_cidr_blocks=lambda _: told("ranges", ["172.31.0.0/16"]),
            listening_ports=lambda _: told("listeners", self.listening),
            running_group=lambda *_: told("group", self.group),
            running_version=lambda _: told("version", self.version),
        )


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        pytest.param(None, ["ranges", "propose"], id="no-stack"),
        pytest.param("REVIEW_IN_PROGRESS", ["ranges", "propose"], id="announced"),
        pytest.param("UPDATE_COMPLETE", ["template", "listeners", "propose"], id="at-rest"),
        pytest.param("UPDATE_IN_PROGRESS", [], id="moving"),
        pytest.param("ROLLBACK_COMPLETE", ["delete the stack, delete"], id="never-worked"),
        pytest.param("UPDATE_ROLLBACK_FAILED", ["continue, continue"], id="stuck"),
    ],
)
def test_each_state_asks_for_what_it_needs(status: str | None, asked: list[str]) -> None:
    cloud = Cloud(status)
    answer = cloud.plan()
    assert cloud.asked == asked
    assert answer["ready"] is ("propose" in asked)
    assert (answer["change_set_name"] is not None, answer["more"]) == (answer["ready"], False)


def test_a_status_that_nobody_knows_changes_nothing() -> None:
    cloud = Cloud("DELETE_FAILED")
    with pytest.raises(StackBusy, match=names.stack_name(SPEC_2019.cluster_name)):
        cloud.plan()
    assert cloud.asked == []


def test_what_earlier_executions_left_is_taken_away_and_nobody_elses() -> None:
    mine = names.change_set_name(RUN)
    cloud = Cloud("CREATE_COMPLETE", waiting=("hubplane-run-0-abc", "by-hand", mine))
    assert cloud.plan()["change_set_name"] == mine
    assert [each for each in cloud.asked if each.startswith("delete")] == ["delete hubplane-run-0-abc"]


@pytest.mark.parametrize(
    ("listening", "has_new"),
    [pytest.param(frozenset({80, 443}), False, id="there"), pytest.param(None, True, id="removed-behind-cloudformation")],
)
def test_a_way_in_that_is_gone_is_proposed_anew(listening: frozenset[int] | None, has_new: bool) -> None:
    cloud = Cloud("UPDATE_COMPLETE", listening=listening)
    cloud.plan()
    assert ("LoadBalancer2" in cloud.proposed["template"]["Resources"]) is has_new
    assert (cloud.proposed["is_new_stack"], cloud.proposed["role_arn"]) == (False, "arn:role")


def test_a_cluster_that_was_taken_back_by_hand_is_recorded_as_it_runs() -> None:
    spec = replace(SPEC_2019, kubernetes_version="1.36")
    cloud = Cloud(
        "UPDATE_COMPLETE",
        deployed=render_cluster_template(BASE, spec, FACTS),
        group=RunningGroup(3, SPEC_2019.kubernetes_version),
        version=SPEC_2019.kubernetes_version,
    )
    assert cloud.plan()["more"] is True
    assert cloud.asked == ["template", "listeners", "version", "group", "propose"]
    assert cloud.proposed["is_drift_aware"] is True
    group = cloud.proposed["template"]["Resources"]["NodeGroupMain"]["Properties"]
    assert (group["Version"], group["ScalingConfig"]["DesiredSize"]) == (SPEC_2019.kubernetes_version, 3)
