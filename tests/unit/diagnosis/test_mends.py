"""Every execution that a finding proposes is one that its machine takes, whatever the cluster, the names and the sizes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubplane.domain.cluster_spec.validation import validate
from hubplane.domain.diagnosis import mends
from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import Finding
from hubplane.domain.diagnosis.inputs import read_mend_input
from hubplane.domain.diagnosis.judging import diagnose
from hubplane.domain.homes.change_inputs import read_move
from hubplane.domain.homes.operator_inputs import read_expansion, read_stop
from hubplane.domain.storage.inputs import read_storage_input
from tests.unit.diagnosis.broken_clusters import full_home, in_the_wrong_zone, stuck, waits_for_room
from tests.unit.diagnosis.clusters import EVENTS
from tests.unit.diagnosis.troubles import TROUBLES

# How the first function of each machine reads its input; every one of them raises with all faults.
READERS: Mapping[str, Callable[[Any], object]] = {
    "restart_hub": read_mend_input,
    "repair_autoscaler": read_mend_input,
    "build_cluster": lambda document: validate(document).spec,
    "move_home": read_move,
    "stop_server": read_stop,
    "snapshot_volumes": read_storage_input,
    "expand_home": read_expansion,
}


def check(findings: tuple[Finding, ...]) -> list[Mapping[str, Any]]:
    """The proposed inputs, each taken by its machine as it comes out of a result."""
    inputs = []
    for found in findings:
        if found.mend is not None:
            given_input = json.loads(json.dumps(dict(found.mend.input)))
            READERS[found.mend.machine](given_input)
            inputs.append(given_input)
    return inputs


def test_every_mend_has_a_machine_and_a_reader() -> None:
    made_here = [item for _, item in inspect.getmembers(mends, inspect.isfunction) if item.__module__ == mends.__name__]
    proposed = {item.__name__ for item in made_here if not item.__name__.startswith("_")}
    assert proposed == set(READERS)
    machines = {path.name.removesuffix(".asl.json") for path in (EVENTS.parent / "statemachines").iterdir()}
    assert proposed <= machines
    assert {machine for *_, machine, _ in TROUBLES.values()} == {*READERS, None}


@pytest.mark.parametrize("name", [name for name, (*_, machine, _) in TROUBLES.items() if machine is not None])
def test_what_a_trouble_proposes_is_taken_by_its_machine(name: str) -> None:
    [given_input] = check(diagnose(TROUBLES[name][0]()))
    assert given_input["cluster_name"] == "opensarlab"


names = st.text(min_size=0, max_size=300)


def renamed(facts: ClusterFacts, name: str) -> ClusterFacts:
    """The same cluster, whose people all have this name."""
    pods = tuple(replace(pod, username=name) if pod.is_server else pod for pod in facts.pods)
    return replace(facts, pods=pods, claims=tuple(replace(claim, username=name) for claim in facts.claims))


@given(name=names, make=st.sampled_from([in_the_wrong_zone, stuck, full_home]))
def test_whatever_a_person_is_called(name: str, make: Callable[[], ClusterFacts]) -> None:
    findings = diagnose(renamed(make(), name))
    assert findings
    check(findings)


@given(size=st.integers(min_value=1, max_value=65536))
def test_however_large_a_full_home_is(size: int) -> None:
    facts = full_home()
    [found] = diagnose(replace(facts, volumes=tuple(replace(volume, size_gib=size) for volume in facts.volumes)))
    inputs = check((found,))
    assert all(size < item["size_gib"] <= 65536 for item in inputs)
    assert bool(inputs) == (size < 65536)


@given(most=st.integers(min_value=2, max_value=450), recorded=st.integers(min_value=3, max_value=450))
def test_however_large_a_full_node_group_is(most: int, recorded: int) -> None:
    facts = waits_for_room(full=True)
    state = replace(facts.node_groups[0], desired_size=most, max_size=most)
    groups = (replace(facts.spec.node_groups[0], max_size=recorded), *facts.spec.node_groups[1:])
    [found] = diagnose(replace(facts, node_groups=(state,), spec=replace(facts.spec, node_groups=groups)))
    for item in check((found,)):
        assert most < item["spec"]["node_groups"][0]["max_size"] <= 450
    assert (found.mend is None) == (most == 450)
