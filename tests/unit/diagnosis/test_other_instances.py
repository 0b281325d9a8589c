"""Which node group helps where a zone has run out of a type, and where none does."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hubplane.domain.cluster_spec.model import ClusterSpec, NodeGroup
from hubplane.domain.cluster_spec.validation import validate
from hubplane.domain.diagnosis.checks.node_room import short_group
from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.other_instances import FAMILIES, group_beside, is_shortage, siblings
from tests.unit.diagnosis.broken_clusters import waits_for_room
from tests.unit.diagnosis.clusters import EVENTS, NOW, SPEC_2019, gpu_spec

MAIN = SPEC_2019.node_groups[0]
SHORT = "InsufficientInstanceCapacity - We currently do not have sufficient m5.2xlarge capacity in the Availability Zone"


def with_groups(*types: str) -> ClusterSpec:
    """The cluster of 2019 with more groups of these types."""
    more = (NodeGroup(f"more{number}", kind) for number, kind in enumerate(types))
    return replace(SPEC_2019, node_groups=(MAIN, *more))


@pytest.mark.parametrize(
    ("spec", "offered", "chosen"),
    [
        pytest.param(SPEC_2019, {"m6i.2xlarge", "m5a.2xlarge"}, "m6i.2xlarge", id="the-first-of-its-row"),
        pytest.param(SPEC_2019, {"m5a.2xlarge", "r5.2xlarge"}, "m5a.2xlarge", id="the-first-that-the-zone-offers"),
        pytest.param(with_groups("m6i.2xlarge"), {"m6i.2xlarge", "m5a.2xlarge"}, "m5a.2xlarge", id="one-that-is-not-there-yet"),
        pytest.param(SPEC_2019, set(), None, id="none-is-offered"),
        pytest.param(with_groups(*["c5.large"] * 9), {"m6i.2xlarge"}, None, id="ten-groups-are-all"),
    ],
)
def test_a_group_of_a_type_as_large_is_put_beside(spec: ClusterSpec, offered: set[str], chosen: str | None) -> None:
    found = group_beside(spec, MAIN, offered)
    if chosen is None:
        assert found is None
        return
    assert found is not None
    assert found.node_groups[:-1] == spec.node_groups
    beside = found.node_groups[-1]
    assert (beside.instance_type, beside.min_size, beside.desired_size) == (chosen, 0, 1)
    assert (beside.labels, beside.taints, beside.ami_type, beside.volume_size_gib) == (
        MAIN.labels,
        MAIN.taints,
        MAIN.ami_type,
        MAIN.volume_size_gib,
    )


@pytest.mark.parametrize(("length", "is_beside"), [(48, True), (49, False)])
def test_a_name_that_eks_would_refuse_is_not_proposed(length: int, is_beside: bool) -> None:
    """EKS takes 63 characters of ``opensarlab-<group>``, of which ``-m6i`` is four."""
    named = replace(MAIN, name="g" * length)
    spec = replace(SPEC_2019, node_groups=(named,))
    assert (group_beside(spec, named, {"m6i.2xlarge"}) is not None) is is_beside


def test_every_type_of_a_row_has_a_sibling_and_the_specification_takes_it() -> None:
    document = json.loads((EVENTS / "build_cluster.json").read_text())
    assert validate(document).spec == SPEC_2019
    for family in (family for row in FAMILIES for family in row):
        others = siblings(f"{family}.2xlarge")
        assert len(others) in (2, 5)
        assert f"{family}.2xlarge" not in others
    assert siblings("g5.2xlarge") == siblings("p4d.24xlarge") == ()


@pytest.mark.parametrize(
    ("words", "short"),
    [
        (SHORT, True),
        ("Your requested instance type (m7i.large) is not supported in your requested Availability Zone (us-east-1e).", True),
        ("VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of 640 allows", False),
        ("You are not authorized to use launch template: lt-1", False),
    ],
)
def test_only_a_zone_without_instances_is_a_shortage(words: str, short: bool) -> None:
    assert is_shortage(words) is short


def short_of(spec: ClusterSpec, wanted_group: str | None) -> ClusterFacts:
    """People wait for a node that the zone does not give; their servers may be bound to a group."""
    facts = waits_for_room(full=False, failures=((NOW, SHORT),))
    pods = tuple(replace(pod, wanted_group=wanted_group) if pod.unschedulable else pod for pod in facts.pods)
    return replace(facts, spec=spec, pods=pods)


def test_a_server_that_is_bound_to_its_group_gets_nothing_from_another_one() -> None:
    assert short_group(short_of(SPEC_2019, None)) == MAIN
    assert short_group(short_of(gpu_spec(), "opensarlab-main")) is None
    assert short_group(waits_for_room(full=False)) is None
