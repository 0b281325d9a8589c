"""Every numbered fault of the 2019 system and its successors that concerns the planning of storage, as a regression test."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hubplane.domain.storage.actions import Action
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.recheck import Go, Skip, recheck
from hubplane.domain.storage.records import AcceptedWarning, Inventory, Owner
from hubplane.domain.storage.snapshot_pruning import plan_snapshot_pruning
from hubplane.domain.storage.snapshotting import plan_snapshots
from hubplane.domain.storage.volume_pruning import plan_volume_pruning
from tests.unit.storage.builders import NOW, ago, claim, inventory, sighting, snapshot, tags, volume

POLICY = StoragePolicy(largest_share=1.0, daily_snapshots=1, weekly_snapshots=0, monthly_snapshots=0)
ENDING = StoragePolicy(largest_share=1.0, end_of_retention_days=30)


def volume_action(seen: Inventory) -> Action:
    return plan_volume_pruning(seen, POLICY, NOW).actions[0].action


def snapshot_actions(seen: Inventory, policy: StoragePolicy = POLICY) -> dict[str, Action]:
    return {item.resource_id: item.action for item in plan_snapshot_pruning(seen, policy, NOW).actions}


def empty_volume_chain() -> None:
    """The night's snapshot of an empty volume is newer, but holds nothing of the real data, which stays."""
    real, empty = snapshot("snap-real", "vol-old", 30), snapshot("snap-empty", "vol-empty", 0.1)
    seen = inventory(volume("vol-empty"), sighting("vol-empty"), real, empty)
    assert snapshot_actions(seen) == {"snap-real": Action.KEEP, "snap-empty": Action.KEEP}


def dates_are_compared_with_at_least() -> None:
    """Three weeks of missed nights later the volume goes, the ladder prunes and the mail is sent all the same."""
    assert (
        volume_action(inventory(volume(stopped=ago(60)), snapshot(days_old=50), sighting(since_days=55))) is Action.DELETE_VOLUME
    )
    plan = plan_snapshot_pruning(inventory(snapshot(days_old=60)), ENDING, NOW)
    assert [warning.days_before for warning in plan.warnings] == [5]


def deletion_is_tied_to_an_accepted_mail() -> None:
    """Long past its end, a copy whose mails all failed stays and the mail is tried again."""
    plan = plan_snapshot_pruning(inventory(snapshot(days_old=400)), ENDING, NOW)
    assert (plan.actions[0].action, len(plan.warnings)) == (Action.KEEP, 1)


def another_generation_is_no_proof() -> None:
    """A completed, fresh snapshot under the same claim name, of another VolumeId."""
    assert volume_action(inventory(volume(), snapshot("snap-2", "vol-2", 1), sighting())) is Action.CREATE_SNAPSHOT


def the_second_look_sees_a_new_session() -> None:
    """Between the plan and the delete somebody started a server."""
    (planned,) = plan_volume_pruning(inventory(volume(), snapshot(), sighting(), claim()), POLICY, NOW).actions
    assert planned.action is Action.DELETE_CLAIM
    assert recheck(planned, inventory(volume(), snapshot(), sighting(), claim()), POLICY, NOW) == Go()
    starting = inventory(volume(more={"server-start-time": str(NOW)}), snapshot(), sighting(), claim())
    assert isinstance(recheck(planned, starting, POLICY, NOW), Skip)


def attached_volumes_are_not_among_the_unattached() -> None:
    """The list that is acted on is the filtered one."""
    busy = volume("vol-2", state="in-use", attached=True, tags=tags("claim-bob"))
    plan = plan_volume_pruning(inventory(volume(), snapshot(), sighting(), busy, snapshot("snap-2", "vol-2")), POLICY, NOW)
    assert [item.resource_id for item in plan.having(Action.DELETE_VOLUME)] == ["vol-1"]


def error_and_pending_are_never_the_newest() -> None:
    """The newest completed copy stays, however many later ones failed; tags are read before anything is chosen."""
    later = (snapshot("snap-e", days_old=1, state="error"), snapshot("snap-p", days_old=0.1, state="pending"))
    unreadable = snapshot("snap-u", days_old=20, tags=tags(**{"server-stop-time": "?"}))
    found = snapshot_actions(inventory(volume(), snapshot("snap-good", days_old=9), *later, unreadable))
    assert found == {
        "snap-good": Action.KEEP,
        "snap-p": Action.KEEP,
        "snap-u": Action.KEEP,
        "snap-e": Action.DELETE_SNAPSHOT,
    }


