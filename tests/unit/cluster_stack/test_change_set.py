"""How far a change set is, over every pair of statuses that botocore knows, and what its digest vouches for."""

from __future__ import annotations

from dataclasses import replace

import botocore.session
import pytest

from hubplane.domain.cluster_stack.change_set import ChangeSet, PropertyChange, ResourceChange, change_set_stage, changes_digest

MODEL = botocore.session.get_session().get_service_model("cloudformation")
STATUSES = MODEL.shape_for("ChangeSetStatus").enum
EXECUTION_STATUSES = MODEL.shape_for("ExecutionStatus").enum

CHANGE = ResourceChange(
    "Modify", "NodeGroupMain", "AWS::EKS::Nodegroup", details=(PropertyChange("Properties", "Subnets", "Always"),)
)
COMPLETE = ChangeSet("arn:aws:cloudformation:us-east-1:1:changeSet/c/1", "c", "CREATE_COMPLETE", "AVAILABLE", "", (CHANGE,))

STAGES = {
    "CREATE_PENDING": "wait",
    "CREATE_IN_PROGRESS": "wait",
    "FAILED": "failed",
    "DELETE_PENDING": "gone",
    "DELETE_IN_PROGRESS": "gone",
    "DELETE_COMPLETE": "gone",
    "DELETE_FAILED": "gone",
}
STAGES_WHEN_COMPLETE = {
    "UNAVAILABLE": "wait",
    "AVAILABLE": "complete",
    "EXECUTE_IN_PROGRESS": "started",
    "EXECUTE_COMPLETE": "started",
    "EXECUTE_FAILED": "started",
    "OBSOLETE": "gone",
}


@pytest.mark.parametrize("execution_status", EXECUTION_STATUSES)
@pytest.mark.parametrize("status", STATUSES)
def test_stage(status: str, execution_status: str) -> None:
    expected = STAGES_WHEN_COMPLETE[execution_status] if status == "CREATE_COMPLETE" else STAGES[status]
    assert change_set_stage(replace(COMPLETE, status=status, execution_status=execution_status)) == expected


def test_an_absent_change_set_and_one_in_an_unknown_state_may_not_be_executed() -> None:
    assert change_set_stage(None) == "gone"
    assert change_set_stage(replace(COMPLETE, status="NEW")) == "gone"
    assert change_set_stage(replace(COMPLETE, execution_status="NEW")) == "gone"


@pytest.mark.parametrize(
    ("reason", "stage"),
    [
        (
            "The submitted information didn't contain changes. Submit different information to create a change set.",
            "empty",
        ),
        ("No updates are to be performed.", "empty"),
        ("Parameter validation failed: Unresolved resource dependencies [X]", "failed"),
        ("", "failed"),
    ],
)
def test_a_failed_change_set_is_empty_only_if_cloudformation_says_so(reason: str, stage: str) -> None:
    assert change_set_stage(replace(COMPLETE, status="FAILED", reason=reason)) == stage


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(COMPLETE, change_set_id=COMPLETE.change_set_id + "2"), id="made again under the same name"),
        pytest.param(replace(COMPLETE, changes=()), id="change missing"),
        pytest.param(replace(COMPLETE, changes=(CHANGE, CHANGE)), id="change more"),
        pytest.param(replace(COMPLETE, changes=(replace(CHANGE, replacement="True"),)), id="replacement"),
        pytest.param(replace(COMPLETE, changes=(replace(CHANGE, details=()),)), id="details"),
    ],
)
def test_the_digest_differs_with_whatever_was_judged(other: ChangeSet) -> None:
    assert changes_digest(other) != changes_digest(COMPLETE)


def test_the_digest_stays_while_only_the_status_moves() -> None:
    assert changes_digest(replace(COMPLETE, execution_status="EXECUTE_COMPLETE")) == changes_digest(COMPLETE)
