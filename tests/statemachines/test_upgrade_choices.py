"""Where upgrade_cluster goes: to a build only through an open gate, and on only from a step that came true."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import jsonata
import pytest

from tests.statemachines.choices import state_after

goes_to = partial(state_after, {"InsightPolls": "80", "UpgradedPolls": "80"})
STATES = json.loads((Path(__file__).parents[2] / "statemachines/upgrade_cluster.asl.json").read_text())["States"]
OPEN = {"ready": True, "open": True}


@pytest.mark.parametrize(
    ("mode", "gate", "polls", "state"),
    [
        ("enforce", OPEN, 0, "BuildStep"),
        ("plan", OPEN, 0, "FinishUpgrade"),
        ("plan", {"ready": True, "open": False}, 0, "FinishUpgrade"),
        ("enforce", {"ready": False, "open": False}, 79, "WaitForInsights"),
        ("enforce", {"ready": False, "open": True}, 80, "GateIsClosed"),
        ("enforce", {"ready": True, "open": False}, 0, "GateIsClosed"),
        ("enforce", {"ready": True, "open": "true"}, 0, "GateIsClosed"),
        ("enforce", {"ready": True}, 0, "GateIsClosed"),
        ("enforce", {}, 0, "GateIsClosed"),
        ("Enforce", OPEN, 0, "GateIsClosed"),
    ],
)
def test_only_an_open_gate_lets_anything_be_changed(mode: str, gate: dict[str, Any], polls: int, state: str) -> None:
    assert goes_to("upgrade_cluster", "IsGateOpen", mode=mode, gate=gate, polls=polls) == state


@pytest.mark.parametrize(
    ("checked", "polls", "state"),
    [
        ({"done": True}, 80, "HasStep"),
        ({"done": False}, 79, "WaitForUpgraded"),
        ({"done": False}, 80, "StepDidNotComeTrue"),
        ({"done": "true"}, 80, "StepDidNotComeTrue"),
        ({}, 80, "StepDidNotComeTrue"),
    ],
)
def test_a_step_that_did_not_come_true_stops_the_upgrade(checked: dict[str, Any], polls: int, state: str) -> None:
    assert goes_to("upgrade_cluster", "IsUpgraded", checked=checked, polls=polls) == state


def test_steps_are_taken_one_after_the_other_until_none_is_left() -> None:
    assert goes_to("upgrade_cluster", "HasStep", index=0, steps=[{}, {}]) == "BeginStep"
    assert goes_to("upgrade_cluster", "HasStep", index=2, steps=[{}, {}]) == "FinishUpgrade"
    assert goes_to("upgrade_cluster", "HasStep", index=0, steps=[]) == "FinishUpgrade"


def test_a_nested_build_s_own_error_and_cause_are_what_is_told() -> None:
    """What a .sync:2 task fails with: the nested execution's description as JSON (Step Functions Developer Guide)."""
    failed = {"Status": "FAILED", "Error": "HubUnhealthy", "Cause": "CheckHub failed: the hub answers 503"}
    for cause, wanted in ((json.dumps(failed), ("HubUnhealthy", failed["Cause"])), ("stopped", ("States.TaskFailed", "stopped"))):
        told = STATES["BuildStep"]["Catch"][0]["Assign"]["failure"]
        found = tuple(evaluated(told[key], {"Error": "States.TaskFailed", "Cause": cause}) for key in ("error", "cause"))
        assert found == wanted


def evaluated(text: str, error_output: dict[str, str]) -> Any:
    expression = jsonata.Jsonata(text.removeprefix("{%").removesuffix("%}").replace("$parse(", "$eval("))
    bindings = expression.create_frame()
    bindings.bind("states", {"errorOutput": error_output})
    return expression.evaluate(None, bindings)
