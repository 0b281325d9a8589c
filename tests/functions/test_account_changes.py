"""Accounts that are enabled, disabled or deleted in the user pool itself: the record follows, a mail goes once, a review ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.errors import NotYet
from hubplane.domain.registration.account_events import account_event_of
from hubplane.domain.registration.records import Status, UserRecord
from tests.functions.people_world import FIRST, People, crashes_of

EVENT = json.loads((Path(__file__).resolve().parents[2] / "events/record_account_change.json").read_text())
HIDDEN = {"username": "HIDDEN_DUE_TO_SECURITY_REASONS", "userPoolId": "us-east-1_people"}
BY = "arn:aws:sts::553778890976:assumed-role/Admin/grace in the user pool"


def told(name: str, sub: str | None, **detail: Any) -> dict[str, Any]:
    """CloudTrail's event of one call."""
    more = {"additionalEventData": {"sub": sub}} if sub else {"additionalEventData": None}
    return {**EVENT, "detail": {**EVENT["detail"], "eventName": name, "requestParameters": HIDDEN, **more, **detail}}


def change(people: People, name: str, sub: str, **detail: Any) -> str:
    reason: str = people.run("record_account_change", told(name, sub, **detail))["reason"]
    return reason


@pytest.mark.parametrize("before", [Status.PENDING, Status.REFUSED])
def test_enabled_in_the_console_is_approved_and_told_once(people: People, before: Status) -> None:
    sub = people.sign_up(status=before)
    people.pool.accounts["ada"]["Enabled"] = True
    for _ in range(3):
        change(people, "AdminEnableUser", sub)
    record = people.record()
    assert (record.status, record.clusters) == (Status.APPROVED, ("sar",))
    assert list(people.mails()) == [f"approved#{sub}"]
    assert people.steps() == [f"user ada: {before} to approved for sar by {BY}: the account was enabled"]


@pytest.mark.parametrize("status", [Status.APPROVED, Status.DISABLED])
def test_who_was_given_no_cluster_is_given_none_by_an_event(people: People, status: Status) -> None:
    sub = people.sign_up(status=status)
    people.pool.accounts["ada"]["Enabled"] = True
    change(people, "AdminEnableUser", sub)
    assert (people.record().status, people.record().clusters) == (Status.APPROVED, ())


def test_enabled_in_the_console_ends_the_review_with_the_mail_that_everybody_gets_once(people: People) -> None:
    sub = people.sign_up()
    people.ask(sub)
    people.pool.accounts["ada"]["Enabled"] = True
    change(people, "AdminEnableUser", sub)
    assert people.decide(sub, people.executions.answers[FIRST])["status"] == "approved"
    assert [mail for mail in people.mails() if mail.startswith("approved")] == [f"approved#{sub}"]
    assert people.get(people.links()["refuse"])["statusCode"] == 409


def test_what_hubplane_does_itself_changes_nothing_twice(people: People) -> None:
    sub = people.sign_up()
    people.decide(sub, {"approved": True, "by": "Grace", "clusters": ["sar"]})
    people.mails()
    before = people.everything()
    change(people, "AdminEnableUser", sub)
    change(people, "AdminDisableUser", sub)
    assert people.everything() == before
    assert list(people.mails()) == [f"approved#{sub}"]
    written = [operation for operation, _ in people.pool.calls if operation.startswith("admin_") and "get" not in operation]
    assert written == ["admin_enable_user"], "CloudTrail would tell of another call, and so on for ever"


@pytest.mark.parametrize(
    ("name", "status", "enabled"),
    [
        pytest.param("AdminEnableUser", Status.PENDING, False, id="enabled, and disabled again since"),
        pytest.param("AdminDisableUser", Status.APPROVED, True, id="disabled before it was approved, told late"),
        pytest.param("AdminDisableUser", Status.PENDING, False, id="the trigger's own disabling"),
        pytest.param("AdminDisableUser", Status.REFUSED, False, id="disabled, and refused anyway"),
    ],
)
def test_where_event_and_pool_do_not_agree_nothing_follows(people: People, name: str, status: Status, enabled: bool) -> None:
    sub = people.sign_up(status=status)
    people.pool.accounts["ada"]["Enabled"] = enabled
    before = people.everything()
    assert "nothing follows" in change(people, name, sub)
    assert people.everything() == before


