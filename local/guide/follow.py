"""Follows one execution of a state machine, stage by stage, from its history."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from local.guide.processes import REPOSITORY

DEFINITIONS = REPOSITORY / "statemachines"
ENDED = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}


@dataclass(frozen=True)
class StageProgress:
    """A stage that began, ended well or failed; ``seconds`` is its time so far."""

    stage: str
    status: Literal["running", "done", "failed"]
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """How an execution ended: its status, its result where it succeeded, else the error's name and the cause."""

    execution_arn: str
    status: str
    result: Mapping[str, Any]
    error: str
    cause: str
    transitions: int
    seconds: float


def stages_of(definition: Mapping[str, Any]) -> dict[str, str]:
    """State name -> stage, read from the failure that the state's Catch assigns; a task without one is a stage of its own."""
    stages: dict[str, str] = {}
    for name, state in definition["States"].items():
        if state["Type"] in ("Task", "Map"):
            stages[name] = name
        for catcher in state.get("Catch", []):
            failure = catcher.get("Assign", {}).get("failure", {})
            if isinstance(failure, dict) and not failure.get("stage", "{%").startswith("{%"):
                stages[name] = failure["stage"]
    return stages


def definition_of(execution_arn: str) -> dict[str, Any]:
    """The definition of the machine that the execution is of: machines are named after their files, behind the stack's name."""
    machine_name = execution_arn.split(":")[6].replace("-", "_")
    path = next(path for path in DEFINITIONS.glob("*.asl.json") if machine_name.endswith(f"_{path.name.split('.')[0]}"))
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def follow(client: Any, execution_arn: str, tell: Callable[[StageProgress], None], pace_seconds: float = 0.5) -> Outcome:
    """Tell of each stage as it begins and ends; returns when the execution has ended."""
    stage_of = stages_of(definition_of(execution_arn))
    current: str | None = None
    began: datetime | None = None
    read = transitions = 0
    while True:
        description = client.describe_execution(executionArn=execution_arn)
        for event in _events_after(client, execution_arn, read):
            read += 1
            if not event["type"].endswith("StateEntered"):
                continue
            transitions += 1
            stage = stage_of.get(event["stateEnteredEventDetails"]["name"])
            if stage is None or stage == current:
                continue
            if current is not None and began is not None:
                spent = (event["timestamp"] - began).total_seconds()
                tell(StageProgress(current, "failed" if stage == "RecordFailure" else "done", spent))
            current, began = stage, event["timestamp"]
            tell(StageProgress(stage, "running", 0.0))
        if description["status"] in ENDED:
            spent = (description["stopDate"] - began).total_seconds() if began else 0.0
            if current is not None:
                good = description["status"] == "SUCCEEDED" or current == "RecordFailure"
                tell(StageProgress(current, "done" if good else "failed", spent))
            return Outcome(
                execution_arn,
                description["status"],
                json.loads(description.get("output") or "{}"),
                description.get("error", ""),
                description.get("cause", ""),
                transitions,
                (description["stopDate"] - description["startDate"]).total_seconds(),
            )
        time.sleep(pace_seconds)


def _events_after(client: Any, execution_arn: str, seen: int) -> Iterator[Mapping[str, Any]]:
    position = 0
    arguments: dict[str, Any] = {"executionArn": execution_arn, "maxResults": 1000, "includeExecutionData": False}
    while True:
        page = client.get_execution_history(**arguments)
        for event in page["events"]:
            position += 1
            if position > seen:
                yield event
        if not page.get("nextToken"):
            return
        arguments["nextToken"] = page["nextToken"]
