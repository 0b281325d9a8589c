"""Where build_cluster goes when its stack is ready: the control plane's change is followed by the rest, once."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.statemachines.choices import state_after

goes_to = partial(state_after, {"LongestPolls": "720"})


@pytest.mark.parametrize(
    ("stack", "more", "rose", "polls", "state"),
    [
        ({"ready": True}, False, False, 720, "IsHubUrlNew"),
        ({"ready": True}, False, True, 0, "IsHubUrlNew"),
        ({"ready": True}, True, False, 0, "PlanStackChange"),
        ({"ready": True}, True, True, 0, "ControlPlaneStaysBehind"),
        ({"ready": False}, True, False, 719, "WaitForStack"),
        ({"ready": False}, False, False, 720, "StackTakesTooLong"),
        ({}, True, False, 720, "StackTakesTooLong"),
    ],
)
def test_after_the_control_plane_comes_the_rest_of_the_stack_and_never_twice(
    stack: dict[str, Any], more: bool, rose: bool, polls: int, state: str
) -> None:
    plan = {"more": more}
    assert goes_to("build_cluster", "IsStackReady", stack=stack, stack_plan=plan, control_plane_rose=rose, polls=polls) == state
