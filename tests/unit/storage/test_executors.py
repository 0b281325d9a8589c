"""What executors do when things are not as planned; and the faults of the 2019 system that were faults of doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hubplane.domain.errors import ProviderError, Throttled
from hubplane.domain.provider_errors import THROTTLING_CODES
from hubplane.domain.storage.actions import DELETES, Action, PlannedAction
from hubplane.domain.storage.deleting import apply_batch
from hubplane.domain.storage.executing import Tools
from hubplane.domain.storage.looking import Known
from hubplane.domain.storage.outcomes import Outcome, Result
from hubplane.domain.storage.pacing import Pace
from hubplane.domain.storage.ports import Refusal, Refused
from hubplane.domain.storage.snapshotting import plan_snapshots
from hubplane.domain.storage.starting import leave_rest, start_from, start_slice
from hubplane.domain.storage.tags import RUN_TAG
from hubplane.domain.storage.volume_pruning import plan_volume_pruning
from tests.simulation.executor import Crash, Day, Troubles
from tests.simulation.ports import ClaimsPort, ClockPort, EbsPort, LedgerPort, Line
from tests.simulation.world import POLICY, World


class Scene:
    """A small hub one step before the deed, and the executor's tools, which a test may break."""

    def __init__(self, homes: int = 1, *, idle: bool = True) -> None:
        self.world = World()
        for number in range(homes):
            self.world.orphan(f"orphan-{number:03}")
        ann = self.world.people[0]
        self.world.start(ann)
        self.world.ebs.advance(timedelta(hours=1))
        self.world.stop(ann)
        if idle:
            for _ in range(3):
                day = Day(self.world, Troubles(), approve=False, batch_size=200)
                day._snapshot_volumes()
                self.world.ebs.advance(timedelta(hours=24))
        self.seen = Day(self.world, Troubles())._sweep()
        self.world.promises.approved.update(self.world.ebs.volumes)
        self.line = Line(self.world, Troubles(), timedelta(milliseconds=100))
        self.run_id = f"{self.world.night}/run-x"
        self.ebs, self.claims = EbsPort(self.line), ClaimsPort(self.line)
        self.work = timedelta(seconds=780)

    @property
    def tools(self) -> Tools:
        clock = ClockPort(self.world)
        stop_at = self.world.ebs.now + self.work
        return Tools(self.ebs, self.claims, LedgerPort(self.line, self.run_id), clock, Pace(clock), stop_at)

    def deletions(self) -> tuple[PlannedAction, ...]:
        policy = replace(POLICY, largest_share=1.0)
        return plan_volume_pruning(self.seen, policy, self.world.ebs.now).having(*DELETES)

    def delete(self, actions: tuple[PlannedAction, ...] | None = None) -> tuple[Outcome, ...]:
        planned = self.deletions() if actions is None else actions
        return apply_batch("00001", planned, Known(self.seen), POLICY, self.tools, self.run_id)

    def wanted(self) -> tuple[PlannedAction, ...]:
        return plan_snapshots(self.seen, POLICY, self.world.ebs.now).having(Action.CREATE_SNAPSHOT, Action.DEFER)

    def counted(self, *names: str) -> int:
        return sum(1 for name in self.line.log if name in names)


def refusing(port: Any, name: str, *errors: Exception) -> None:
    """Let the port's method raise these, one per call, before it does what it does."""
    queue, real = list(errors), getattr(port, name)

    def method(*arguments: Any) -> Any:
        if queue:
            raise queue.pop(0)
        return real(*arguments)

    setattr(port, name, method)


