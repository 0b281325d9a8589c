"""Every state machine is a whole graph that agrees with the template, the error classes and the functions.

cfn-lint does not look into definitions that lie in a file of their own, and AWS finds a wrong error name only when it
fails to match: these tests do.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonata
import pytest

from hubplane.domain import errors

REPOSITORY = Path(__file__).resolve().parents[2]
DEFINITIONS = sorted((REPOSITORY / "statemachines").glob("*.asl.json"))
OWN_ERRORS = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.HubplaneError)}
# Error names of Step Functions and its integrations, from the Step Functions developer guide ("Handling errors").
SERVICE_ERROR = re.compile(
    r"^(States\.(ALL|Timeout|TaskFailed|HeartbeatTimeout|ItemReaderFailed)|Sandbox\.Timedout|Lambda\.\w+|Dynamo(DB|Db)\.\w+"
    r"|CodeBuild\.\w+|StepFunctions\.\w+)$"
)

pytestmark = pytest.mark.parametrize("path", DEFINITIONS, ids=[path.name.removesuffix(".asl.json") for path in DEFINITIONS])


def machines(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The machine and every machine nested in its Map and Parallel states."""
    yield document
    for state in document["States"].values():
        for nested in [state.get("ItemProcessor"), *state.get("Branches", [])]:
            if nested:
                yield from machines(nested)


def targets(state: dict[str, Any]) -> Iterator[str]:
    """Every state that ``state`` can go to."""
    for holder in [state, *state.get("Choices", []), *state.get("Catch", [])]:
        for key in ("Next", "Default"):
            if key in holder:
                yield holder[key]


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_every_state_that_is_named_exists_and_is_reached(path: Path) -> None:
    for machine in machines(read(path)):
        states = machine["States"]
        assert machine["StartAt"] in states
        reached, waiting = set(), [machine["StartAt"]]
        while waiting:
            name = waiting.pop()
            if name in reached:
                continue
            assert name in states, f"{name} does not exist"
            reached.add(name)
            waiting.extend(targets(states[name]))
        assert reached == set(states), f"never reached: {set(states) - reached}"


def test_every_state_ends_or_goes_on(path: Path) -> None:
    for machine in machines(read(path)):
        for name, state in machine["States"].items():
            ends = state.get("End") or state["Type"] in {"Succeed", "Fail"}
            assert ends or list(targets(state)), f"{name} leads nowhere"
            if state["Type"] == "Choice":
                assert "Default" in state, f"{name} has no safe way out"


def test_every_task_has_named_retries_and_a_catch(path: Path) -> None:
    for machine in machines(read(path)):
        for name, state in machine["States"].items():
            if state["Type"] != "Task":
                continue
            assert state.get("Comment"), f"{name} does not say why"
            retried = [error for retrier in state["Retry"] for error in retrier["ErrorEquals"]]
            assert retried, f"{name} retries nothing"
            assert "States.ALL" not in retried, f"{name} retries everything"
            if not state.get("End"):
                assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], f"{name} lets errors escape"


def test_every_error_name_exists(path: Path) -> None:
    for machine in machines(read(path)):
        for name, state in machine["States"].items():
            for handler in [*state.get("Retry", []), *state.get("Catch", [])]:
                for error in handler["ErrorEquals"]:
                    assert error in OWN_ERRORS or SERVICE_ERROR.match(error), f"{name} waits for {error}, which nobody raises"


def test_every_expression_parses(path: Path) -> None:
    text = re.sub(r"\$\{\w+\}", "1", path.read_text())
    expressions = re.findall(r"\{%(.*?)%\}", json.dumps(json.loads(text), ensure_ascii=False))
    assert expressions
    for expression in expressions:
        jsonata.Jsonata(json.loads(f'"{expression}"'))


def test_every_variable_is_assigned_somewhere(path: Path) -> None:
    text = path.read_text()
    assigned: set[str] = set()

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            assigned.update(node.get("Assign", {}))
            for value in node.values():
                collect(value)
        elif isinstance(node, list):
            for value in node:
                collect(value)

    collect(json.loads(text))
    used = {
        name
        for expression in re.findall(r"\{%(.*?)%\}", re.sub(r"\$\{\w+\}", "1", text))
        for name in re.findall(r"\$([a-z]\w*)(?![\w(])", expression)
    }
    local = set(re.findall(r"\$(\w+) :=", text))
    assert used - {"states"} - local <= assigned
