"""Which copy a day means, and what is refused: one table per question."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from hubplane.domain.errors import HomeChangeRefused
from hubplane.domain.homes.change_inputs import RestoreInput
from hubplane.domain.homes.changes import HomeChange, Kind, change_from_json
from hubplane.domain.homes.facts import SeenClaim
from hubplane.domain.homes.marks import BEFORE_TAG, copy_tags, home_tags, set_aside_tags
from hubplane.domain.homes.restoring import plan_move, plan_restore
from hubplane.domain.registration.records import Status
from hubplane.domain.storage.records import Snapshot, Volume
from tests.unit.homes.homes import ANCESTRY, ANOTHERS, EARLIER, MINE, OWNER, ZONE, ann, copy_of, facts, home_volume, used
from tests.unit.storage.builders import ACCOUNT, CLUSTER, NOW, ago, volume

DAYS_AGO = {days: ago(days).date() for days in range(30)}
BOUND: dict[str, Any] = {"claims": (SeenClaim("claim-ann", "pv-1", "vol-1"),), "volumes": (home_volume(),)}
LINE = tuple(copy_of(f"snap-{days}", days_old=days) for days in (12, 9, 6, 3))


def asked(day: date | None = DAYS_AGO[9], placement: str = "instead", **fields: Any) -> RestoreInput:
    return RestoreInput(CLUSTER, "ann", placement, day=day, **fields)


def planned(
    given: RestoreInput | None = None, copies: tuple[Volume, ...] = (), aside: tuple[Snapshot, ...] = (), **fields: Any
) -> HomeChange:
    return plan_restore(facts(**{**BOUND, "snapshots": LINE, **fields}), given or asked(), copies, aside)


def made_from(
    source: Snapshot, volume_id: str = "vol-2", kind: Kind = Kind.INSTEAD, replaces: str = "vol-1", **fields: Any
) -> Volume:
    tags = copy_tags(
        CLUSTER, "claim-ann", MINE, source, "claim-ann", made_for=str(kind), replaces=replaces, protection_tag="do-not-delete"
    )
    return volume(volume_id, **{"tags": {**tags, **fields.pop("more", {})}, "zone": ZONE, **fields})


@pytest.mark.parametrize(
    ("day", "chosen"),
    [
        pytest.param(DAYS_AGO[0], "snap-3", id="today-is-the-newest"),
        pytest.param(DAYS_AGO[6], "snap-6", id="the-day-of-a-copy"),
        pytest.param(DAYS_AGO[7], "snap-9", id="a-day-without-one-goes-back"),
        pytest.param(DAYS_AGO[12], "snap-12", id="the-oldest"),
    ],
)
@pytest.mark.parametrize("placement", ["beside", "instead"])
def test_a_day_means_the_newest_completed_copy_until_its_end(day: date, chosen: str, placement: str) -> None:
    assert planned(asked(day, placement)).snapshot_id == chosen


@pytest.mark.parametrize(
    ("snapshots", "word"),
    [
        pytest.param((), "has no copy of", id="no-copy-at-all"),
        pytest.param((copy_of("snap-3", days_old=3),), "oldest one is snap-3", id="only-later-ones"),
        pytest.param((copy_of("snap-9", state="pending"),), "snap-9 is pending", id="pending-only"),
        pytest.param((copy_of("snap-9", state="error"),), "snap-9 is error", id="failed-only"),
        pytest.param((copy_of("snap-9", owner=ANOTHERS),), "another account's", id="fault-20-another's-only"),
        pytest.param(
            (copy_of("snap-9", owner=None), copy_of("snap-8", owner=ANOTHERS)),
            "another account's",
            id="nobody's-beside-another's",
        ),
        pytest.param((copy_of("snap-9"), copy_of("snap-10", "vol-9", days_old=10)), "two lines", id="fault-6-two-lines"),
        pytest.param(
            (copy_of("snap-9"), copy_of("snap-10", "vol-9", days_old=10, state="pending")),
            "two lines",
            id="two-lines-one-pending",
        ),
        pytest.param(
            (copy_of("snap-9", tags={"kubernetes.io/created-for/pvc/name": "claim-ann"}),), "names no cluster", id="a-stray"
        ),
        pytest.param((copy_of("snap-9", owner_id="9" * 12),), "has no copy", id="another-aws-account's"),
    ],
)
@pytest.mark.parametrize("placement", ["beside", "instead"])
def test_no_copy_is_chosen_by_chance(snapshots: tuple[Snapshot, ...], word: str, placement: str) -> None:
    with pytest.raises(HomeChangeRefused, match=word):
        planned(asked(placement=placement), snapshots=snapshots)


@pytest.mark.parametrize(
    "snapshots",
    [
        pytest.param(
            (copy_of("snap-9"), copy_of("snap-8", state="pending", days_old=8.9)), id="a-pending-one-of-the-day-is-passed-by"
        ),
        pytest.param((copy_of("snap-9"), copy_of("snap-8", state="error", days_old=8.9)), id="a-failed-one-too"),
        pytest.param((copy_of("snap-9", owner=EARLIER),), id="of-an-earlier-account"),
        pytest.param((copy_of("snap-9", owner=None),), id="of-nobody-where-nobody-else-is"),
        pytest.param((copy_of("snap-9"), copy_of("snap-1", "vol-9", days_old=1)), id="another-line-began-later"),
        pytest.param(
            (copy_of("snap-9", more={ANCESTRY: "vol-0@1"}), copy_of("snap-20", "vol-0", days_old=20)), id="what-it-came-through"
        ),
        pytest.param(
            (copy_of("snap-9"), copy_of("snap-12", "vol-0", days_old=12, more={ANCESTRY: "vol-1@1"})), id="what-came-of-it-before"
        ),
        pytest.param(
            (copy_of("snap-9"), copy_of("snap-10", "vol-9", owner=ANOTHERS, days_old=10)), id="marked-as-mine-beside-another's"
        ),
    ],
)
def test_what_is_this_person_s_is_found(snapshots: tuple[Snapshot, ...]) -> None:
    assert planned(snapshots=snapshots).snapshot_id == "snap-9"


def test_what_a_killed_run_copied_before_is_not_what_the_day_means() -> None:
    copied = copy_of("snap-before", days_old=8.9, more={BEFORE_TAG: "instead"})
    moved = copy_of("snap-moved", days_old=8.8, more={BEFORE_TAG: "move"})
    assert planned(snapshots=(*LINE, copied)).snapshot_id == "snap-9"
    assert planned(asked(None, snapshot_id="snap-before"), snapshots=(*LINE, copied)).snapshot_id == "snap-before"
    assert planned(snapshots=(*LINE, moved)).snapshot_id == "snap-moved", "a move's copy is the home of that day"


@pytest.mark.parametrize(
    ("snapshots", "aside", "refused"),
    [
        pytest.param(
            (copy_of("snap-7"), copy_of("snap-10", "vol-9", days_old=10)), (), "", id="an-operator-chooses-between-lines"
        ),
        pytest.param(
            (copy_of("snap-7", owner=None), copy_of("snap-8", owner=ANOTHERS)), (), "", id="an-operator-has-looked-whose-it-is"
        ),
        pytest.param((), (copy_of("snap-7", more=set_aside_tags("claim-ann", NOW)),), "", id="what-was-set-aside-comes-back"),
        pytest.param((copy_of("snap-7", owner=ANOTHERS),), (), "another account's", id="never-another's"),
        pytest.param((copy_of("snap-7", state="pending"),), (), "pending", id="never-a-pending-one"),
        pytest.param((copy_of("snap-7", owner_id="9" * 12),), (), "no copy of the home", id="never-another-aws-account's"),
        pytest.param((copy_of("snap-8"),), (), "no copy of the home", id="never-what-is-not-there"),
    ],
)
def test_an_id_chooses_where_a_day_cannot(snapshots: tuple[Snapshot, ...], aside: tuple[Snapshot, ...], refused: str) -> None:
    given = asked(None, snapshot_id="snap-7")
    if refused:
        with pytest.raises(HomeChangeRefused, match=refused):
            planned(given, aside=aside, snapshots=snapshots)
    else:
        assert planned(given, aside=aside, snapshots=snapshots).snapshot_id == "snap-7"


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        pytest.param({"record": None}, "on record", id="nobody"),
        pytest.param(
            {"record": ann(status=Status.TOMBSTONE, clusters=(), home_passed_to="bea")}, "handed to bea", id="passed-on"
        ),
        pytest.param({"record": ann(status=Status.PENDING)}, "pending", id="not-decided"),
        pytest.param({"record": ann(clusters=("other",))}, "not approved", id="another-cluster"),
        pytest.param({"claim_holders": {"claim-ann": "eve"}}, "another name", id="a-shared-claim"),
        pytest.param({"zone": None}, "Zone", id="no-zone"),
        pytest.param({"volumes": (home_volume(state="deleting"),)}, "deleting", id="a-volume-that-goes"),
        pytest.param({"volumes": (home_volume(), home_volume("vol-3"))}, "vol-3 carries", id="fault-25-two-volumes"),
        pytest.param({"volumes": (home_volume(owner=ANOTHERS),)}, "another account's", id="the-present-one-is-another's"),
        pytest.param({"volumes": (home_volume(state="error"),)}, "cannot be copied", id="a-present-one-that-failed"),
        pytest.param(
            {"volumes": (home_volume(owner=None),), "snapshots": (*LINE, copy_of("snap-e", "vol-e", owner=ANOTHERS, days_old=1))},
            "look whose it is",
            id="the-present-one-is-perhaps-another's",
        ),
    ],
)
def test_a_home_is_not_replaced_where_something_is_unclear(changed: dict[str, Any], word: str) -> None:
    with pytest.raises(HomeChangeRefused, match=word):
        planned(**changed)


def test_a_disabled_person_s_home_may_be_looked_into() -> None:
    assert planned(asked(placement="beside"), record=ann(status=Status.DISABLED)).needed


@pytest.mark.parametrize(("of_the_copy", "present", "made"), [(500, 500, 500), (100, 500, 500), (500, 100, 500)])
def test_the_new_volume_is_no_smaller_than_either(of_the_copy: int, present: int, made: int) -> None:
    snapshots = (copy_of("snap-9", size_gib=of_the_copy),)
    assert planned(snapshots=snapshots, volumes=(home_volume(size_gib=present),)).size_gib == made
    assert planned(asked(placement="beside"), snapshots=snapshots).size_gib == of_the_copy


def test_beside_touches_nothing_of_the_home_and_has_a_name_that_is_nobody_s() -> None:
    change = planned(asked(placement="beside"))
    assert (change.kind, change.present_id) == (Kind.BESIDE, None)
    assert change.kept_as == f"restored-{DAYS_AGO[9]:%Y%m%d}-claim-ann"
    assert not change.kept_as.startswith("claim-")
    assert change_from_json(change.to_json()) == change


def test_beside_goes_on_with_what_is_there_and_refuses_a_second_one_of_its_name() -> None:
    name = planned(asked(placement="beside")).kept_as
    named = {"kubernetes.io/created-for/pvc/name": name}
    mine = made_from(LINE[1], kind=Kind.BESIDE, more=named)
    assert planned(asked(placement="beside"), (mine,)).new_id == "vol-2"
    with pytest.raises(HomeChangeRefused, match="remove it first"):
        planned(asked(placement="beside"), (made_from(LINE[2], kind=Kind.BESIDE, more=named),))


@pytest.mark.parametrize(
    ("new", "goes_on"),
    [
        pytest.param(made_from(LINE[1]), True, id="made-and-not-named-yet"),
        pytest.param(made_from(LINE[2]), False, id="made-from-another-copy"),
        pytest.param(made_from(LINE[1], kind=Kind.MOVE), False, id="made-for-a-move"),
        pytest.param(made_from(LINE[1], attached=True, state="in-use"), False, id="somebody-works-with-it"),
        pytest.param(made_from(LINE[1], zone="us-east-1a"), False, id="in-another-zone"),
        pytest.param(made_from(LINE[1], state="error"), False, id="that-failed"),
    ],
)
def test_an_interrupted_restore_goes_on_with_its_volume(new: Volume, goes_on: bool) -> None:
    change = planned(copies=(new,))
    assert (change.new_id, change.present_id) == ("vol-2" if goes_on else None, "vol-1")


def test_a_finished_restore_is_gone_on_with_until_somebody_has_worked_with_it() -> None:
    named = home_tags(CLUSTER, "claim-ann", MINE, "vol-2")
    claims = (SeenClaim("claim-ann", "vol-2", "vol-2"),)
    finished = made_from(LINE[1], more=named)
    again = planned(claims=claims, volumes=(finished,))
    assert (again.new_id, again.present_id) == ("vol-2", "vol-1")
    worked_with = made_from(LINE[1], more={**named, **used(NOW)})
    anew = planned(claims=claims, volumes=(worked_with,))
    assert (anew.new_id, anew.present_id) == (None, "vol-2")


def test_an_interrupted_restore_of_another_day_is_finished_first() -> None:
    half_done = made_from(LINE[2], more=home_tags(CLUSTER, "claim-ann", MINE, "vol-2"))
    with pytest.raises(HomeChangeRefused, match="interrupted"):
        planned(volumes=(home_volume(), half_done), claims=())


def test_a_home_that_was_pruned_comes_back_as_of_a_day_at_the_size_that_homes_have() -> None:
    change = planned(claims=(), volumes=(), requested_gib=900)
    assert (change.present_id, change.size_gib, change.claim_name) == (None, 900, "claim-ann")
    assert not any("set aside" in step for step in change.steps)


WRONG: dict[str, Any] = {**BOUND, "volumes": (home_volume(zone="us-east-1a"),), "snapshots": LINE}


def test_a_home_in_the_wrong_zone_is_moved_through_a_fresh_copy() -> None:
    change = plan_move(facts(**WRONG))
    assert (change.needed, change.present_id, change.snapshot_id, change.size_gib) == (True, "vol-1", None, 500)
    assert any("fresh copy of vol-1" in step for step in change.steps)


def test_a_home_in_its_zone_stays() -> None:
    change = plan_move(facts(**BOUND))
    assert (change.needed, change.steps) == (False, ())


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        pytest.param({"volumes": (), "claims": ()}, "nothing to move", id="no-volume"),
        pytest.param({"volumes": (*WRONG["volumes"], home_volume("vol-3"))}, "vol-3 carries", id="fault-25"),
        pytest.param({"volumes": (home_volume(zone="us-east-1a", owner=ANOTHERS),)}, "another account's", id="another's"),
    ],
)
def test_a_move_refuses_what_is_unclear(changed: dict[str, Any], word: str) -> None:
    with pytest.raises(HomeChangeRefused, match=word):
        plan_move(facts(**{**WRONG, **changed}))


def test_a_move_that_ended_early_is_gone_on_with_and_never_with_a_restore_s_volume() -> None:
    named = home_tags(CLUSTER, "claim-ann", MINE, "vol-2")
    source = copy_of("snap-m", days_old=0.1, owner_id=ACCOUNT)
    moved = made_from(source, kind=Kind.MOVE, more=named)
    change = plan_move(facts(claims=(), volumes=(moved, *WRONG["volumes"]), snapshots=(*LINE, source)))
    assert (change.new_id, change.present_id) == ("vol-2", "vol-1")
    with pytest.raises(HomeChangeRefused, match="vol-2 carries"):
        plan_move(facts(**{**WRONG, "volumes": (*WRONG["volumes"], made_from(LINE[1], more=named))}))


def test_owner_tags_are_the_builders_own() -> None:
    assert OWNER in home_tags(CLUSTER, "claim-ann", MINE, "vol-2")
