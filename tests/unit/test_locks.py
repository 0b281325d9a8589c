"""One execution per cluster, and none that is dead holds anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from hubplane.domain.locks import RUNNING_STATUSES, Lock, decide_lock

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ME, OTHER = "arn:execution:me", "arn:execution:other"


def held(by: str, *, expires_in: timedelta = timedelta(hours=1)) -> Lock:
    return Lock(by, NOW - timedelta(hours=2), NOW + expires_in)


@pytest.mark.parametrize(
    ("lock", "holder_status", "kind", "said"),
    [
        pytest.param(None, None, "take", "nobody", id="free"),
        pytest.param(held(ME), None, "take", "already", id="mine-already"),
        pytest.param(held(OTHER), "RUNNING", "refuse", "stop-execution", id="held-by-a-running-execution"),
        pytest.param(held(OTHER), "PENDING_REDRIVE", "refuse", "wait until", id="held-by-one-that-may-be-redriven"),
        pytest.param(held(OTHER), "SUCCEEDED", "take", "SUCCEEDED", id="holder-succeeded"),
        pytest.param(held(OTHER), "FAILED", "take", "FAILED", id="holder-failed"),
        pytest.param(held(OTHER), "ABORTED", "take", "ABORTED", id="holder-was-stopped"),
        pytest.param(held(OTHER), "TIMED_OUT", "take", "TIMED_OUT", id="holder-timed-out"),
        pytest.param(held(OTHER), None, "take", "gone", id="holder-unknown-to-step-functions"),
        pytest.param(held(OTHER, expires_in=timedelta(0)), "RUNNING", "take", "lease", id="lease-ended-this-very-moment"),
    ],
)
def test_only_a_living_execution_keeps_its_lock(lock: Lock | None, holder_status: str | None, kind: str, said: str) -> None:
    decision = decide_lock(lock, holder_status, ME, NOW)
    assert decision.kind == kind
    assert said in decision.reason


def test_every_status_of_step_functions_is_decided_on() -> None:
    model = boto3.client("stepfunctions", region_name="us-east-1").meta.service_model
    statuses = set(model.shape_for("ExecutionStatus").enum)
    ended = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}
    assert statuses == ended | RUNNING_STATUSES