def results(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [outcome.result.value for outcome in outcomes]


REFUSALS: list[tuple[str, Exception, str, str]] = [
    ("in use", Refused(Refusal.IN_USE, "VolumeInUse"), "skipped", "VolumeInUse"),
    ("somebody was faster", Refused(Refusal.GONE, "InvalidVolume.NotFound"), "gone", "already gone"),
    ("a permission is missing", ProviderError("UnauthorizedOperation"), "failed", "UnauthorizedOperation"),
    ("the answer is lost", Refused(Refusal.LOST, "no answer"), "deleted", "Deleted through EC2"),
    ("throttled once", Throttled("RequestLimitExceeded"), "deleted", "Deleted through EC2"),
]


@pytest.mark.parametrize(("error", "result", "words"), [pytest.param(*case[1:], id=case[0]) for case in REFUSALS])
def test_what_ec2_answers_to_a_delete_becomes_an_outcome(error: Exception, result: str, words: str) -> None:
    scene = Scene()
    (orphan,) = (action for action in scene.deletions() if action.action is Action.DELETE_VOLUME)
    refusing(scene.ebs, "delete_volume", error)
    (outcome,) = scene.delete((orphan,))
    assert (outcome.result, words in outcome.reason) == (result, True)
    assert scene.delete((orphan,)) == (outcome,)  # the ledger has it


def test_three_failures_in_a_row_end_a_batch_and_leave_the_rest() -> None:
    scene = Scene(homes=6)
    refusing(scene.ebs, "delete_volume", *[ProviderError("UnauthorizedOperation")] * 9)
    orphans = tuple(action for action in scene.deletions() if action.action is Action.DELETE_VOLUME)
    assert results(scene.delete(orphans)) == ["failed"] * 3 + ["left"] * 3


def test_a_pace_that_stays_too_fast_leaves_the_rest() -> None:
    scene = Scene(homes=3)
    refusing(scene.ebs, "delete_volume", *[Throttled("RequestLimitExceeded")] * 9)
    orphans = tuple(action for action in scene.deletions() if action.action is Action.DELETE_VOLUME)
    assert results(scene.delete(orphans)) == ["left"] * 3
    assert len(scene.world.ebs.volumes) == 5


def test_no_change_is_begun_after_the_time_is_used_up() -> None:
    scene = Scene(homes=60)
    scene.work = timedelta(seconds=12)
    found = results(scene.delete())
    assert set(found) == {"deleted", "left"}
    assert found == sorted(found)  # what was done comes first


def test_what_an_earlier_try_left_alone_stays_alone() -> None:
    scene = Scene(homes=2)
    orphans = tuple(action for action in scene.deletions() if action.action is Action.DELETE_VOLUME)
    tools = scene.tools
    tools.ledger.begin("00001", [], scene.world.ebs.now)
    assert results(scene.delete(orphans)) == ["skipped", "skipped"]


@pytest.mark.parametrize("happened", [True, False], ids=["started by the earlier try", "not to be seen"])
def test_a_batch_that_is_run_again_never_starts_a_second_snapshot(happened: bool) -> None:
    """A pruning plan starts a snapshot where a proof is missing; EC2 takes no token for that."""
    scene = Scene(idle=False)
    orphan = scene.wanted()[0]
    scene.line.troubles.crash_at = 5 if happened else 4
    scene.line.troubles.after_effect = happened
    with pytest.raises(Crash):
        scene.delete((orphan,))
    (outcome,) = scene.delete((orphan,))
    assert outcome.result == ("started" if happened else "left")
    assert len(scene.world.ebs.snapshots) == int(happened)


def test_a_cluster_that_does_not_answer_keeps_what_it_may_know() -> None:
    scene = Scene()
    actions = scene.deletions()
    scene.world.cluster_answers = False
    found = {outcome.action: outcome for outcome in scene.delete(actions)}
    assert found[Action.DELETE_VOLUME].result is Result.SKIPPED
    assert "could not be asked" in found[Action.DELETE_VOLUME].reason
    assert found[Action.DELETE_CLAIM].result is Result.FAILED
    assert len(scene.world.ebs.volumes) == 3


STARTS: list[tuple[str, Exception, str]] = [
    ("started by somebody a moment ago", Refused(Refusal.TOO_SOON, "SnapshotCreationPerVolumeRateExceeded"), "skipped"),
    ("its volume is gone", Refused(Refusal.GONE, "InvalidVolume.NotFound"), "gone"),
    ("refused", ProviderError("IncorrectState"), "failed"),
]


@pytest.mark.parametrize(("error", "result"), [pytest.param(*case[1:], id=case[0]) for case in STARTS])
def test_what_ec2_answers_to_a_start_becomes_an_outcome(error: Exception, result: str) -> None:
    scene = Scene(idle=False)
    refusing(scene.ebs, "create_snapshot", error)
    done = start_slice("00001-000", scene.wanted(), Known(scene.seen), POLICY, scene.tools, scene.run_id)
    assert results(done.outcomes) == [result, "started", "started"]
    assert done.waits == ""


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Refused(Refusal.NO_ROOM, "PendingSnapshotLimitExceeded"), id="no room after all"),
        pytest.param(Throttled("RequestLimitExceeded"), id="throttled"),
    ],
)
def test_a_start_that_ec2_puts_off_is_gone_on_with_later(error: Exception) -> None:
    scene = Scene(idle=False)
    refusing(scene.ebs, "create_snapshot", *[error] * 3)
    batches: list[Callable[[], tuple[PlannedAction, ...]]] = [scene.wanted]
    kept: dict[str, Any] = {}
    at = start_from(0, 0, batches, kept.__setitem__, Known(scene.seen), POLICY, scene.tools, scene.run_id)
    assert (at.batch, at.start, at.outcomes, at.reason) == (0, 0, (), "EC2 takes no more for now")
    scene.world.ebs.advance(timedelta(minutes=5))
    for _ in range(3):
        at = start_from(at.batch or 0, at.start, batches, kept.__setitem__, Known(scene.seen), POLICY, scene.tools, scene.run_id)
    assert at.batch is None
    assert [results(outcomes) for outcomes in kept.values()] == [["started"] * 3]


