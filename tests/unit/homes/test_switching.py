"""A volume takes another's place: from every state that a killed run can leave, with the storage day and the hub looking on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hubplane.domain.errors import HomeChangeRefused
from hubplane.domain.homes.facts import HomeAction, SeenClaim
from hubplane.domain.homes.marks import home_tags, set_aside_claim, set_aside_tags
from hubplane.domain.homes.planning import plan_home
from hubplane.domain.homes.switching import DeedKind, SeenVolumeObject, next_deed
from hubplane.domain.homes.taking_place import take_next_step
from hubplane.domain.storage.actions import DELETES
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.ports import Refusal, Refused
from hubplane.domain.storage.records import Claim, Sighting, Snapshot, Volume
from hubplane.domain.storage.snapshot_pruning import plan_snapshot_pruning
from hubplane.domain.storage.volume_pruning import plan_volume_pruning
from tests.unit.homes.homes import MINE, facts, home_volume
from tests.unit.homes.switching_world import BEFORE, LATER, OLD, TAKING, World, made
from tests.unit.storage.builders import ACCOUNT, CLUSTER, NOW, ago, inventory

ASIDE = set_aside_claim("claim-ann", NOW)
ORDER = ["retain", "free", "name", "set_aside", "bind", "forget"]


def run(world: World, deeds: int = 20) -> list[str]:
    """Up to so many deeds; their names."""
    done: list[str] = []
    while len(done) < deeds:
        deed, was_done = take_next_step(TAKING, world.tools())
        if deed.kind is DeedKind.DONE:
            assert not was_done
            break
        assert was_done
        done.append(str(deed.kind))
    return done


def test_the_deeds_in_their_order() -> None:
    world = World()
    assert run(world) == ORDER
    assert (world.bound_to, world.object_there) == ("vol-2", False)
    assert world.former is not None, "what was the home stands"


@pytest.mark.parametrize("killed_after", range(len(ORDER) + 1))
def test_killed_after_any_deed_and_run_again_it_ends_the_same(killed_after: int) -> None:
    whole, world = World(), World()
    run(whole)
    first = run(world, killed_after)
    assert [*first, *run(world)] == ORDER
    assert world == whole


@pytest.mark.parametrize("killed_after", range(len(ORDER) + 1))
def test_between_any_two_deeds_the_hub_mounts_the_one_or_the_other_home_or_nothing(killed_after: int) -> None:
    """A hold keeps servers from starting meanwhile; this is what stands under it when its lease has passed."""
    world = World()
    run(world, killed_after)
    claims = (SeenClaim("claim-ann", f"pv-{world.bound_to}", world.bound_to),) if world.claim else ()
    mine = {"claim-ann"}
    things = [item for item in (*world.volumes(), *world.snapshots()) if item.tags["kubernetes.io/created-for/pvc/name"] in mine]
    plan = plan_home(
        facts(
            claims=claims,
            volumes=tuple(item for item in things if isinstance(item, Volume)),
            snapshots=tuple(item for item in things if isinstance(item, Snapshot)),
        )
    )
    mounted = {"retain": "vol-1", "name": None, "set_aside": "vol-2", "bind": "vol-2", "forget": "vol-2", "free": "vol-1"}
    if killed_after == 0:
        assert (plan.action, plan.volume_id) == (HomeAction.USE, "vol-1")
    else:
        expected = mounted[ORDER[killed_after - 1]]
        assert plan.volume_id == expected, plan.sentence
        assert plan.action in ((HomeAction.REFUSE,) if expected is None else (HomeAction.USE, HomeAction.ADOPT))


@pytest.mark.parametrize("killed_after", range(len(ORDER) + 1))
@pytest.mark.parametrize("days_later", [0, 1, 40, 400])
def test_between_any_two_deeds_the_storage_day_takes_neither_volume_nor_the_copy_before(
    killed_after: int, days_later: int
) -> None:
    """However long nobody comes: each has its own guard, or no proof, or its own newer proof."""
    world = World()
    run(world, killed_after)
    claims = (Claim("jupyter", "claim-ann", "uid", world.bound_to),) if world.claim else ()
    found = inventory(*world.volumes(), *world.snapshots(), *claims, persistent_volume_ids=_objects(world))
    policy, now = StoragePolicy(prune=True, end_of_retention_days=90), NOW.replace(year=NOW.year + days_later // 365)
    volumes = plan_volume_pruning(found, policy, now)
    assert not volumes.having(*DELETES)
    kept = {action.resource_id for action in plan_snapshot_pruning(found, policy, now).having(*DELETES)}
    assert "snap-before" not in kept


def _objects(world: World) -> frozenset[str]:
    return frozenset(({"vol-1"} if world.object_there else set()) | ({"vol-2"} if world.bound_to == "vol-2" else set()))


def test_what_was_set_aside_goes_one_day_on_its_own_proof_and_the_home_stays() -> None:
    world = World(copy=replace(BEFORE, started_at=ago(9.5)))
    run(world)
    proof = Snapshot("snap-proof", "vol-1", "completed", ago(8), 500, ACCOUNT, world.former.tags if world.former else {})
    first = Snapshot(
        "snap-2",
        "vol-2",
        "completed",
        ago(8),
        500,
        ACCOUNT,
        {**world.new.tags, "hubplane:ancestry": f"vol-1@{OLD.started_at.timestamp() * 1000:.0f}"},
    )
    old_new = replace(world.new, created_at=ago(30))
    found = inventory(
        *((world.former,) if world.former else ()),
        old_new,
        *world.snapshots(),
        proof,
        first,
        Claim("jupyter", "claim-ann", "uid", "vol-2", in_use=True),
        Sighting("vol-1", ago(9), ago(9)),
        Sighting("vol-2", ago(9), None),
        persistent_volume_ids=frozenset({"vol-2"}),
    )
    plan = plan_volume_pruning(found, StoragePolicy(prune=True, volume_idle_days=5), NOW, frozenset({"vol-1"}))
    deleted = {action.resource_id: action.proof_snapshot_id for action in plan.having(*DELETES)}
    assert deleted == {"vol-1": "snap-proof"}
    gone = {action.resource_id for action in plan_snapshot_pruning(found, StoragePolicy(prune=True), NOW).having(*DELETES)}
    assert gone.isdisjoint({"snap-2", "snap-before", "snap-proof"})


def test_the_last_copy_of_what_was_set_aside_is_its_person_s_who_is_warned_before_it_goes() -> None:
    tags = {**LATER[0].tags, **set_aside_tags("claim-ann", NOW)}
    old = Snapshot("snap-proof", "vol-1", "completed", ago(100), 500, ACCOUNT, tags)
    policy = StoragePolicy(prune=True, end_of_retention_days=90)
    plan = plan_snapshot_pruning(inventory(old), policy, NOW)
    assert [(item.snapshot_id, item.owner_sub) for item in plan.warnings] == [("snap-proof", MINE)]
    assert not plan.having(*DELETES)


@pytest.mark.parametrize(
    ("changed", "seen", "kind"),
    [
        pytest.param({"copy": None}, {}, DeedKind.REFUSE, id="no-copy"),
        pytest.param({"copy": replace(BEFORE, state="pending")}, {}, DeedKind.REFUSE, id="a-copy-that-is-not-completed"),
        pytest.param({"copy": replace(BEFORE, state="error")}, {}, DeedKind.REFUSE, id="a-copy-that-failed"),
        pytest.param({"copy": replace(BEFORE, size_gib=100)}, {}, DeedKind.REFUSE, id="a-copy-from-before-it-grew"),
        pytest.param({"copy": replace(BEFORE, volume_id="vol-9")}, {}, DeedKind.REFUSE, id="a-copy-of-another-volume"),
        pytest.param({"copy": replace(BEFORE, owner_id="9" * 12)}, {}, DeedKind.REFUSE, id="a-copy-of-another-aws-account"),
        pytest.param({}, {"used_since_copy": True}, DeedKind.REFUSE, id="used-since-the-copy"),
        pytest.param({"former": home_volume(attached=True, state="in-use")}, {}, DeedKind.REFUSE, id="attached"),
        pytest.param({}, {"in_use": True}, DeedKind.WAIT, id="a-pod-names-the-claim"),
        pytest.param({}, {"ending": True}, DeedKind.WAIT, id="the-claim-is-being-deleted"),
        pytest.param({"bound_to": "vol-3"}, {}, DeedKind.REFUSE, id="the-claim-is-on-a-third-volume"),
        pytest.param({"object_there": False}, {}, DeedKind.REFUSE, id="nothing-that-could-be-told-to-retain"),
        pytest.param({}, {"new": None}, DeedKind.REFUSE, id="the-new-volume-is-gone"),
        pytest.param({}, {"new": replace(made(), state="creating")}, DeedKind.REFUSE, id="the-new-volume-is-not-made-yet"),
        pytest.param({"bound_to": None}, {}, DeedKind.FREE, id="a-claim-without-a-volume-goes"),
        pytest.param({"bound_to": None}, {"waits_for_new": True}, DeedKind.WAIT, id="a-claim-that-waits-for-the-new-one"),
        pytest.param(
            {"former": None, "copy": None, "object_there": False, "claim": False}, {}, DeedKind.NAME, id="no-home-stands"
        ),
        pytest.param({"former": None, "copy": None, "retains": True}, {}, DeedKind.FREE, id="a-claim-whose-volume-is-gone"),
        pytest.param({"claim": False, "copy": None}, {}, DeedKind.REFUSE, id="no-claim-and-no-copy"),
        pytest.param(
            {"bound_to": "vol-2"},
            {
                "objects": (SeenVolumeObject("pv-9", "vol-1", True, "claim-bea"),),
                "new": replace(made(), tags={**made().tags, **home_tags(CLUSTER, "claim-ann", MINE, "vol-2")}),
                "former": None,
            },
            DeedKind.REFUSE,
            id="the-former-one-is-another-claim's",
        ),
    ],
)
def test_what_is_not_as_it_should_be_is_left_alone(changed: dict[str, Any], seen: dict[str, Any], kind: DeedKind) -> None:
    deed = next_deed(World(**changed).place(**seen))
    assert deed.kind is kind, deed.sentence


def test_the_name_of_what_is_set_aside_leads_to_nobody() -> None:
    assert not ASIDE.startswith("claim-")


@pytest.mark.parametrize("came_between", [Refusal.CHANGED, Refusal.GONE, Refusal.LOST])
def test_a_claim_that_changed_since_the_look_is_looked_at_again(came_between: Refusal) -> None:
    world = World(retains=True, came_between=came_between)
    deed, was_done = take_next_step(TAKING, world.tools())
    assert (deed.kind, was_done, world.claim) == (DeedKind.FREE, False, True)
    world.came_between = None
    assert run(world) == ORDER[1:]


def test_a_claim_that_is_refused_for_another_reason_ends_the_run() -> None:
    with pytest.raises(Refused):
        take_next_step(TAKING, World(retains=True, came_between=Refusal.IN_USE).tools())


def test_what_a_person_has_to_look_at_changes_nothing() -> None:
    world = World(claim=False, copy=None)
    with pytest.raises(HomeChangeRefused, match="vol-1 has no snapshot of its own"):
        take_next_step(TAKING, world.tools())
    assert world == World(claim=False, copy=None)


def test_a_home_that_was_protected_stays_so_on_its_new_volume() -> None:
    home = home_volume()
    world = World(former=replace(home, tags={**home.tags, "do-not-delete": "yes"}))
    run(world)
    assert world.new.tags["do-not-delete"] == "true"
