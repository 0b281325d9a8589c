"""The storage figures measure what they say: one fleet in both forms, the same answer as cloud-custodian, goals that can fail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hubplane.domain.storage.actions import Action
from hubplane.domain.storage.ec2_pages import PageReader
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.snapshot_pruning import plan_snapshot_pruning
from local.bench import fleet, storage
from local.bench.storage import DryRun, PlanningFigures, StorageFigures


def page(tag: str, items: list[str]) -> bytes:
    return f'<R xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><{tag}>{"".join(items)}</{tag}></R>'.encode()


def test_the_fleet_is_the_same_as_records_and_as_pages() -> None:
    reader = PageReader()
    snapshots, volumes = list(fleet.snapshots(100)), list(fleet.volumes(100))
    assert list(reader.snapshots(page("snapshotSet", list(map(fleet.snapshot_item, snapshots)))).records) == snapshots
    assert list(reader.volumes(page("volumeSet", list(map(fleet.volume_item, volumes)))).records) == volumes
    assert (len(snapshots), len(volumes)) == (100, 3)
    found = fleet.inventory(100)
    assert [item.snapshot_id for item in found.snapshots] == [item.snapshot_id for item in snapshots]
    assert found.snapshots[20].tags is found.snapshots[21].tags, "home 1 rests, so its nights carry the same tags"


def test_the_ladder_of_days_is_older_than_so_many_days_and_not_the_newest() -> None:
    policy = StoragePolicy(daily_snapshots=storage.OLDER_DAYS, weekly_snapshots=0, monthly_snapshots=0, largest_share=1.0)
    now = fleet.NEWEST + timedelta(hours=2)
    plan = plan_snapshot_pruning(fleet.inventory(200), policy, now)
    older = {item.snapshot_id for item in fleet.snapshots(200) if now - item.started_at >= timedelta(days=storage.OLDER_DAYS)}
    assert {action.resource_id for action in plan.having(Action.DELETE_SNAPSHOT)} == older
    assert len(older) == 130


def test_a_dry_run_goes_through_the_pages_and_planning_is_measured() -> None:
    newest = fleet.NEWEST.replace(microsecond=0)
    with storage._endpoint(60, newest) as address:
        run = storage._child("dry-run", address)
    assert run["deletions"] == 39
    assert run["seconds"] > 0
    assert 20 < run["mib"] < 150
    assert storage._child("plan", "2000")["seconds"] > 0


def figures(**changes: float) -> StorageFigures:
    of = {"seconds": 10.0, "mib": 1000.0, "our_seconds": 5.0, "our_mib": 120.0, "deletions": 7, **changes}
    return StorageFigures(
        planning=(PlanningFigures(10_000, 0.1, 10.0), PlanningFigures(1_000_000, of["seconds"], of["mib"])),
        ours=DryRun("Hubplane", of["our_seconds"], of["our_mib"], int(of["deletions"])),
        custodian=DryRun("cloud-custodian", 42.0, 830.0, 7),
    )


@pytest.mark.parametrize(
    ("changes", "met"),
    [
        pytest.param({}, True, id="all met"),
        pytest.param({"seconds": 17.0}, False, id="time grows faster than 1.1"),
        pytest.param({"mib": 1700.0}, False, id="memory grows faster than 1.1"),
        pytest.param({"our_seconds": 14.1}, False, id="more than a third of the time"),
        pytest.param({"our_mib": 139.0}, False, id="more than a sixth of the memory"),
        pytest.param({"deletions": 8}, False, id="another answer"),
    ],
)
def test_a_goal_that_is_missed_is_told(changes: dict[str, float], met: bool) -> None:
    assert figures(**changes).is_within_goal is met
    assert figures().time_exponent == pytest.approx(1.0)
