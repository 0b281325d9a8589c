"""State transitions and AWS calls of a first and a repeated build, counted by the embedded cloud."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.guide import deploy, processes
from local.guide.follow import follow
from local.guide.input import build_input


@dataclass(frozen=True)
class BuildFigures:
    """One build: what Step Functions and AWS were asked."""

    kind: str
    transitions: int
    calls: Mapping[str, int]

    @property
    def calls_in_all(self) -> int:
        return sum(self.calls.values())


def measure(state_dir: Path, build_dir: Path) -> list[BuildFigures]:
    """A first build and a repeat of it, on an embedded cloud of their own that ends afterwards."""
    cloud = processes.start(state_dir)
    try:
        control_plane = deploy.deploy(cloud, build_dir, deploy.local_parameters(cloud))
        document = build_input(cloud)
        return [_build(cloud, control_plane, document, kind) for kind in ("first", "repeat")]
    finally:
        processes.stop(cloud)


def _build(
    cloud: processes.EmbeddedCloud, control_plane: deploy.ControlPlane, document: dict[str, Any], kind: str
) -> BuildFigures:
    states = deploy.client(cloud, "stepfunctions")
    _ask(cloud, "calls/reset", method="POST")
    started = states.start_execution(
        stateMachineArn=control_plane.outputs["BuildClusterStateMachineArn"],
        name=f"bench-{kind}-{uuid.uuid4().hex[:8]}",
        input=json.dumps(document),
    )
    # Seldom enough that looking does not become most of what is counted.
    outcome = follow(states, started["executionArn"], lambda _: None, pace_seconds=5)
    if outcome.status != "SUCCEEDED":
        raise RuntimeError(f"the {kind} build {outcome.status}: {outcome.error}: {outcome.cause}")
    counted = _ask(cloud, "calls")
    functions = {caller: calls for caller, calls in counted["by_caller"].items() if caller not in {"other", "states"}}
    calls: dict[str, int] = {}
    for by_operation in functions.values():
        for operation, times in by_operation.items():
            calls[operation] = calls.get(operation, 0) + times
    return BuildFigures(kind, outcome.transitions, calls)


def _ask(cloud: processes.EmbeddedCloud, path: str, method: str = "GET") -> dict[str, Any]:
    request = urllib.request.Request(f"{cloud.endpoint_url}/_hubplane/{path}", method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        body = answer.read()
    found: dict[str, Any] = json.loads(body) if body else {}
    return found
