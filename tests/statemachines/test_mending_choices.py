"""Where a diagnosis and the mending machines go: only looking, rolling back and failing are the ways of everything unexpected."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.statemachines.choices import state_after

MACHINES = Path(__file__).resolve().parents[2] / "statemachines"
SUBSTITUTIONS = {"HubPolls": "60", "ReleasePolls": "80"}
goes_to = partial(state_after, SUBSTITUTIONS)


@pytest.mark.parametrize(
    ("mend", "state"), [("policy", "PlanMends"), ("never", "Told"), (None, "Told"), (True, "Told"), (["policy"], "Told")]
)
def test_only_a_clear_word_lets_a_diagnosis_mend(mend: Any, state: str) -> None:
    assert goes_to("diagnose_cluster", "MayMend", diagnosis={"mend": mend}) == state


@pytest.mark.parametrize(("mends", "state"), [([{"machine": "restart_hub"}], "StartMends"), ([], "TellDiagnosis")])
def test_what_is_planned_is_started_and_nothing_else(mends: Any, state: str) -> None:
    assert goes_to("diagnose_cluster", "IsAnythingPlanned", plan={"mends": mends}) == state


@pytest.mark.parametrize(
    ("machine", "choice", "variable", "answer", "polls", "state"),
    [
        ("restart_hub", "IsHubBack", "check", {"back": True}, 0, "FinishMend"),
        ("restart_hub", "IsHubBack", "check", {"back": False}, 59, "WaitForHub"),
        ("restart_hub", "IsHubBack", "check", {"back": False}, 60, "HubIsLate"),
        ("restart_hub", "IsHubBack", "check", {"back": "true"}, 60, "HubIsLate"),
        ("repair_autoscaler", "IsNamespaceGone", "removal", {"gone": True}, 0, "InstallAutoscaler"),
        ("repair_autoscaler", "IsNamespaceGone", "removal", {"gone": False}, 0, "WaitForNamespace"),
        ("repair_autoscaler", "IsNamespaceGone", "removal", {}, 80, "NamespaceIsLate"),
        ("repair_autoscaler", "IsAutoscalerReady", "rollout", {"ready": True, "hopeless": False}, 0, "FinishMend"),
        ("repair_autoscaler", "IsAutoscalerReady", "rollout", {"ready": False, "hopeless": False}, 0, "WaitForAutoscaler"),
        ("repair_autoscaler", "IsAutoscalerReady", "rollout", {"ready": False, "hopeless": True}, 0, "AutoscalerIsLate"),
        ("rotate_secrets", "IsJupyterHubReady", "rollout", {"ready": True, "hopeless": False}, 0, "CheckHub"),
        ("rotate_secrets", "IsJupyterHubReady", "rollout", {"ready": False, "hopeless": False}, 79, "WaitForJupyterHub"),
        ("rotate_secrets", "IsJupyterHubReady", "rollout", {"ready": False, "hopeless": True}, 0, "JupyterHubIsLate"),
    ],
)
def test_waiting_has_an_end(machine: str, choice: str, variable: str, answer: Any, polls: int, state: str) -> None:
    assert goes_to(machine, choice, **{variable: answer, "polls": polls}) == state


@pytest.mark.parametrize("machine", ["restart_hub", "repair_autoscaler", "rotate_secrets"])
def test_every_failure_gives_the_lock_back_and_none_is_a_success(machine: str) -> None:
    states = json.loads((MACHINES / f"{machine}.asl.json").read_text())["States"]
    for name, state in states.items():
        for catch in state.get("Catch", []):
            expected = {"FinishMend", "RollBackJupyterHub"} if name != "FinishMend" else {"MendFailed"}
            assert catch["Next"] in expected, name
    assert goes_to(machine, "IsDone", failure={"error": ""}) == "Done"
    assert goes_to(machine, "IsDone", failure={"error": "MendFailed"}) == "MendFailed"
    assert goes_to(machine, "IsDone", failure={}) == "MendFailed"


def test_new_values_are_current_only_after_the_hub_was_seen_with_them() -> None:
    states = json.loads((MACHINES / "rotate_secrets.asl.json").read_text())["States"]
    leads_to = [name for name, state in states.items() if state.get("Next") == "PromoteSecrets"]
    assert leads_to == ["CheckHub"]
    assert {catch["Next"] for catch in states["CheckHub"]["Catch"]} == {"RollBackJupyterHub"}
    assert states["RollBackJupyterHub"]["Next"] == "FinishMend"
