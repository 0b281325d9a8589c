"""Where a Choice of a state machine goes, by its own expressions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonata

MACHINES = Path(__file__).resolve().parents[2] / "statemachines"


def state_after(substitutions: Mapping[str, str], machine: str, choice: str, **variables: Any) -> str:
    """The state that follows, with the variables as they were assigned; ``input`` is the state's input."""
    text = (MACHINES / f"{machine}.asl.json").read_text()
    for name, value in substitutions.items():
        text = text.replace(f"${{{name}}}", value)
    state = json.loads(text)["States"][choice]
    for rule in state["Choices"]:
        expression = jsonata.Jsonata(re.fullmatch(r"\{% (.*) %\}", rule["Condition"])[1])  # type: ignore[index]
        bindings = expression.create_frame()
        bindings.bind("states", {"input": variables.get("input")})
        for name, value in variables.items():
            bindings.bind(name, value)
        if expression.evaluate(None, bindings) is True:
            return str(rule["Next"])
    return str(state["Default"])