def test_disabled_in_the_console_keeps_the_clusters_for_when_it_is_enabled_again(people: People) -> None:
    sub = people.sign_up()
    people.decide(sub, {"approved": True, "by": "Grace", "clusters": ["ice"]})
    people.pool.accounts["ada"]["Enabled"] = False
    change(people, "AdminDisableUser", sub)
    assert people.record().status is Status.DISABLED
    people.pool.accounts["ada"]["Enabled"] = True
    change(people, "AdminEnableUser", sub)
    assert (people.record().status, people.record().clusters) == (Status.APPROVED, ("ice",))


@pytest.mark.parametrize("name", ["AdminDeleteUser", "DeleteUser"])
@pytest.mark.parametrize("asked", [True, False])
def test_a_deleted_account_leaves_a_tombstone_and_nobody_is_asked_any_more(people: People, name: str, asked: bool) -> None:
    sub = people.sign_up()
    if asked:
        people.ask(sub)
    people.pool.accounts.clear()
    for _ in range(2):
        change(people, name, sub, requestParameters=None if name == "DeleteUser" else HIDDEN)
    assert (people.record().status, people.record().sub) == (Status.TOMBSTONE, sub)
    assert len(people.steps()) == 1
    if asked:
        assert people.executions.answers[FIRST]["outcome"] == "withdrawn"
        assert people.decide(sub, people.executions.answers[FIRST])["status"] == "tombstone"


def test_a_name_deleted_and_made_again_at_once_is_a_tombstone_all_the_same(people: People) -> None:
    sub = people.sign_up()
    people.pool.add("ada", "eve@uni.example.org")
    change(people, "AdminDeleteUser", sub)
    assert (people.record().status, people.record().sub) == (Status.TOMBSTONE, sub)


def test_an_account_that_is_shown_after_its_deletion_is_looked_at_again(people: People) -> None:
    sub = people.sign_up()
    with pytest.raises(NotYet):
        change(people, "AdminDeleteUser", sub)
    assert people.record().status is Status.PENDING


def test_a_tombstone_is_not_enabled_back_to_life(people: People) -> None:
    sub = people.sign_up()
    users = UsersTable(people.dynamodb, "users")
    assert users.write(RecordChange(UserRecord("ada", sub, "ada@uni.example.org", Status.TOMBSTONE), people.record()))
    people.pool.accounts["ada"]["Enabled"] = True
    assert "nothing follows" in change(people, "AdminEnableUser", sub)
    assert people.record().status is Status.TOMBSTONE


def test_an_event_about_another_account_of_the_name_touches_nobody(people: People) -> None:
    people.sign_up()
    people.pool.accounts["ada"]["Enabled"] = True
    before = people.everything()
    named = {"username": "ada", "userPoolId": "us-east-1_people"}
    assert "without a record" in change(people, "AdminEnableUser", "another-sub", requestParameters=named)
    assert people.everything() == before


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"detail": None},
        {"detail": []},
        told("AdminEnableUser", None),
        told("AdminEnableUser", "s", errorCode="UserNotFoundException"),
        told("AdminEnableUser", "s", requestParameters={"userPoolId": "us-east-1_other"}),
        told("AdminResetUserPassword", "s"),
        told("AdminDeleteUser", None, requestParameters={"username": 7}),
    ],
)
def test_events_that_say_nothing_are_left_alone(people: People, event: dict[str, Any]) -> None:
    assert account_event_of(event, "us-east-1_people") is None
    before = people.everything()
    assert people.run("record_account_change", event)["changes"] == []
    assert people.everything() == before


def test_cut_off_anywhere_it_is_one_record_one_step_and_one_mail(new_world: Callable[[], People]) -> None:
    subs: dict[int, str] = {}

    def world() -> People:
        people = new_world()
        subs[id(people)] = people.sign_up()
        people.ask(subs[id(people)])
        people.pool.accounts["ada"]["Enabled"] = True
        people.line.calls = 0
        return people

    def act(people: People) -> None:
        change(people, "AdminEnableUser", subs[id(people)])

    for people in crashes_of(world, act):
        assert people.record().status is Status.APPROVED
        assert len(people.steps()) == 1
        assert [mail for mail in people.mails() if mail.startswith("approved")] == [f"approved#{subs[id(people)]}"]
        assert people.executions.answers[FIRST]["outcome"] == "approved"