def naive_times_count_as_the_latest_they_can_mean() -> None:
    """A local time without a zone may be 12 hours behind UTC: 5 days and 6 hours ago by its digits is not 5 days idle."""
    naive = (NOW - timedelta(days=5, hours=6)).replace(tzinfo=None)
    seen = volume(tags=tags(**{"jupyter-volume-stopping-time": str(naive)}))
    assert volume_action(inventory(seen, snapshot(days_old=4), sighting(since_days=5.1))) is Action.KEEP


def owners_are_found_forward() -> None:
    """The claim of ``maxine`` loses no leading letters: the owner is the one whose name gives this claim."""
    owners = (Owner("sub-x", "xine", "claim-xine"), Owner("sub-m", "maxine", "claim-maxine"))
    plan = plan_snapshot_pruning(inventory(snapshot(days_old=60, tags=tags("claim-maxine")), *owners), ENDING, NOW)
    assert [warning.owner_sub for warning in plan.warnings] == ["sub-m"]


def a_mail_is_remembered_by_its_acceptance() -> None:
    """Whether a tag could be written plays no part: the accepted mail is not planned again."""
    sent = AcceptedWarning("snap-1", "sub-ann", ago(60), 5, ago(0.04), ago(-6))
    assert plan_snapshot_pruning(inventory(snapshot(days_old=60), sent), ENDING, NOW).warnings == ()


def a_home_belongs_to_a_person() -> None:
    """Ann left, another Ann has her name: nobody is warned for the old home, and it stays."""
    old = snapshot(days_old=60, tags=tags(**{"hubplane:owner-sub": "sub-first-ann"}))
    plan = plan_snapshot_pruning(inventory(old, snapshot("snap-2", "vol-2", 1)), ENDING, NOW)
    by_id = {item.resource_id: item for item in plan.actions}
    assert (by_id["snap-1"].action, by_id["snap-1"].attention, plan.warnings) == (Action.KEEP, True, ())


def two_volumes_of_one_claim_are_both_kept() -> None:
    """Which one mounts is chance, so neither is chosen, and both are snapshotted and reported."""
    unsaved = [volume("vol-1"), volume("vol-2"), sighting("vol-1"), sighting("vol-2")]
    pair = [*unsaved, snapshot("snap-1", "vol-1"), snapshot("snap-2", "vol-2")]
    plan = plan_volume_pruning(inventory(*pair), POLICY, NOW)
    assert [(item.action, item.attention) for item in plan.actions] == [(Action.KEEP, True)] * 2
    assert len(plan_snapshots(inventory(*unsaved), POLICY, NOW).having(Action.CREATE_SNAPSHOT)) == 2


def protection_is_by_presence() -> None:
    """``True``, ``false`` and nothing protect alike; so does another case of the tag's name."""
    for protection in ({"do-not-delete": "True"}, {"do-not-delete": "false"}, {"do-not-delete": ""}, {"Do-Not-Delete": "x"}):
        assert volume_action(inventory(volume(more=protection), snapshot(), sighting())) is Action.KEEP


FAULTS = [
    pytest.param(empty_volume_chain, id="fault-01-empty-volume-chain"),
    pytest.param(dates_are_compared_with_at_least, id="fault-04-dates-compared-with-equality"),
    pytest.param(deletion_is_tied_to_an_accepted_mail, id="fault-05-deletion-without-an-accepted-warning"),
    pytest.param(another_generation_is_no_proof, id="fault-06-snapshot-of-another-generation"),
    pytest.param(the_second_look_sees_a_new_session, id="fault-07-no-second-look"),
    pytest.param(attached_volumes_are_not_among_the_unattached, id="fault-08-unfiltered-list"),
    pytest.param(error_and_pending_are_never_the_newest, id="fault-10-newest-kept-in-error"),
    pytest.param(naive_times_count_as_the_latest_they_can_mean, id="fault-11-naive-local-times"),
    pytest.param(owners_are_found_forward, id="fault-12-username-by-lstrip"),
    pytest.param(a_mail_is_remembered_by_its_acceptance, id="fault-13-marker-not-written"),
    pytest.param(a_home_belongs_to_a_person, id="fault-20-name-registered-again"),
    pytest.param(two_volumes_of_one_claim_are_both_kept, id="fault-25-two-volumes-of-one-claim"),
    pytest.param(protection_is_by_presence, id="tags-protection-by-presence"),
]


@pytest.mark.parametrize("does_not_return", FAULTS)
def test_a_known_fault_stays_away(does_not_return) -> None:  # type: ignore[no-untyped-def]
    does_not_return()
