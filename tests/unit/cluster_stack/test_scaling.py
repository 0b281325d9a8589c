"""Builds and the autoscaler do not work against each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubplane.domain.cluster_spec.model import NodeGroup
from hubplane.domain.cluster_stack.scaling import DeclaredSize, declared_sizes, needs_running_size, settle_desired_size
from hubplane.domain.cluster_stack.template import render_cluster_template
from tests.unit.cluster_stack.specs import BASE, FACTS, TWO_GROUPS


def group(minimum: int, desired: int, maximum: int) -> NodeGroup:
    return NodeGroup(name="main", min_size=minimum, desired_size=desired, max_size=maximum)


@pytest.mark.parametrize(
    ("wanted", "declared", "running", "expected"),
    [
        pytest.param(group(2, 3, 8), None, None, 3, id="a new group starts as specified"),
        pytest.param(group(2, 3, 8), DeclaredSize(2, 3, 8), 7, 3, id="nothing changed: the template stays, whatever runs"),
        pytest.param(group(2, 2, 8), DeclaredSize(2, 3, 8), 7, 3, id="asking for fewer is the autoscaler's business"),
        pytest.param(group(2, 5, 8), DeclaredSize(2, 3, 8), 4, 5, id="asking for more starts more"),
        pytest.param(group(2, 5, 8), DeclaredSize(2, 3, 8), 7, 7, id="asking for more than declared stops none that run"),
        pytest.param(group(2, 2, 10), DeclaredSize(2, 2, 8), 6, 6, id="another maximum stops none that run"),
        pytest.param(group(4, 4, 8), DeclaredSize(2, 2, 8), 2, 4, id="a higher minimum lifts the size"),
        pytest.param(group(2, 2, 4), DeclaredSize(2, 2, 8), 6, 4, id="only a lower maximum takes servers away"),
        pytest.param(group(2, 2, 10), DeclaredSize(2, 2, 8), None, 2, id="group gone from EKS"),
    ],
)
def test_desired_size(wanted: NodeGroup, declared: DeclaredSize | None, running: int | None, expected: int) -> None:
    assert settle_desired_size(wanted, declared, running) == expected


SIZES = st.tuples(*[st.integers(0, 12)] * 3).map(sorted)


@given(SIZES, SIZES, st.integers(0, 12))
def test_settling_stops_no_server_within_the_limits_and_a_repeat_changes_nothing(
    wanted: list[int], declared: list[int], running: int
) -> None:
    asked = group(*wanted)
    before = DeclaredSize(*declared)
    settled = settle_desired_size(asked, before, running)
    assert asked.min_size <= settled <= asked.max_size
    after = DeclaredSize(asked.min_size, settled, asked.max_size)
    assert not needs_running_size(asked, after)
    assert settle_desired_size(asked, after, running + 1) == settled
    if needs_running_size(asked, before):
        assert settled >= min(running, asked.max_size)
    else:
        assert settled == before.desired_size


def test_a_repeated_build_finds_in_the_deployed_template_what_it_rendered() -> None:
    deployed = render_cluster_template(BASE, TWO_GROUPS, replace(FACTS, desired_sizes={"main": 5}))
    assert declared_sizes(TWO_GROUPS.node_groups, deployed) == {"main": DeclaredSize(2, 5, 8), "gpu-large": DeclaredSize(0, 0, 4)}
    assert declared_sizes(TWO_GROUPS.node_groups, None) == {}
