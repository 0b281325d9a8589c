"""Old copies go by the ladder; the last copy of a home outlives everything else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hubplane.domain.storage.actions import Action
from hubplane.domain.storage.ancestry import milliseconds
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import AcceptedWarning, Owner
from hubplane.domain.storage.snapshot_pruning import plan_snapshot_pruning
from tests.unit.storage.builders import ANN, ENDING_DAYS, NOW, ago, inventory, sighting, snapshot, tags, volume

POLICY = StoragePolicy(largest_share=1.0, daily_snapshots=2, weekly_snapshots=0, monthly_snapshots=0)
ENDING = StoragePolicy(largest_share=1.0, end_of_retention_days=ENDING_DAYS)


def cases(table: list[tuple[Any, ...]]) -> list[Any]:
    return [pytest.param(*rest, id=name) for name, *rest in table]


def actions_of(*things: object, policy: StoragePolicy = POLICY, **fields: object) -> dict[str, Action]:
    plan = plan_snapshot_pruning(inventory(*things, **fields), policy, NOW)  # type: ignore[arg-type]
    assert all(item.reason.endswith(".") for item in plan.actions)
    return {item.resource_id: item.action for item in plan.actions}


LADDER = [
    ("daily", {"daily_snapshots": 3}, {0, 1, 2}),
    ("weekly", {"weekly_snapshots": 3}, {0, 1, 8}),
    ("monthly", {"monthly_snapshots": 3}, {0, 23, 54}),
    ("nothing but the newest", {}, {0}),
    ("all rungs at once", {"daily_snapshots": 2, "weekly_snapshots": 2, "monthly_snapshots": 2}, {0, 1, 23}),
]


@pytest.mark.parametrize(("counts", "kept"), cases(LADDER))
def test_the_ladder_keeps_the_newest_of_each_period(counts: dict[str, int], kept: set[int]) -> None:
    policy = StoragePolicy(largest_share=1.0, **{"daily_snapshots": 0, "weekly_snapshots": 0, "monthly_snapshots": 0, **counts})
    line = [snapshot(f"snap-{days}", days_old=days) for days in range(90)]
    found = actions_of(*line, policy=policy)
    assert {days for days in range(90) if found[f"snap-{days}"] is Action.KEEP} == kept


def test_nights_without_a_snapshot_take_nothing_off_the_ladder() -> None:
    found = actions_of(*(snapshot(f"snap-{days}", days_old=days) for days in (100, 200, 300)))
    assert found == {"snap-100": Action.KEEP, "snap-200": Action.KEEP, "snap-300": Action.DELETE_SNAPSHOT}


SUPERSEDED = (snapshot("snap-9", days_old=3), snapshot("snap-8", days_old=2), snapshot("snap-7", days_old=1))
OLD = "snap-old"

SPARED = [
    ("protected", snapshot(OLD, days_old=50, tags=tags(**{"do-not-delete": "false"})), "do-not-delete"),
    ("of the hub's database", snapshot(OLD, days_old=50, tags=tags("hub-db-dir")), "hub's database"),
    ("foreign", snapshot(OLD, days_old=50, owner_id="999"), "account 999"),
    ("made by hand, without the cluster's tag", snapshot(OLD, days_old=50, tags={}), "whoever made it"),
    ("of two clusters", snapshot(OLD, days_old=50, tags=tags(KubernetesCluster="other")), "several clusters"),
    ("pending", snapshot(OLD, days_old=50, state="pending"), "pending"),
    ("being recovered", snapshot(OLD, days_old=50, state="recovering"), "recovering"),
    ("unreadable", snapshot(OLD, days_old=50, tags=tags(**{"server-stop-time": "yesterday"})), "server-stop-time='yesterday'"),
]


@pytest.mark.parametrize(("spared", "words"), cases(SPARED))
def test_what_is_not_surely_ours_and_superseded_stays(spared: object, words: str) -> None:
    plan = plan_snapshot_pruning(inventory(volume(), *SUPERSEDED, spared), POLICY, NOW)  # type: ignore[arg-type]
    by_id = {item.resource_id: item for item in plan.actions}
    assert by_id[OLD].action is Action.KEEP
    assert words in by_id[OLD].reason
    assert by_id["snap-9"].action is Action.DELETE_SNAPSHOT, "the ladder does work beside it"


def test_the_last_copy_of_a_protected_volume_stays_but_not_every_night_of_it() -> None:
    marked = tags(**{"hubplane:volume-protected": "true"})
    line = [snapshot(f"snap-{days}", days_old=40 + days, tags=marked) for days in range(4)]
    found = actions_of(*line)
    assert [found[f"snap-{days}"] for days in range(4)] == [
        Action.KEEP,
        Action.KEEP,
        Action.DELETE_SNAPSHOT,
        Action.DELETE_SNAPSHOT,
    ]


def test_a_restored_home_supersedes_what_it_was_restored_from() -> None:
    restored = tags(**{"hubplane:ancestry": f"vol-a@{milliseconds(ago(50))}"})
    later = [snapshot(f"snap-b{days}", "vol-b", days_old=days, tags=restored) for days in (1, 2)]
    assert actions_of(snapshot("snap-a", "vol-a", 50), *later)["snap-a"] is Action.DELETE_SNAPSHOT


def test_a_copy_that_was_written_after_the_restore_is_superseded_by_nothing() -> None:
    restored = tags(**{"hubplane:ancestry": f"vol-a@{milliseconds(ago(60))}"})
    later = [snapshot(f"snap-b{days}", "vol-b", days_old=days, tags=restored) for days in (1, 2)]
    assert actions_of(snapshot("snap-a", "vol-a", 50), *later)["snap-a"] is Action.KEEP


def test_the_line_holds_after_the_snapshot_between_two_volumes_is_pruned() -> None:
    """``vol-b`` was made from a snapshot of ``vol-a``, and ``vol-c`` from one of ``vol-b``; all of these are gone."""
    ancestry = f"vol-b@{milliseconds(ago(45))},vol-a@{milliseconds(ago(50))}"
    newest = snapshot("snap-1", "vol-c", 40, tags=tags(**{"hubplane:ancestry": ancestry}))
    older = snapshot("snap-a", "vol-a", 60)
    assert actions_of(newest, older, *ALL_WARNED, policy=ENDING) == {"snap-1": Action.KEEP, "snap-a": Action.DELETE_SNAPSHOT}


def test_an_error_snapshot_goes_only_beside_something_better() -> None:
    error = snapshot("snap-e", days_old=1, state="error")
    assert actions_of(error)["snap-e"] is Action.KEEP
    assert actions_of(error, volume())["snap-e"] is Action.DELETE_SNAPSHOT
    assert actions_of(error, snapshot("snap-1", days_old=9))["snap-e"] is Action.DELETE_SNAPSHOT


def accepted(days_before: int, days_ago: float, last_used_days: float = 40, sub: str = "sub-ann") -> AcceptedWarning:
    at = ago(days_ago)
    return AcceptedWarning("snap-1", sub, ago(last_used_days), days_before, at, at + timedelta(days=days_before + 1))


ALL_WARNED = (accepted(5, 15), accepted(3, 12), accepted(1, 11))

# id, last use in days, accepted warnings, the action, the warning that is due
RETENTION = [
    ("long before the end", 20, (), Action.KEEP, None),
    ("five days before the end", 25, (), Action.KEEP, 5),
    ("the first warning is out", 26, (accepted(5, 1, 26),), Action.KEEP, None),
    ("three days before the end", 27, (accepted(5, 2, 27),), Action.KEEP, 3),
    ("one day before the end", 29, (accepted(5, 4, 29), accepted(3, 2, 29)), Action.KEEP, 1),
    (
        "all warned, the grace not over",
        30.5,
        tuple(accepted(days, days + 0.5, 30.5) for days in (5, 3, 1)),
        Action.KEEP,
        None,
    ),
    ("all warned, the grace over", 40, ALL_WARNED, Action.DELETE_SNAPSHOT, None),
    ("nights missed: the first mail, however late", 90, (), Action.KEEP, 5),
    ("nights missed: two mails become one", 40, (accepted(5, 15),), Action.KEEP, 1),
    ("the last mail was never accepted", 40, (accepted(5, 15), accepted(3, 13)), Action.KEEP, 1),
    ("the first mail was late, so the end is", 40, (accepted(5, 1),), Action.KEEP, None),
    ("warned of an earlier absence", 40, tuple(accepted(days, 200 + days, 400) for days in (5, 3, 1)), Action.KEEP, 5),
    ("somebody else was warned", 40, tuple(accepted(days, 10 + days, sub="sub-bob") for days in (5, 3, 1)), Action.KEEP, 5),
]


@pytest.mark.parametrize(
    ("used_days", "warnings", "action", "due"), [case[1:] for case in RETENTION], ids=[case[0] for case in RETENTION]
)
def test_a_last_copy_goes_only_after_its_retention_its_warnings_and_the_grace(
    used_days: float, warnings: tuple[AcceptedWarning, ...], action: Action, due: int | None
) -> None:
    plan = plan_snapshot_pruning(inventory(snapshot(days_old=used_days), *warnings), ENDING, NOW)
    assert [item.action for item in plan.actions] == [action]
    assert [warning.days_before for warning in plan.warnings] == ([] if due is None else [due])


NOT_OVER = [
    ("its volume stands", ALL_WARNED, (volume(stopped=ago(40)), sighting(since_days=39)), {}, ENDING),
    ("a volume made from it stands", ALL_WARNED, (volume("vol-2", source_snapshot_id="snap-1"),), {}, ENDING),
    ("the policy says never", ALL_WARNED, (), {}, StoragePolicy(largest_share=1.0)),
    ("its owner came back to the hub", ALL_WARNED, (Owner("sub-ann", "ann", "claim-ann", ago(2)),), {}, ENDING),
    ("nobody owns the claim", ALL_WARNED, (Owner("sub-bob", "bob", "claim-bob"),), {}, ENDING),
    (
        "two people's names give this claim",
        ALL_WARNED,
        (ANN, Owner("s2", "Ann", "claim-ann")),
        {},
        ENDING,
    ),
    ("the former system promised longer", ALL_WARNED, (), {"tags": tags(**{"snapshot-delete-time": str(ago(-9))})}, ENDING),
    ("one delete of one home is more than the share", ALL_WARNED, (), {}, StoragePolicy(end_of_retention_days=ENDING_DAYS)),
]


@pytest.mark.parametrize(
    ("warnings", "others", "fields", "policy"), [case[1:] for case in NOT_OVER], ids=[case[0] for case in NOT_OVER]
)
def test_a_last_copy_stays_although_everybody_was_warned(
    warnings: tuple[AcceptedWarning, ...], others: tuple[object, ...], fields: dict[str, object], policy: StoragePolicy
) -> None:
    things = (snapshot(days_old=40, **fields), *warnings, *others)
    assert actions_of(*things, policy=policy)["snap-1"] in (Action.KEEP, Action.HOLD)


def test_a_person_who_came_back_under_the_name_is_one_person_with_two_subs() -> None:
    """Their untagged data is of before their first account's end: they are warned, where it was kept for ever as two people's."""
    came_back = (Owner("sub-ann", "ann", "claim-ann"), Owner("sub-ann-before", "ann", "claim-ann"))
    plan = plan_snapshot_pruning(inventory(snapshot(days_old=40), *came_back), ENDING, NOW)
    assert [warning.owner_sub for warning in plan.warnings] == ["sub-ann"]
    assert actions_of(snapshot(days_old=40), *came_back, *ALL_WARNED, policy=ENDING)["snap-1"] is Action.DELETE_SNAPSHOT


def test_nothing_goes_earlier_than_an_accepted_mail_announced() -> None:
    told_later = AcceptedWarning("snap-1", "sub-ann", ago(40), 5, ago(15), ago(-2))
    assert actions_of(snapshot(days_old=40), told_later, *ALL_WARNED[1:], policy=ENDING)["snap-1"] is Action.KEEP


def test_the_last_copy_outlives_the_older_ones_of_its_line() -> None:
    things = (snapshot(days_old=40), snapshot("snap-0", days_old=41), *ALL_WARNED)
    assert actions_of(*things, policy=ENDING) == {"snap-1": Action.KEEP, "snap-0": Action.DELETE_SNAPSHOT}