def test_a_lost_answer_is_looked_for_and_not_asked_for_again() -> None:
    scene = Scene(idle=False)
    (first, *_) = scene.wanted()
    scene.line.troubles.lose_at = 3
    done = start_slice("00001-000", (first,), Known(scene.seen), POLICY, scene.tools, scene.run_id)
    (outcome,) = done.outcomes
    (snapshot,) = scene.world.ebs.snapshots.values()
    assert (outcome.result, outcome.created_id, snapshot.tags[RUN_TAG]) == (Result.STARTED, snapshot.snapshot_id, scene.run_id)
    assert scene.line.log[2] == "CreateSnapshot"


def test_the_account_is_never_filled_beyond_the_reserve() -> None:
    scene = Scene(homes=150, idle=False)
    scene.world.ebs.others_pending = 20
    known, tools = Known(scene.seen), scene.tools
    at = start_from(0, 0, [scene.wanted], lambda *_: None, known, POLICY, tools, scene.run_id)
    assert (len(at.outcomes), scene.world.ebs.most_pending, at.batch, at.start) == (60, 80, 0, 60)
    assert len(leave_rest(0, 60, [scene.wanted], known, "Later.")) == 92


def test_what_is_large_or_somebody_elses_is_not_waited_for() -> None:
    """79 places are held for hours: the one that is left is used, one snapshot after the other."""
    scene = Scene(homes=3, idle=False)
    scene.world.ebs.others_pending = 79
    at = start_from(0, 0, [scene.wanted], lambda *_: None, Known(scene.seen), POLICY, scene.tools, scene.run_id)
    assert (results(at.outcomes), at.start) == (["started"], 1)
    scene.world.ebs.advance(timedelta(hours=2))
    at = start_from(0, 1, [scene.wanted], lambda *_: None, Known(scene.seen), POLICY, scene.tools, scene.run_id)
    assert (results(at.outcomes), at.start, scene.world.ebs.most_pending) == (["started"], 2, 80)


def test_few_places_are_not_worth_a_look_while_more_will_soon_be_free() -> None:
    scene = Scene(homes=150, idle=False)
    known, tools = Known(scene.seen), scene.tools
    first = start_from(0, 0, [scene.wanted], lambda *_: None, known, POLICY, tools, scene.run_id)
    for snapshot in list(scene.world.ebs.snapshots.values())[:30]:
        scene.world.ebs.remove_by_hand(snapshot.snapshot_id)
    calls = scene.line.calls
    again = start_from(0, first.start, [scene.wanted], lambda *_: None, known, POLICY, tools, scene.run_id)
    assert (first.start, again.start, scene.line.calls - calls) == (80, 80, 1)


# -- faults of the 2019 system, by their number on the domain page -----------------------------------------------------------


def runs_sixty_times_in_its_hour() -> None:
    """The same batch again and again: one delete each, one ledger entry."""
    scene = Scene()
    actions = scene.deletions()
    first = scene.delete(actions)
    assert all(scene.delete(actions) == first for _ in range(59))
    assert scene.counted("DeleteVolume", "DeleteClaim") == len(actions) == 2


def a_claims_delete_really_deletes() -> None:
    """No dry run: claim and volume are gone, and the outcome says so."""
    scene = Scene(homes=0)
    (outcome,) = scene.delete()
    assert (outcome.action, outcome.result, outcome.owner_sub) == (Action.DELETE_CLAIM, Result.DELETED, "sub-ann-1")
    assert list(scene.world.claims) == ["hub-db-dir"]
    assert len(scene.world.ebs.volumes) == 1


