"""One execution per cluster, and none that is dead holds anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from hubplane.domain.errors import ClusterBusy
from hubplane.domain.locks import RUNNING_STATUSES, Lock, decide_lock, may_take

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


@pytest.mark.parametrize(
    ("lock", "status", "asked", "refused"),
    [
        pytest.param(None, "RUNNING", [], False, id="nobody-is-asked-about-a-free-lock"),
        pytest.param(held(ME), "RUNNING", [], False, id="nor-about-ones-own"),
        pytest.param(held(OTHER), "SUCCEEDED", [OTHER], False, id="ended"),
        pytest.param(held(OTHER), None, [OTHER], False, id="gone"),
        pytest.param(held(OTHER), "RUNNING", [OTHER], True, id="alive"),
    ],
)
def test_who_is_refused_hears_what_is_busy_and_by_whom(
    lock: Lock | None, status: str | None, asked: list[str], refused: bool
) -> None:
    seen: list[str] = []

    def status_of(execution_arn: str) -> str | None:
        seen.append(execution_arn)
        return status

    if refused:
        with pytest.raises(ClusterBusy, match=rf"^cluster lab is busy: {OTHER} has been working"):
            may_take("cluster lab is busy", lock, ME, status_of, NOW)
    else:
        assert may_take("cluster lab is busy", lock, ME, status_of, NOW) == decide_lock(lock, status, ME, NOW).reason
    assert seen == asked
