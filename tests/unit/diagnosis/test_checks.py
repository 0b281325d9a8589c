"""Each trouble is named by the one check that is for it, with what mends it, and by no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubplane.domain.cluster_spec.validation import validate
from hubplane.domain.diagnosis.checks import CHECKS
from hubplane.domain.diagnosis.facts import HubAnswers
from hubplane.domain.diagnosis.findings import Finding, finding_to_json
from hubplane.domain.diagnosis.judging import diagnose
from hubplane.domain.hub_facts import Answer, Target
from tests.unit.diagnosis.clusters import (
    EVENTS,
    JUST_NOW,
    OTHER_ZONE,
    ZONE,
    gpu_spec,
    healthy,
    waiting,
)
from tests.unit.diagnosis.troubles import GNUTLS, NO_ROOM, TROUBLES, in_the_wrong_zone, two_volumes, with_hub


def found_in(name: str) -> Finding:
    """The one finding of a trouble."""
    make, check, *_ = TROUBLES[name]
    [found] = diagnose(make())
    assert found.check == check
    return found


@pytest.mark.parametrize("name", TROUBLES)
def test_a_trouble_is_named_and_only_it(name: str) -> None:
    _, _, severity, machine, words = TROUBLES[name]
    found = found_in(name)
    assert found.severity == severity
    assert (found.mend.machine if found.mend else None) == machine
    assert words in "\n".join((found.sentence, *found.evidence))
    page = EVENTS.parent / finding_to_json(found)["runbook"]
    assert page.exists(), page


def test_every_check_of_the_table_has_a_trouble() -> None:
    assert {check for _, check, *_ in TROUBLES.values()} == {check.name for check in CHECKS}


@pytest.mark.parametrize("name", ["full-node-group", "failed-build", "missing-target-rule"])
def test_a_build_that_is_proposed_is_one_that_validates(name: str) -> None:
    mend = found_in(name).mend
    assert mend is not None
    spec = validate(dict(mend.input)).spec
    grown = spec.node_groups[0].max_size
    assert grown == (9 if name == "full-node-group" else 8)


@pytest.mark.parametrize(("running", "built"), [("1.36", "1.36"), ("1.35", "1.35"), ("1.34", "1.35"), (None, "1.35")])
@pytest.mark.parametrize("name", ["full-node-group", "failed-build", "missing-target-rule"])
def test_no_build_is_proposed_that_would_take_the_control_plane_back(name: str, running: str | None, built: str) -> None:
    findings = diagnose(replace(TROUBLES[name][0](), kubernetes_version=running))
    [mend] = [found.mend for found in findings if found.mend is not None]
    assert validate(dict(mend.input)).spec.kubernetes_version == built


def test_a_full_group_of_gpus_says_nothing_of_those_who_wait_for_none() -> None:
    facts = healthy(gpu_spec())
    gpu = replace(facts.node_groups[1], desired_size=4)
    young = waiting("new", NO_ROOM, created_at=JUST_NOW)
    full = replace(facts, node_groups=(facts.node_groups[0], gpu))
    assert diagnose(replace(full, pods=(*facts.pods, young))) == ()
    for_gpu = replace(young, wanted_group="opensarlab-gpu")
    [found] = diagnose(replace(full, pods=(*facts.pods, for_gpu)))
    assert found.mend is not None
    assert [group["max_size"] for group in found.mend.input["spec"]["node_groups"]] == [8, 5]


def test_a_home_in_a_wrong_zone_whose_owner_nobody_wrote_down_is_for_a_person() -> None:
    facts = in_the_wrong_zone(waits=False)
    [found] = diagnose(replace(facts, claims=tuple(replace(item, username=None) for item in facts.claims)))
    assert found.mend is None
    assert "claim-moved" in found.sentence


def test_nodes_of_two_zones_reach_homes_of_both() -> None:
    facts = in_the_wrong_zone(waits=False)
    group = replace(facts.node_groups[0], zones=(ZONE, OTHER_ZONE))
    assert diagnose(replace(facts, node_groups=(group,))) == ()


def test_the_hub_that_is_down_is_one_finding_whatever_fails_before_it() -> None:
    facts = with_hub(ready=False, waiting=("CrashLoopBackOff", "exit 1"))
    down = replace(
        facts,
        targets=(Target("i-1", 30052, "unhealthy", "Target.ResponseCodeMismatch"),),
        hub_answers=HubAnswers(Answer(503, {"server": "awselb/2.0"})),
    )
    assert [item.check for item in diagnose(down)] == ["hub_pod"]


def test_the_gravest_comes_first() -> None:
    facts = replace(two_volumes(), hub_log=GNUTLS, status="BUILDING", unknown={"certificate": "AccessDenied"})
    assert [item.severity for item in diagnose(facts)] == ["critical", "warning", "unknown", "notice"]


def test_long_evidence_is_counted() -> None:
    facts = healthy(people=30, snapshots=())
    [found] = diagnose(facts)
    shown = finding_to_json(found)["evidence"]
    assert len(shown) == 11
    assert shown[-1] == "… and 20 more"
