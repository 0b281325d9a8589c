"""What the table leaves out: the person, other clusters, sizes; and that no home whatever breaks promises 7 and 8."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubplane.domain.homes.facts import HomeAction, HomeFacts, SeenClaim
from hubplane.domain.homes.planning import plan_home
from hubplane.domain.registration.records import Status
from hubplane.domain.storage.records import Snapshot, Volume
from tests.unit.homes.homes import ANOTHERS, EARLIER, MINE, OWNER, ann, copy_of, facts, home_volume
from tests.unit.storage.builders import ACCOUNT, ago

BOUND = {"claims": (SeenClaim("claim-ann", "pv-1", "vol-1"),), "volumes": (home_volume(),)}
OUTSIDE = ann(username="external#login.example.org#ann")
HERS = {"claim-ann": OUTSIDE.username}
ELSEWHERE = {"kubernetes.io/cluster/other": "owned", "kubernetes.io/created-for/pvc/name": "claim-ann"}
NAMED = {"kubernetes.io/created-for/pvc/name": "claim-ann"}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        pytest.param({"record": None}, "on record", id="nobody-of-that-name"),
        pytest.param({"record": ann(status=Status.TOMBSTONE, clusters=())}, "closed", id="a-tombstone"),
        pytest.param({"record": ann(status=Status.PENDING)}, "pending", id="not-decided"),
        pytest.param({"record": ann(status=Status.REFUSED)}, "refused", id="refused"),
        pytest.param({"record": ann(status=Status.DISABLED)}, "disabled", id="disabled"),
        pytest.param({"record": ann(clusters=("other",))}, "not approved for lab", id="another-cluster"),
        pytest.param({"record": ann(sub="sub-new", former_subs=())}, "another account", id="fault-20-the-name-has-a-new-account"),
        pytest.param({"claim_holders": {"claim-ann": "eve"}}, "another name", id="the-claim-is-another-name's"),
        pytest.param({"claim_holders": {}}, "another name", id="nobody-holds-the-claim"),
        pytest.param({"claim_name": "claim-ann--second"}, "does not follow", id="a-claim-of-another-template"),
        pytest.param({"zone": None}, "Zone", id="a-cluster-without-a-zone"),
        pytest.param({"subject": EARLIER}, "another account", id="fault-20-a-session-of-an-earlier-account"),
        pytest.param({"record": OUTSIDE, "claim_holders": HERS}, "does not say", id="another-provider-s-without-a-subject"),
        pytest.param({"record": OUTSIDE, "subject": MINE}, "another name", id="another-provider-s-with-the-pool-s-claim"),
    ],
)
def test_a_home_that_stands_is_refused_to(changed: dict[str, Any], word: str) -> None:
    plan = plan_home(facts(**{**BOUND, **changed}))
    assert plan.action is HomeAction.REFUSE
    assert word in plan.sentence


@pytest.mark.parametrize(
    ("found", "action"),
    [
        pytest.param(
            {"volumes": (home_volume(tags=ELSEWHERE),)}, HomeAction.CREATE, id="a-home-in-another-cluster-is-another-home"
        ),
        pytest.param(
            {"snapshots": (copy_of("snap-1", more=ELSEWHERE),)}, HomeAction.RESTORE, id="a-copy-of-both-clusters-is-ours"
        ),
        pytest.param({"volumes": (home_volume(tags=NAMED),)}, HomeAction.REFUSE, id="a-volume-that-names-no-cluster"),
        pytest.param({"snapshots": (copy_of("snap-1", owner_id="9" * 12),)}, HomeAction.REFUSE, id="another-aws-account's-copy"),
        pytest.param({"snapshots": (copy_of("snap-1", state="error"),)}, HomeAction.REFUSE, id="only-a-failed-copy"),
        pytest.param({"snapshots": (copy_of("snap-1", state="recovering"),)}, HomeAction.REFUSE, id="a-copy-in-the-recycle-bin"),
        pytest.param({"volumes": (home_volume(state=""),)}, HomeAction.REFUSE, id="a-state-that-nobody-knows"),
        pytest.param({"volumes": (home_volume(state="deleted"),)}, HomeAction.CREATE, id="a-volume-that-is-gone"),
        pytest.param(
            {"claims": (SeenClaim("claim-ann", "pv-1", "vol-1"),), "volumes": (home_volume(tags=ELSEWHERE | {OWNER: MINE}),)},
            HomeAction.REFUSE,
            id="bound-to-another-cluster's-volume",
        ),
        pytest.param(
            {"claims": (SeenClaim("claim-ann", "pv-1", "vol-1"),), "volumes": (home_volume(tags={OWNER: MINE}),)},
            HomeAction.USE,
            id="bound-by-hand-to-a-volume-that-is-mine",
        ),
    ],
)
def test_what_else_carries_the_name(found: dict[str, Any], action: HomeAction) -> None:
    plan = plan_home(facts(**found))
    assert plan.action is action, plan.sentence


@pytest.mark.parametrize(("requested", "of_the_copy", "made"), [(100, 500, 500), (600, 500, 600), (500, 500, 500)])
def test_a_home_comes_back_no_smaller_than_it_was(requested: int, of_the_copy: int, made: int) -> None:
    plan = plan_home(facts(requested_gib=requested, snapshots=(copy_of("snap-1", size_gib=of_the_copy),)))
    assert (plan.action, plan.size_gib) == (HomeAction.RESTORE, made)


def test_data_under_the_other_scheme_s_claim_is_never_answered_with_an_empty_home() -> None:
    record = ann(username="a-b")
    holders = dict.fromkeys(("claim-a-2db", "claim-a-b"), "a-b")
    other = home_volume(tags={**home_volume().tags, **NAMED, "kubernetes.io/created-for/pvc/name": "claim-a-b"})
    plan = plan_home(facts(username="a-b", claim_name="claim-a-2db", record=record, claim_holders=holders, volumes=(other,)))
    assert plan.action is HomeAction.REFUSE
    assert "claim-a-b" in plan.sentence


OWNERS = st.sampled_from([MINE, EARLIER, ANOTHERS, None])
VOLUME_STATES = st.sampled_from(["available", "available", "in-use", "creating", "deleting", "deleted", "error", ""])
SNAPSHOT_STATES = st.sampled_from(["completed", "completed", "pending", "error", "recovering"])
VOLUME = st.builds(
    home_volume,
    st.sampled_from(["vol-1", "vol-2"]),
    OWNERS,
    state=VOLUME_STATES,
    zone=st.sampled_from(["us-east-1d", "us-east-1d", "us-east-1a"]),
    attached=st.booleans(),
)
COPY = st.builds(
    copy_of,
    st.sampled_from([f"snap-{letter}" for letter in string.ascii_lowercase[:6]]),
    st.sampled_from(["vol-1", "vol-1", "vol-9"]),
    OWNERS,
    st.integers(1, 20),
    state=SNAPSHOT_STATES,
    owner_id=st.sampled_from([ACCOUNT, ACCOUNT, ACCOUNT, "9" * 12]),
    more=st.sampled_from(
        [{}, {"server-stop-time": str(ago(6))}, {"server-stop-time": "no time"}, {"hubplane:ancestry": "vol-9@1"}]
    ),
)
CLAIM = st.builds(
    SeenClaim, st.just("claim-ann"), st.sampled_from([None, "pv-1"]), st.sampled_from([None, "vol-1", "vol-2"]), st.booleans()
)
HOMES = st.builds(
    facts,
    record=st.none() | st.builds(ann, status=st.sampled_from([Status.APPROVED, Status.APPROVED, *Status])),
    claims=st.lists(CLAIM, max_size=1).map(tuple),
    volumes=st.lists(VOLUME, max_size=2, unique_by=lambda item: item.volume_id).map(tuple),
    snapshots=st.lists(COPY, max_size=4, unique_by=lambda item: item.snapshot_id).map(tuple),
)


def owner(thing: Volume | Snapshot) -> str | None:
    return thing.tags.get(OWNER)


@given(HOMES)
def test_nobody_mounts_what_is_another_s(home: HomeFacts) -> None:
    plan = plan_home(home)
    if not plan.allowed:
        return
    assert home.record is not None
    assert home.record.status is Status.APPROVED
    marks = {item.volume_id: owner(item) for item in home.volumes} | {item.snapshot_id: owner(item) for item in home.snapshots}
    mounted = marks[plan.volume_id or plan.snapshot_id or ""] if plan.volume_id or plan.snapshot_id else None
    assert mounted != ANOTHERS
    if mounted is None:
        standing = {item.volume_id for item in home.volumes if item.state == "deleted"}
        assert ANOTHERS not in {mark for thing, mark in marks.items() if thing not in standing}


@given(HOMES)
def test_a_name_that_has_data_gets_the_newest_of_it_and_never_an_empty_volume(home: HomeFacts) -> None:
    plan = plan_home(home)
    volumes = [item for item in home.volumes if item.state != "deleted"]
    if plan.allowed and plan.volume_id is None and plan.snapshot_id is None:
        assert not volumes
        assert not home.snapshots
    if plan.action is HomeAction.RESTORE:
        assert not volumes
        [source] = [item for item in home.snapshots if item.snapshot_id == plan.snapshot_id]
        assert (source.state, source.owner_id) == ("completed", ACCOUNT)
        newer = [item for item in home.snapshots if item.started_at > source.started_at]
        assert all(item.state == "error" for item in newer)
    if plan.volume_id is not None:
        [mounted] = volumes
        assert (mounted.volume_id, mounted.zone) == (plan.volume_id, home.zone)
