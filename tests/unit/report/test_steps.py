"""What became of each line of a plan, and why the kept ones were kept."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.report.lines import PlanLine, became, plan_line_from_json, reason_group
from hubplane.domain.report.model import StepReport
from hubplane.domain.report.steps import FATES, recycle_bin_of, step_prefix, step_report
from hubplane.domain.storage.actions import Action, PlannedAction
from hubplane.domain.storage.documents import action_to_json
from hubplane.domain.storage.outcomes import Outcome, Result

VOLUME = "vol-0a1b2c3d4e5f60718"


def line(action: Action = Action.KEEP, reason: str = "Kept: it is in use.", **changes: Any) -> PlanLine:
    return PlanLine(VOLUME, action, reason, **{"size_gib": 20, "claim_name": "claim-ana", **changes})


def ended(**changes: Any) -> dict[str, Any]:
    return {"step": "prune_volumes", "status": "SUCCEEDED", "mode": "enforce", "notes": [], "reason": "", **changes}


@pytest.mark.parametrize(
    ("action", "mode", "result", "fate"),
    [
        pytest.param(Action.DELETE_CLAIM, "enforce", "deleted", "done", id="deleted"),
        pytest.param(Action.DELETE_VOLUME, "enforce", "gone", "done", id="not found on delete is success"),
        pytest.param(Action.CREATE_SNAPSHOT, "enforce", "started", "fresh", id="a snapshot instead of a delete"),
        pytest.param(Action.CREATE_SNAPSHOT, "plan", None, "fresh", id="a snapshot instead of a delete, planned"),
        pytest.param(Action.DELETE_SNAPSHOT, "enforce", "skipped", "skipped", id="the second look said no"),
        pytest.param(Action.DELETE_SNAPSHOT, "enforce", "failed", "failed", id="the provider refused"),
        pytest.param(Action.DELETE_SNAPSHOT, "enforce", None, "open", id="no word of it"),
        pytest.param(Action.DELETE_SNAPSHOT, "enforce", "left", "deferred", id="left for want of time"),
        pytest.param(Action.DEFER, "enforce", "started", "done", id="put off, and started when there was room"),
        pytest.param(Action.DELETE_SNAPSHOT, "plan", None, "planned", id="a plan only says"),
        pytest.param(Action.DELETE_SNAPSHOT, None, None, "open", id="a failed step without a mode promises nothing"),
        pytest.param(Action.HOLD, "enforce", None, "held", id="held"),
        pytest.param(Action.HOLD, "plan", None, "held", id="held in a plan"),
        pytest.param(Action.DEFER, "enforce", None, "deferred", id="left for the next night"),
    ],
)
def test_each_planned_change_has_one_fate(action: Action, mode: str | None, result: str | None, fate: str) -> None:
    told = Outcome(VOLUME, action, Result(result), "words of the executor") if result else None
    outcomes = {VOLUME: became(told)} if told else {}
    found = step_report("prune_volumes", ended(mode=mode), [line(action, "why")], outcomes)
    assert [name for name in FATES if getattr(found, name).count] == [fate]
    item = getattr(found, fate).items[0]
    assert (item.resource_id, item.size_gib, item.claim_name) == (VOLUME, 20, "claim-ana")
    assert item.reason == ("words of the executor" if result in ("skipped", "failed", "left") else "why")
    assert found.kept == ()


def test_a_snapshot_in_the_step_of_snapshots_is_its_deed() -> None:
    started = {VOLUME: became(Outcome(VOLUME, Action.CREATE_SNAPSHOT, Result.STARTED, "why"))}
    found = step_report("snapshot_volumes", ended(step="snapshot_volumes"), [line(Action.CREATE_SNAPSHOT, "why")], started)
    assert (found.done.count, found.fresh.count) == (1, 0)


def test_a_line_is_read_as_it_was_written() -> None:
    planned = PlannedAction(VOLUME, Action.DELETE_VOLUME, "why", attention=True, last_copy=True)
    read = plan_line_from_json(action_to_json(planned, size_gib=20, claim_name="claim-ana"))
    assert read == line(Action.DELETE_VOLUME, "why", attention=True, last_copy=True)
    assert plan_line_from_json(action_to_json(planned)).size_gib is None


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        pytest.param("slow down", ("States.TaskFailed", "slow down"), id="plain words"),
        pytest.param(
            '{"ExecutionArn": "arn:…", "Error": "DeletionRefused", "Cause": "AskStorageApproval: no"}',
            ("DeletionRefused", "AskStorageApproval: no"),
            id="the description of a child execution",
        ),
        pytest.param(
            '{"ExecutionArn": "arn:…"}', ("States.TaskFailed", '{"ExecutionArn": "arn:…"}'), id="a description without words"
        ),
        pytest.param("{cut off", ("States.TaskFailed", "{cut off"), id="cut off"),
    ],
)
def test_a_failed_step_is_told_in_its_own_words(reason: str, told: tuple[str, str]) -> None:
    found = step_report("prune_volumes", ended(status="FAILED", error="States.TaskFailed", reason=reason), [], {})
    assert (found.error, found.reason) == told


def test_what_is_kept_and_worth_a_look_is_in_both_places() -> None:
    found = step_report("prune_volumes", ended(), [line(attention=True), line()], {})
    assert found.attention.count == 1
    assert [(group.reason, group.count, group.size_gib) for group in found.kept] == [("It is in use.", 2, 40)]


def test_a_long_list_is_counted_whole_and_named_in_part() -> None:
    lines = (PlanLine(f"snap-{n:017x}", Action.DELETE_SNAPSHOT, "Deleted.", size_gib=2) for n in range(5000))
    found = step_report("prune_snapshots", ended(step="prune_snapshots", mode="plan"), lines, {})
    assert (found.planned.count, found.planned.size_gib, len(found.planned.items)) == (5000, 10_000, 1000)


def test_reasons_of_strangers_do_not_make_groups_without_end() -> None:
    lines = [line(reason=f"Kept: its tag x='{'a' * n}' is no time.") for n in range(500)]
    found = step_report("prune_volumes", ended(), lines, {})
    assert len(found.kept) <= 61
    assert found.kept_count == 500


@pytest.mark.parametrize(
    ("reason", "group"),
    [
        pytest.param("Kept: it is in use.", "It is in use.", id="nothing of its own"),
        pytest.param("Kept: daily copy 3 of 7 of its line.", "Daily copy … of … of its line.", id="numbers"),
        pytest.param(
            "Kept: it was in use until 2026-11-20 08:00 UTC and stays until 2026-11-25 08:00 UTC.",
            "It was in use until … and stays until …",
            id="times",
        ),
        pytest.param("Kept: a pod uses its claim jupyter/claim-ana.", "A pod uses its claim jupyter/…", id="its claim"),
        pytest.param(
            "Kept: it is the newest completed copy of vol-0a1b2c3d4e5f60718, vol-0a1b2c3d4e5f60719, which stands.",
            "It is the newest completed copy of vol-…, which stands.",
            id="ids, however many",
        ),
        pytest.param(
            "Kept, and a fresh snapshot is started instead: it has no snapshot.",
            "Kept, and a fresh snapshot is started instead: it has no snapshot.",
            id="a sentence that says more than kept",
        ),
    ],
)
def test_reasons_are_grouped_without_what_is_one_things_alone(reason: str, group: str) -> None:
    assert reason_group(line(reason=reason)) == group


@pytest.mark.parametrize(
    ("told", "notes"),
    [
        pytest.param([], (), id="none"),
        pytest.param(None, (), id="not told"),
        pytest.param(["a", "b"], ("a", "b"), id="two"),
        pytest.param("a note", ("a note",), id="one, as JSONata hands it on"),
    ],
)
def test_notes_are_a_list_however_many(told: Any, notes: tuple[str, ...]) -> None:
    assert step_report("prune_volumes", ended(notes=told), [], {}).notes == notes


def test_a_step_that_never_ran_says_so() -> None:
    assert step_report("prune_volumes", None, [], {}) == StepReport("prune_volumes", "NOT_RUN")


@pytest.mark.parametrize(
    ("told", "prefix"),
    [
        pytest.param(ended(prefix="runs/c/2026-11-25/x/"), "runs/c/2026-11-25/x/", id="as it said"),
        pytest.param({"step": "snapshot_volumes", "status": "FAILED"}, "runs/c/2026-11-25/day-sv/", id="failed: snapshots"),
        pytest.param({"step": "prune_volumes", "status": "FAILED"}, "runs/c/2026-11-25/day-pv/", id="failed: volumes"),
        pytest.param({"step": "prune_snapshots", "status": "FAILED"}, "runs/c/2026-11-25/day-ps/", id="failed: old snapshots"),
    ],
)
def test_where_a_step_left_its_plan(told: dict[str, Any], prefix: str) -> None:
    assert step_prefix(told, "runs/c/2026-11-25/day/") == prefix


WAIVED = "Waived by RecycleBinWaived: no rule retains EBS volumes."


@pytest.mark.parametrize(
    ("step", "state"),
    [
        pytest.param(StepReport("prune_volumes", "SUCCEEDED", "enforce"), "stands", id="enforced, and no note"),
        pytest.param(StepReport("prune_volumes", "SUCCEEDED", "enforce", notes=(WAIVED,)), "waived", id="waived"),
        pytest.param(StepReport("prune_volumes", "FAILED", "enforce", "RecycleBinMissing", "no rule"), "missing", id="missing"),
        pytest.param(
            StepReport("prune_volumes", "FAILED", None, "States.TaskFailed", '{"Error": "RecycleBinMissing"}'),
            "missing",
            id="missing, told by the child execution",
        ),
        pytest.param(StepReport("prune_volumes", "SUCCEEDED", "plan"), "not_asked", id="a plan needs no net"),
        pytest.param(StepReport("prune_volumes", "FAILED", None, "Throttled"), "not_asked", id="failed before it was asked"),
        pytest.param(StepReport("snapshot_volumes", "SUCCEEDED", "enforce"), "not_asked", id="snapshots need no net"),
    ],
)
def test_the_recycle_bin_is_told_as_it_stood(step: StepReport, state: str) -> None:
    assert recycle_bin_of([step]).state == state
