"""A volume goes on the strength of one proof; everything unsure stays, with the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubplane.domain.storage.actions import Action, ClaimReference
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.volume_pruning import plan_volume_pruning
from tests.unit.storage.builders import NOW, ago, claim, inventory, sighting, snapshot, tags, volume

POLICY = StoragePolicy(largest_share=1.0)
PROVED = (volume(), snapshot(), sighting())

# id, what there is, the action for vol-1, words of the reason
CASES = [
    ("an idle volume with its proof goes through its claim", (*PROVED, claim()), Action.DELETE_CLAIM, "snap-1"),
    ("an idle volume that no cluster knows goes through EC2", PROVED, Action.DELETE_VOLUME, "no cluster knows it"),
    ("attached", (volume(attached=True, state="in-use"), snapshot(), sighting(since_days=None)), Action.KEEP, "in use"),
    ("creating", (volume(state="creating"), snapshot(), sighting()), Action.KEEP, "creating"),
    ("a pod names its claim", (*PROVED, claim(in_use=True)), Action.KEEP, "a pod uses"),
    ("idle for one day less than the policy says", (volume(), snapshot(), sighting(since_days=4.9)), Action.KEEP, "stays until"),
    ("hub database", (volume(tags=tags("hub-db-dir")), snapshot(), sighting()), Action.KEEP, "hub's database"),
    (
        "hub database by its claim only",
        (volume(tags=tags(None)), snapshot(), sighting(), claim(name="hub-db-dir")),
        Action.KEEP,
        "hub's",
    ),
    (
        "two clusters' tags",
        (volume(more={"KubernetesCluster": "other"}), snapshot(), sighting()),
        Action.KEEP,
        "several clusters",
    ),
    (
        "the former system promised a later day",
        (volume(more={"volume-delete-time": str(ago(-3))}), snapshot(), sighting()),
        Action.KEEP,
        "volume-delete-time",
    ),
    ("never sighted", (volume(), snapshot()), Action.KEEP, "stays until"),
    ("no snapshot at all", (volume(), sighting()), Action.CREATE_SNAPSHOT, "no snapshot"),
    ("snapshot pending", (volume(), snapshot(state="pending"), sighting()), Action.KEEP, "pending"),
    ("snapshot in error", (volume(), snapshot(state="error"), sighting()), Action.CREATE_SNAPSHOT, "error"),
    ("snapshot in the Recycle Bin", (volume(), snapshot(state="recoverable"), sighting()), Action.CREATE_SNAPSHOT, "recoverable"),
    (
        "snapshot from before the detachment",
        (volume(), snapshot(days_old=9.6), sighting()),
        Action.CREATE_SNAPSHOT,
        "before it was seen unattached",
    ),
    ("snapshot of a smaller size", (volume(), snapshot(size_gib=400), sighting()), Action.CREATE_SNAPSHOT, "400 GiB of 500 GiB"),
    ("snapshot of a foreign account", (volume(), snapshot(owner_id="999"), sighting()), Action.CREATE_SNAPSHOT, "999"),
    (
        "used again after the sighting",
        (volume(stopped=ago(8)), snapshot(days_old=7), sighting()),
        Action.CREATE_SNAPSHOT,
        "not known",
    ),
    (
        "sighted within minutes of a sign of use",
        (volume(stopped=ago(9.501)), snapshot(), sighting()),
        Action.CREATE_SNAPSHOT,
        "not known",
    ),
]


@pytest.mark.parametrize(("things", "action", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_volume_gets_an_action_and_its_reason(things: tuple[object, ...], action: Action, words: str) -> None:
    plan = plan_volume_pruning(inventory(*things), POLICY, NOW)  # type: ignore[arg-type]
    assert [(item.resource_id, item.action) for item in plan.actions] == [("vol-1", action)]
    assert words in plan.actions[0].reason
    assert plan.actions[0].reason.endswith(".")


def test_a_delete_names_its_proof_and_the_exact_claim() -> None:
    (action,) = plan_volume_pruning(inventory(*PROVED, claim()), POLICY, NOW).actions
    assert action.proof_snapshot_id == "snap-1"
    assert action.claim == ClaimReference("jupyter", "claim-ann", "uid-claim-ann")


def test_nothing_goes_while_the_cluster_cannot_be_asked() -> None:
    (action,) = plan_volume_pruning(inventory(*PROVED, claims=None), POLICY, NOW).actions
    assert (action.action, action.attention) == (Action.KEEP, True)


def test_a_persistent_volume_without_claim_is_a_persons_case() -> None:
    (action,) = plan_volume_pruning(inventory(*PROVED, persistent_volume_ids=frozenset({"vol-1"})), POLICY, NOW).actions
    assert (action.action, action.attention) == (Action.KEEP, True)


def test_volumes_of_other_clusters_are_no_part_of_the_plan() -> None:
    foreign = replace(volume(), tags={"kubernetes.io/cluster/other": "owned"})
    assert plan_volume_pruning(inventory(foreign, snapshot(), sighting()), POLICY, NOW).actions == ()


FLEET = tuple(
    thing
    for number in range(8)
    for thing in (
        volume(f"vol-{number}", tags=tags(f"claim-{number}")),
        snapshot(f"snap-{number}", f"vol-{number}"),
        sighting(f"vol-{number}", 9.5 if number < 3 else 2),
    )
)


@pytest.mark.parametrize(
    ("share", "already", "approved", "deleted"),
    [
        pytest.param(0.375, 0, (), 3, id="as much as the share"),
        pytest.param(0.374, 0, (), 0, id="more than the share"),
        pytest.param(0.374, 0, ("vol-0", "vol-1", "vol-2"), 3, id="a person approved exactly these"),
        pytest.param(0.2, 0, ("vol-0", "vol-1"), 3, id="what is beyond the approval is within the share"),
        pytest.param(0.1, 0, ("vol-0", "vol-1"), 0, id="what is beyond the approval is too much"),
        pytest.param(0.375, 2, (), 0, id="a second run in one night gets no second allowance"),
    ],
)
def test_a_night_that_would_delete_more_than_its_share_stops_before_the_first(
    share: float, already: int, approved: tuple[str, ...], deleted: int
) -> None:
    policy = StoragePolicy(largest_share=share)
    plan = plan_volume_pruning(inventory(*FLEET, volumes_deleted_tonight=already), policy, NOW, frozenset(approved))
    assert len(plan.having(Action.DELETE_VOLUME)) == deleted
    assert len(plan.having(Action.HOLD)) == 3 - deleted
    assert (plan.stop is None) == (deleted == 3)
    assert len(plan.actions) == 8
