"""Homes without an owner: whose each is and why, what is left to a person, and that a plan never does more than it said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubplane.domain.homes.adopting import (
    AdoptionLine,
    Mark,
    Verdict,
    line_from_json,
    line_to_json,
    markable,
    marks_of,
    plan_adoption,
    plan_id_of,
)
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Owner
from hubplane.domain.storage.view import view_of
from tests.unit.storage.builders import ANN, NOW, claim, inventory, snapshot, tags, volume

SUB = "hubplane:owner-sub"
BEN = Owner("sub-ben", "ben", "claim-ann")
FORMER = replace(ANN, sub="sub-ann-before")


def lines(*things: Any, **fields: Any) -> tuple[AdoptionLine, ...]:
    return plan_adoption(view_of(inventory(*things, **fields), StoragePolicy(), NOW))


def owned(sub: str = "sub-ann", **more: str) -> dict[str, str]:
    return tags(**{SUB: sub, **more})


CASES: dict[str, tuple[tuple[Any, ...], dict[str, Any], Verdict, str]] = {
    "a volume and its claim": ((volume(), claim()), {}, Verdict.BIND, "ann is the only name"),
    "a volume without a claim": ((volume(), snapshot()), {}, Verdict.BIND, "ann is the only name"),
    "only a snapshot": ((snapshot(),), {}, Verdict.BIND, "ann is the only name"),
    "a pending snapshot": ((snapshot(state="pending"),), {}, Verdict.BIND, "ann is the only name"),
    "a claim's volume without a tag": ((volume(tags={}), claim()), {}, Verdict.BIND, "ann is the only name"),
    "a part is marked as the person's": ((volume(tags=owned()), snapshot()), {}, Verdict.BIND, "ann is the only name"),
    "a part is marked with a former account": (
        (volume(), snapshot(tags=owned("sub-ann-before"))),
        {"owners": (ANN, FORMER)},
        Verdict.BIND,
        "ann is the only name",
    ),
    "two generations": ((volume("vol-2"), snapshot(volume_id="vol-1")), {}, Verdict.BIND, "it is of 2 volumes"),
    "all is marked": ((volume(tags=owned()), snapshot(tags=owned())), {}, Verdict.OWNED, "all of it says whose it is"),
    "only an error is left": ((snapshot(state="error"),), {}, Verdict.OWNED, "nothing of it can be marked"),
    "another account's snapshot": ((snapshot(owner_id="999999999999"),), {}, Verdict.OWNED, "nothing of it can be marked"),
    "marked, and no name leads to it": ((volume(tags=owned("sub-x")),), {"owners": ()}, Verdict.OWNED, "all of it says"),
    "nobody's": ((volume(),), {"owners": ()}, Verdict.NOBODY, "no name in the Users table"),
    "another's": ((volume(tags=owned("sub-eve")),), {}, Verdict.REFUSE, "vol-1 is marked as another account's (sub-eve)"),
    "its snapshot is another's": ((volume(), snapshot(tags=owned("sub-eve"))), {}, Verdict.REFUSE, "snap-1 is marked as another"),
    "a part is another's, and no name leads to it": (
        (volume(), snapshot(tags=owned("sub-eve"))),
        {"owners": ()},
        Verdict.REFUSE,
        "snap-1 is marked as another",
    ),
    "two people": ((volume(),), {"owners": (ANN, BEN)}, Verdict.REFUSE, "2 names lead to this claim: ann, ben"),
    "two volumes": ((volume(), volume("vol-2"), claim()), {}, Verdict.REFUSE, "2 volumes carry this claim: vol-1, vol-2"),
    "unparsable": ((volume(more={"server-start-time": "soon"}),), {}, Verdict.REFUSE, "tags of vol-1 cannot be read"),
    "another namespace": (
        (volume(more={"kubernetes.io/created-for/pvc/namespace": "lab"}),),
        {},
        Verdict.REFUSE,
        "vol-1 is of namespace lab",
    ),
    "the claim holds what names another claim": (
        (volume(tags=tags("claim-ben")), claim()),
        {},
        Verdict.REFUSE,
        "whose tags name claim-ben",
    ),
    "another claim holds it": ((volume(), claim(name="claim-ben")), {}, Verdict.REFUSE, "claim claim-ben holds it"),
    "the cluster could not be asked": ((volume(),), {"claims": None}, Verdict.REFUSE, "could not be asked"),
}


@pytest.mark.parametrize(("things", "fields", "verdict", "reason"), CASES.values(), ids=CASES)
def test_each_home_has_a_verdict_and_a_reason(things: Any, fields: Any, verdict: Verdict, reason: str) -> None:
    line = next(line for line in lines(*things, **fields) if line.claim_name == "claim-ann")
    assert (line.verdict, reason in line.reason) == (verdict, True), line
    assert bool(line.volume_ids or line.snapshot_ids) is (verdict is Verdict.BIND)


def test_what_is_bound_is_what_says_nobody_s_and_gets_the_present_account() -> None:
    things = (volume(), snapshot(), snapshot("snap-2", tags=owned("sub-ann-before")), snapshot("snap-3", state="error"))
    (line,) = lines(*things, owners=(ANN, FORMER))
    assert (line.username, line.owner_sub, line.volume_ids, line.snapshot_ids) == ("ann", "sub-ann", ("vol-1",), ("snap-1",))
    assert line_from_json(line_to_json(line)) == line


def test_the_hub_s_database_is_nobody_s_home() -> None:
    assert lines(volume(tags=tags("hub-db-dir")), owners=(replace(ANN, claim_name="hub-db-dir"),)) == ()


def test_the_same_plan_has_the_same_name_and_another_has_another() -> None:
    plan = lines(volume(), snapshot())
    assert plan_id_of("lab", plan) == plan_id_of("lab", lines(volume(), snapshot(), claim()))
    others = {plan_id_of("lab", lines(volume())), plan_id_of("sar", plan), plan_id_of("lab", ())}
    assert plan_id_of("lab", plan) not in others
    assert len(others) == 3


BOUND = AdoptionLine("claim-ann", Verdict.BIND, "so", "ann", "sub-ann", ("vol-1",), ("snap-1", "snap-2"))
CHANGED: dict[str, tuple[AdoptionLine | None, tuple[str, ...], str]] = {
    "nothing": (BOUND, ("vol-1", "snap-1", "snap-2"), ""),
    "a snapshot more": (replace(BOUND, snapshot_ids=("snap-1", "snap-2", "snap-3")), ("vol-1", "snap-1", "snap-2"), ""),
    "a snapshot less": (replace(BOUND, snapshot_ids=("snap-2",)), ("vol-1", "snap-2"), "snap-1: it is gone, or says"),
    "all is marked": (replace(BOUND, verdict=Verdict.OWNED, reason="marked", volume_ids=()), (), "claim-ann: marked"),
    "two people by now": (replace(BOUND, verdict=Verdict.REFUSE, reason="2 names lead"), (), "2 names lead"),
    "another person by now": (replace(BOUND, owner_sub="sub-ben", username="ben"), (), "it would be ben's by now"),
    "gone": (None, (), "nothing carries this claim any more"),
}


@pytest.mark.parametrize(("fresh", "ids", "skipped"), CHANGED.values(), ids=CHANGED)
def test_what_changed_since_the_plan_is_skipped_with_the_reason(
    fresh: AdoptionLine | None, ids: tuple[str, ...], skipped: str
) -> None:
    nobody = AdoptionLine("claim-old", Verdict.NOBODY, "nobody")
    (mark,) = marks_of([BOUND, nobody], [fresh] if fresh else [])
    assert (mark.owner_sub, mark.ids) == ("sub-ann", ids)
    assert skipped in " ".join(mark.skipped)
    assert bool(mark.skipped) is bool(skipped)


LAST_LOOK: dict[str, tuple[dict[str, dict[str, str]], tuple[str, ...], str]] = {
    "as it was": ({"vol-1": tags()}, ("vol-1",), ""),
    "gone": ({}, (), "vol-1 is gone"),
    "marked already": ({"vol-1": owned()}, (), "vol-1 is marked already"),
    "another's": ({"vol-1": owned("sub-eve")}, (), "vol-1 is marked as another account by now"),
    "another claim": ({"vol-1": tags("claim-ben")}, (), "another claim's name"),
    "no claim": ({"vol-1": {}}, (), "another claim's name"),
}


@pytest.mark.parametrize(("seen", "ids", "skipped"), LAST_LOOK.values(), ids=LAST_LOOK)
def test_the_last_look_decides(seen: dict[str, dict[str, str]], ids: tuple[str, ...], skipped: str) -> None:
    mark = markable(Mark("claim-ann", "sub-ann", ("vol-1",)), seen)
    assert (mark.ids, skipped in " ".join(mark.skipped)) == (ids, True)


def test_a_volume_that_its_claim_holds_needs_no_tag_of_it() -> None:
    mark = Mark("claim-ann", "sub-ann", ("vol-1",))
    assert markable(mark, {"vol-1": {}}, {"vol-1"}).ids == ("vol-1",)
    assert markable(mark, {"vol-1": tags("claim-ben")}, {"vol-1"}).ids == ()


NAMES = ("claim-ann", "claim-ben", "claim-cyd")
SUBS = ("sub-ann", "sub-ben", "sub-eve", None)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Any], tuple[Owner, ...]]:
    """Volumes, snapshots, claims and people, put together at random."""

    def told() -> dict[str, str]:
        sub = draw(st.sampled_from(SUBS))
        return tags(draw(st.sampled_from(NAMES)), **({SUB: sub} if sub else {}))

    volumes = [volume(f"vol-{n}", tags=told()) for n in range(draw(st.integers(0, 4)))]
    of = [item.volume_id for item in volumes] + ["vol-gone"]
    states = st.sampled_from(("completed", "pending", "error"))
    snapshots = [
        snapshot(f"snap-{n}", draw(st.sampled_from(of)), state=draw(states), tags=told()) for n in range(draw(st.integers(0, 5)))
    ]
    held = draw(st.lists(st.sampled_from(of), unique=True, max_size=3))
    claims = [claim(volume_id, name) for volume_id, name in zip(held, draw(st.permutations(NAMES)), strict=False)]
    people = draw(st.lists(st.tuples(st.sampled_from(("ann", "ben", "eve")), st.sampled_from(NAMES)), unique=True, max_size=4))
    return [*volumes, *snapshots, *claims], tuple(Owner(f"sub-{name}", name, claim_name) for name, claim_name in people)


@given(worlds(), worlds())
@settings(max_examples=400, deadline=None)
def test_no_other_s_mark_is_written_over_and_no_claim_goes_to_one_of_two_people(planned: Any, later: Any) -> None:
    (things, owners), (things_later, owners_later) = planned, later
    approved = lines(*things, owners=owners)
    fresh = lines(*things_later, owners=owners_later)
    seen = {getattr(item, "volume_id" if hasattr(item, "attached") else "snapshot_id", ""): item for item in things_later}
    tags_of = {key: item.tags for key, item in seen.items() if hasattr(item, "tags")}
    for mark in marks_of(approved, fresh):
        line = next(item for item in approved if item.claim_name == mark.claim_name)
        assert set(mark.ids) <= {*line.volume_ids, *line.snapshot_ids}, "never more than the plan said"
        for owners_then in (owners, owners_later):
            names = {owner.username for owner in owners_then if owner.claim_name == mark.claim_name}
            assert not mark.ids or len(names) == 1, "one name leads to it, then and now"
        last = markable(mark, tags_of, {item.volume_id for item in things_later if hasattr(item, "in_use")})
        for key in last.ids:
            assert SUB not in tags_of[key], "nothing that says somebody's is written over"
            assert not any(
                item.tags.get(SUB) not in (None, mark.owner_sub)
                for item in seen.values()
                if hasattr(item, "tags") and item.tags.get("kubernetes.io/created-for/pvc/name") == mark.claim_name
            ), "nor is a home of which a part says another's"
