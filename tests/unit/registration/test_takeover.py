"""Fault 20 as a story: a person leaves, somebody else wants the name and what lies under it. It fails at three places."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hubplane.domain.names import claims_of
from hubplane.domain.registration.authentication import decide_authentication, groups_for_token, status_of
from hubplane.domain.registration.confirmation import CONFIRM_SIGN_UP, decide_confirmation
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.records import Status, UserRecord, change_status, tombstone
from hubplane.domain.registration.returning import allow_return
from hubplane.domain.registration.sign_up import SignUpPolicy, decide_sign_up
from tests.unit.registration.people import EMAIL, NOW, OTHER_SUB, SUB, asks, known_from

POLICY = SignUpPolicy()
THIEF = "eve@uni.example.org"


def member() -> UserRecord:
    pending = decide_confirmation(CONFIRM_SIGN_UP, asks("emlundell"), POLICY, Known(), sub=SUB, email_verified=True).record
    assert pending is not None
    return change_status(pending, Status.APPROVED, by="hubert", reason="known", clusters=["sar"]).record


LEFT = tombstone(member(), by="hubert", reason="left").record
KNOWN = known_from([LEFT], claims_of("emlundell").all)


def test_the_member_had_a_home() -> None:
    assert groups_for_token(member(), SUB) == ("cluster:sar",)
    assert SUB in member().subs


@pytest.mark.parametrize("name", ["emlundell", "EMLUNDELL"])
def test_first_the_sign_up_fails(name: str) -> None:
    assert not decide_sign_up(asks(name, THIEF), POLICY, KNOWN).accepted
    plan = decide_confirmation(CONFIRM_SIGN_UP, asks(name, THIEF), POLICY, KNOWN, sub=OTHER_SUB, email_verified=True)
    assert (plan.record, plan.account) == (None, "disable")


def test_then_the_token_fails_for_an_account_that_came_past_the_sign_up() -> None:
    """Made while the trigger was detached, or by AdminCreateUser in a console."""
    for record in (LEFT, member()):
        assert groups_for_token(record, OTHER_SUB, ("admins",)) == ()
        assert not decide_authentication(status_of(record, OTHER_SUB)).accepted


def test_then_the_spawn_fails_for_whoever_has_even_a_record_of_the_name() -> None:
    """The Users table was edited by hand: the home still carries the sub it belongs to."""
    assert SUB not in UserRecord("emlundell", OTHER_SUB, THIEF, Status.APPROVED, clusters=("sar",)).subs


def test_the_person_comes_back_through_an_admin_and_finds_the_home() -> None:
    allowed = known_from([allow_return(LEFT, by="hubert", now=NOW - timedelta(days=1)).record], claims_of("emlundell").all)
    assert not decide_sign_up(asks("emlundell", THIEF), POLICY, allowed).accepted, (
        "the permission is for the person, not for the name"
    )
    plan = decide_confirmation(CONFIRM_SIGN_UP, asks("emlundell", EMAIL), POLICY, allowed, sub=OTHER_SUB, email_verified=True)
    assert plan.record is not None
    assert plan.record.status is Status.PENDING, "not before the admins have approved"
    back = change_status(plan.record, Status.APPROVED, by="hubert", reason="it is her", clusters=["sar"]).record
    assert SUB in back.subs
    assert OTHER_SUB in back.subs
