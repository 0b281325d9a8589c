"""Every status that botocore knows has a decision, and nothing that was ever complete is deleted."""

from __future__ import annotations

import botocore.session
import pytest

from hubplane.domain.cluster_stack.outcome import stack_outcome
from hubplane.domain.cluster_stack.preparation import decide_stack_preparation

MODEL = botocore.session.get_session().get_service_model("cloudformation")

# status: (what a build does with a stack in it, outcome after our change was executed, outcome without a change of ours)
TABLE = {
    "CREATE_IN_PROGRESS": ("wait", "wait", "wait"),
    "CREATE_FAILED": ("delete_then_create", "failed", "failed"),
    "CREATE_COMPLETE": ("update", "ready", "ready"),
    "ROLLBACK_IN_PROGRESS": ("wait", "wait", "wait"),
    "ROLLBACK_FAILED": ("delete_then_create", "failed", "failed"),
    "ROLLBACK_COMPLETE": ("delete_then_create", "failed", "failed"),
    "DELETE_IN_PROGRESS": ("wait", "wait", "wait"),
    "DELETE_FAILED": ("refuse", "failed", "failed"),
    "DELETE_COMPLETE": ("create", "failed", "failed"),
    "UPDATE_IN_PROGRESS": ("wait", "wait", "wait"),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": ("wait", "wait", "wait"),
    "UPDATE_COMPLETE": ("update", "ready", "ready"),
    "UPDATE_FAILED": ("refuse", "failed", "failed"),
    "UPDATE_ROLLBACK_IN_PROGRESS": ("wait", "wait", "wait"),
    "UPDATE_ROLLBACK_FAILED": ("continue_rollback", "failed", "failed"),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": ("wait", "wait", "wait"),
    "UPDATE_ROLLBACK_COMPLETE": ("update", "failed", "ready"),
    "REVIEW_IN_PROGRESS": ("create", "failed", "failed"),
    "IMPORT_IN_PROGRESS": ("wait", "wait", "wait"),
    "IMPORT_COMPLETE": ("update", "ready", "ready"),
    "IMPORT_ROLLBACK_IN_PROGRESS": ("wait", "wait", "wait"),
    "IMPORT_ROLLBACK_FAILED": ("refuse", "failed", "failed"),
    "IMPORT_ROLLBACK_COMPLETE": ("update", "failed", "ready"),
}


def test_the_table_holds_every_status_of_the_service() -> None:
    assert set(TABLE) == set(MODEL.shape_for("StackStatus").enum)


@pytest.mark.parametrize(("status", "expected"), [(status, row[0]) for status, row in TABLE.items()], ids=TABLE.keys())
def test_what_a_build_does_first(status: str, expected: str) -> None:
    decision = decide_stack_preparation(status)
    assert decision.kind == expected
    assert status in decision.reason or expected == "create"


@pytest.mark.parametrize(
    "status", [status for status in TABLE if "UPDATE" in status or "IMPORT" in status or status == "CREATE_COMPLETE"]
)
def test_a_stack_that_was_ever_complete_is_never_deleted(status: str) -> None:
    assert decide_stack_preparation(status).kind != "delete_then_create"


def test_no_stack_is_created() -> None:
    assert decide_stack_preparation(None).kind == "create"


def test_a_status_of_the_future_is_refused() -> None:
    assert decide_stack_preparation("PAUSED_BY_MARTIANS").kind == "refuse"


@pytest.mark.parametrize("status", [status for status, row in TABLE.items() if row[0] == "refuse"])
def test_a_refusal_says_what_to_do(status: str) -> None:
    assert "does not know" not in decide_stack_preparation(status).reason


@pytest.mark.parametrize(("status", "row"), TABLE.items(), ids=TABLE.keys())
def test_outcome(status: str, row: tuple[str, str, str]) -> None:
    assert stack_outcome(status, "EXECUTE_COMPLETE") == row[1]
    assert stack_outcome(status, None) == row[2]


@pytest.mark.parametrize("execution_status", ["AVAILABLE", "UNAVAILABLE", "EXECUTE_IN_PROGRESS"])
@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "REVIEW_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_change_that_has_just_been_started_is_waited_for_although_the_stack_still_says_otherwise(
    status: str, execution_status: str
) -> None:
    assert stack_outcome(status, execution_status) == "wait"


@pytest.mark.parametrize("execution_status", ["EXECUTE_FAILED", "OBSOLETE", "new"])
def test_a_complete_stack_is_not_ready_if_our_change_did_not_make_it(execution_status: str) -> None:
    assert stack_outcome("UPDATE_COMPLETE", execution_status) == "failed"
