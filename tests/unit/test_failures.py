"""Whatever Step Functions catches, a person reads the stage and the cause in words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubplane.domain.failures import LONGEST_CAUSE, describe_failure

BUILD = {
    "Build": {
        "Id": "images:1",
        "BuildStatus": "FAILED",
        "Logs": {"DeepLink": "https://console/log"},
        "Phases": [
            {"PhaseType": "PRE_BUILD", "PhaseStatus": "SUCCEEDED"},
            {"PhaseType": "BUILD", "PhaseStatus": "FAILED", "Contexts": [{"Message": "docker build ended with 1"}]},
        ],
    }
}


@pytest.mark.parametrize(
    ("error", "cause", "kind", "said"),
    [
        pytest.param(
            "AccountNotReady",
            json.dumps({"errorType": "AccountNotReady", "errorMessage": "subnet-1 is in us-east-1a"}),
            "AccountNotReady",
            "subnet-1 is in us-east-1a",
            id="error-of-a-function",
        ),
        pytest.param("States.TaskFailed", json.dumps(BUILD), "ImageBuildFailed", "docker build ended with 1", id="failed-build"),
        pytest.param(
            "States.TaskFailed",
            json.dumps({"Build": {"Id": "images:2", "BuildStatus": "TIMED_OUT"}}),
            "ImageBuildFailed",
            "images:2 ended TIMED_OUT",
            id="build-without-phases",
        ),
        pytest.param("States.Timeout", "", "States.Timeout", "start the same input again", id="timeout-without-words"),
        pytest.param("StackBusy", "the stack is still changing", "StackBusy", "still changing", id="plain-words"),
        pytest.param("X", "", "X", "no cause was given", id="nothing-said"),
        pytest.param("X", "[1, 2]", "X", "[1, 2]", id="json-that-is-no-object"),
        pytest.param("X", '{"other": 1}', "X", '{"other": 1}', id="object-of-unknown-shape"),
    ],
)
def test_the_cause_is_told_in_words(error: str, cause: str, kind: str, said: str) -> None:
    failure = describe_failure("CheckAccount", error, cause)
    assert failure.error == kind
    assert said in failure.cause
    assert failure.sentence.startswith(f"CheckAccount failed ({kind}): ")


@given(error=st.text(), cause=st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_told_and_none_is_endless(error: str, cause: str) -> None:
    failure = describe_failure("S", error, cause)
    assert 0 < len(failure.cause) <= LONGEST_CAUSE


@given(
    build=st.fixed_dictionaries(
        {"BuildStatus": st.text()},
        optional={"Phases": st.none() | st.lists(st.dictionaries(st.text(), st.text())), "Id": st.text()},
    )
)
def test_a_build_of_any_shape_is_told(build: dict[str, object]) -> None:
    assert describe_failure("BuildImages", "E", json.dumps({"Build": build})).error == "ImageBuildFailed"
