"""What may be mended without a person: only what the specification names, of what mends without a loss."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubplane.domain.diagnosis.mending import proposals
from hubplane.domain.diagnosis.policy import MENDABLE, DiagnosisPolicy, diagnosis_schedule

NAME = "opensarlab"


def finding(machine: str | None, check: str = "hub_log", **given: Any) -> dict[str, Any]:
    mend = {"machine": machine, "input": {"cluster_name": NAME, **given}} if machine else None
    return {"check": check, "mend": mend}


ALL = DiagnosisPolicy(6, MENDABLE, 3)


@pytest.mark.parametrize(
    ("policy", "findings", "machines", "held"),
    [
        pytest.param(DiagnosisPolicy(), [finding("restart_hub")], [], 1, id="nothing-by-default"),
        pytest.param(ALL, [], [], 0, id="healthy"),
        pytest.param(ALL, [finding(None)], [], 0, id="nothing-mends-it"),
        pytest.param(ALL, [finding("restart_hub"), finding("restart_hub", "hub_pod")], ["restart_hub"], 0, id="once"),
        pytest.param(
            ALL,
            [finding("repair_autoscaler"), finding("restart_hub")],
            ["repair_autoscaler", "restart_hub"],
            0,
            id="in-their-order",
        ),
        pytest.param(ALL, [finding("build_cluster", spec={})], [], 1, id="a-build-is-for-a-person"),
        pytest.param(ALL, [finding("move_home", username="ada")], [], 1, id="a-home-is-for-a-person"),
        pytest.param(
            DiagnosisPolicy(6, ("build_cluster",)), [finding("build_cluster")], [], 1, id="also-where-a-policy-names-it"
        ),
        pytest.param(ALL, [finding("restart_hub", cluster_name="another")], [], 0, id="another-cluster"),
    ],
)
def test_only_what_the_policy_allows(policy: DiagnosisPolicy, findings: list[Any], machines: list[str], held: int) -> None:
    proposed = proposals(findings, policy, NAME)
    assert [mend["machine"] for mend in proposed.mends] == machines
    assert len(proposed.held_back) == held


@pytest.mark.parametrize(
    ("hours", "expression"),
    [
        (None, None),
        (1, "cron(20 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23 * * ? *)"),
        (6, "cron(20 0,6,12,18 * * ? *)"),
        (24, "cron(20 0 * * ? *)"),
    ],
)
def test_a_schedule_has_one_minute_and_the_hours_of_the_policy(hours: int | None, expression: str | None) -> None:
    schedule = diagnosis_schedule(NAME, DiagnosisPolicy(hours))
    assert (schedule.expression if schedule else None) == expression
    if schedule:
        assert schedule.name == "opensarlab-diagnosis"
        assert json.loads(schedule.input) == {"cluster_name": NAME, "mend": "policy"}