def somebody_comes_between_plan_and_delete() -> None:
    """The second look sees the pod that started after the plan."""
    scene = Scene(homes=0)
    actions = scene.deletions()
    scene.world.start(scene.world.people[0], start_tag=False)
    (outcome,) = scene.delete(actions)
    assert outcome.result is Result.SKIPPED


def a_look_costs_calls_per_batch_and_not_per_volume() -> None:
    """199 deletes: two looks at volumes, one page of snapshots, one list of claims, two writes to the ledger."""
    scene = Scene(homes=199)
    orphans = tuple(action for action in scene.deletions() if action.action is Action.DELETE_VOLUME)
    scene.delete(orphans)
    assert scene.counted("DeleteVolume") == 199
    assert scene.line.calls - 199 == 6


def a_snapshots_tags_are_in_the_call_that_creates_it() -> None:
    """No CreateTags that could fail after the fact; what prunes it later finds its cluster, claim and run on it."""
    scene = Scene(idle=False)
    start_slice("00001-000", scene.wanted(), Known(scene.seen), POLICY, scene.tools, scene.run_id)
    assert {name for name in scene.line.log if name.startswith("Create")} == {"CreateSnapshot"}
    for snapshot in scene.world.ebs.snapshots.values():
        assert {"kubernetes.io/cluster/lab", "kubernetes.io/created-for/pvc/name", RUN_TAG} <= snapshot.tags.keys()


def ec2_says_request_limit_exceeded() -> None:
    """It counts as throttling: the delete is tried again, more slowly, and succeeds."""
    assert "RequestLimitExceeded" in THROTTLING_CODES
    scene = Scene(homes=0)
    scene.line.troubles.throttle_at = 6
    assert results(scene.delete()) == ["deleted"]
    assert scene.line.log[5:7] == ["DeleteClaim", "DeleteClaim"]


def a_failed_restore_leaves_the_real_data() -> None:
    """The night's snapshot of the empty volume is newer, and the executor does not take it for a copy of the real data."""
    scene = Scene(homes=0)
    (deleted,) = scene.delete()
    ann = scene.world.people[0]
    scene.world.start(ann, old_hook=True)
    scene.world.ebs.advance(timedelta(hours=1))
    scene.world.stop(ann)
    for _ in range(4):
        Day(scene.world, Troubles(), approve=True).run(lambda: scene.world.ebs.advance(timedelta(hours=12)))
        scene.world.ebs.advance(timedelta(hours=12))
    scene.world.promises.nothing_is_lost()
    empty = [item for item in scene.world.ebs.snapshots.values() if item.started_at > scene.world.ebs.now - timedelta(days=4)]
    assert {item.volume_id for item in empty} - {deleted.resource_id}
    assert deleted.proof_snapshot_id in scene.world.ebs.snapshots


def two_volumes_of_one_claim_appear_after_the_plan() -> None:
    """The second look sees the twin, and neither is chosen."""
    scene = Scene(homes=0)
    actions = scene.deletions()
    scene.world.duplicate(scene.world.people[0])
    (outcome,) = scene.delete(actions)
    assert outcome.result is Result.SKIPPED
    assert "another volume" in outcome.reason


FAULTS = [
    pytest.param(a_failed_restore_leaves_the_real_data, id="fault-01-empty-volume-chain"),
    pytest.param(a_claims_delete_really_deletes, id="fault-02-dry-run-left-on"),
    pytest.param(runs_sixty_times_in_its_hour, id="fault-03-sixty-runs-in-an-hour"),
    pytest.param(somebody_comes_between_plan_and_delete, id="fault-07-no-second-look"),
    pytest.param(a_look_costs_calls_per_batch_and_not_per_volume, id="fault-09-a-call-per-volume"),
    pytest.param(a_snapshots_tags_are_in_the_call_that_creates_it, id="fault-13-tags-in-a-second-call"),
    pytest.param(ec2_says_request_limit_exceeded, id="fault-16-throttling-by-another-name"),
    pytest.param(two_volumes_of_one_claim_appear_after_the_plan, id="fault-25-two-volumes-of-one-claim"),
]


@pytest.mark.parametrize("does_not_return", FAULTS)
def test_a_known_fault_of_doing_stays_away(does_not_return: Callable[[], None]) -> None:
    does_not_return()
