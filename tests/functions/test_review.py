"""The review of a sign-up: asked by mail, decided once by whoever is first, made true however often it is cut off."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubplane.adapters.reviews import Reviews
from hubplane.domain.errors import PersonInputInvalid
from hubplane.domain.mail.rendering import render
from hubplane.domain.registration.records import Status
from hubplane.domain.registration.review import Outcome, Ruling
from tests.functions.people_world import EXECUTION, KEY, People, crashes_of


def test_the_admins_get_one_mail_with_both_links(people: People) -> None:
    sub = people.sign_up()
    people.ask(sub)
    people.ask(sub)
    (mail,) = people.mails().values()
    assert (mail.name, mail.to, mail.context["reminder_number"]) == ("please_review", None, 0)
    assert mail.context["execution"] == EXECUTION
    assert KEY.decode() not in mail.to_json()
    render(mail.name, {"institution": "OpenSARLab", "contact": "help@example.org", **mail.context})
    assert people.review(sub).task_token == "token-1"


def test_an_approval_by_link_is_handed_on_and_made_true(people: People) -> None:
    sub = people.sign_up()
    people.ask(sub)
    page = people.post(people.links()["approve"], cluster=["sar"])
    assert page["statusCode"] == 200
    answer = people.executions.answers["token-1"]
    assert answer == {
        "outcome": "approved",
        "by": "Grace (decision link)",
        "reason": "approved by a decision link",
        "clusters": ["sar"],
    }
    assert people.record().status is Status.PENDING, "the page decides, the machine acts"
    assert people.decide(sub, answer)["status"] == "approved"
    assert (people.record().status, people.record().clusters, people.enabled()) == (Status.APPROVED, ("sar",), True)
    mail = people.mails()[f"approved#{sub}"]
    assert (mail.to, mail.context["sign_in_url"]) == ("ada@uni.example.org", "https://sar.example.org")


def test_a_refusal_needs_its_reason_and_the_person_gets_it(people: People) -> None:
    sub = people.sign_up()
    people.ask(sub)
    token = people.links()["refuse"]
    assert people.post(token, reason=" \n ")["statusCode"] == 400
    assert people.executions.answers == {}
    assert people.post(token, reason="No project of ours")["statusCode"] == 200
    assert people.decide(sub, people.executions.answers["token-1"])["status"] == "refused"
    assert (people.record().status, people.enabled()) == (Status.REFUSED, False)
    assert people.mails()[f"refused#{sub}"].context["reason"] == "No project of ours"


@pytest.mark.parametrize("first", ["approve", "refuse"])
def test_of_two_admins_who_decide_at_once_one_decides_and_the_other_is_told(people: People, first: str) -> None:
    sub = people.sign_up()
    people.ask(sub)
    links = people.links()
    second = {"approve": "refuse", "refuse": "approve"}[first]
    faster: list[dict[str, Any]] = []

    def the_other_is_faster(operation: str) -> None:
        if operation == "update_item" and not faster:
            faster.append({})
            faster[0] = people.post(links[first], cluster=["sar"], reason="no", by="Grace")

    people.line.before = the_other_is_faster
    slower = people.post(links[second], cluster=["sar"], reason="no", by="Alan")
    assert (faster[0]["statusCode"], slower["statusCode"]) == (200, 409)
    ruling = people.review(sub).ruling
    assert ruling is not None
    assert ruling.by == "Grace (decision link)"
    assert people.executions.answers["token-1"]["outcome"] == {"approve": "approved", "refuse": "refused"}[first]


def test_a_link_and_a_hand_at_once_lead_to_the_first(people: People) -> None:
    sub = people.sign_up()
    people.ask(sub)
    people.post(people.links()["refuse"], reason="no project")
    result = people.decide(sub, {"approved": True, "by": "Alan"})
    assert (result["status"], people.record().status, people.enabled()) == ("refused", Status.REFUSED, False)
    assert f"approved#{sub}" not in people.mails()


def test_a_decision_given_as_input_counts_after_a_refusal_and_ends_who_waits(people: People) -> None:
    sub = people.sign_up()
    people.ask(sub)
    assert people.decide(sub, {"approved": False, "by": "Alan", "reason": "who is it?"})["status"] == "refused"
    assert people.decide(sub, {"approved": True, "by": "Grace", "clusters": ["sar"]}, given=True)["status"] == "approved"
    assert people.decide(sub, people.executions.answers["token-1"])["status"] == "approved", "who waited changes nothing more"
    assert set(people.mails()) >= {f"refused#{sub}", f"approved#{sub}"}


@pytest.mark.parametrize(
    ("decision", "fault"),
    [
        ("yes", "must be an object"),
        ({}, "approved = (absent)"),
        ({"approved": "true", "by": "x"}, 'approved = "true"'),
        ({"approved": True}, "by = (absent)"),
        ({"approved": True, "by": "  "}, "by ="),
        ({"approved": False, "by": "x"}, "reason: must say why"),
        ({"approved": True, "by": "x", "clusters": "sar"}, "clusters ="),
        ({"approved": True, "by": "x", "clusters": ["No Cluster"]}, "clusters ="),
        ({"outcome": "expired", "by": "x"}, "outcome ="),
    ],
)
def test_an_answer_that_is_no_decision_changes_nothing(people: People, decision: Any, fault: str) -> None:
    sub = people.sign_up()
    people.ask(sub)
    before = people.everything()
    with pytest.raises(PersonInputInvalid) as raised:
        people.decide(sub, decision)
    assert fault in str(raised.value)
    assert people.everything() == before


def test_without_a_cluster_an_approval_admits_to_what_is_built_by_then(new_world: Callable[..., People]) -> None:
    people = new_world("ice", "sar")
    sub = people.sign_up()
    assert people.decide(sub, {"approved": True, "by": "Grace"})["status"] == "approved"
    assert people.record().clusters == ("ice", "sar")


def test_reminders_come_at_their_days_and_missed_ones_are_one(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    sub = people.sign_up()
    people.ask(sub)
    for days in (1, 2, 3, 4, 10, 11):
        people.show_clocks(monkeypatch, timedelta(days=days))
        people.ask(sub, token=f"token-{days}")
    numbers = [mail.context["reminder_number"] for mail in people.mails().values()]
    assert sorted(numbers) == [0, 1, 3]
    approvals = {mail.context["approve_url"] for mail in people.mails().values()}
    assert len(approvals) == 1, "the links of a review are the same in every mail"


def test_without_a_decision_the_account_stays_pending_and_can_be_asked_about_again(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    sub = people.sign_up()
    people.ask(sub)
    old = people.links()["approve"]
    people.show_clocks(monkeypatch, timedelta(days=30))
    people.ask(sub, token="token-2")
    people.ask(sub, token="token-3")
    assert people.executions.answers["token-2"] == people.executions.answers["token-3"] == {"outcome": "expired"}
    expired = [mail for mail in people.mails().values() if mail.name == "review_expired"]
    assert [mail.context["start_again"] for mail in expired] == [
        "arn:aws:states:us-east-1:123456789012:stateMachine:hubplane-review-sign-up"
    ]
    assert people.record().status is Status.PENDING
    people.ask(sub, token="token-4", execution=EXECUTION + "-again")
    new = people.links()["approve"]
    assert new != old
    assert people.get(old)["statusCode"] == 410
    assert people.post(new, cluster=["sar"])["statusCode"] == 200
    assert people.executions.answers["token-4"]["outcome"] == "approved"


@pytest.mark.parametrize("status", [Status.APPROVED, Status.REFUSED, Status.DISABLED])
def test_nobody_is_asked_about_what_is_decided(people: People, status: Status) -> None:
    sub = people.sign_up(status=status)
    people.ask(sub)
    assert people.executions.answers["token-1"]["outcome"] == "withdrawn"
    assert people.mails() == {}
    assert people.decide(sub, people.executions.answers["token-1"])["status"] == status


def test_a_decision_whose_messenger_was_killed_is_handed_on_at_the_next_look(people: People) -> None:
    sub = people.sign_up()
    people.ask(sub)
    assert Reviews(people.dynamodb, "ledger").rule(people.review(sub), Ruling(Outcome.APPROVED, "Grace"), datetime.now(UTC))
    people.ask(sub, token="token-2")
    assert people.executions.answers["token-2"]["outcome"] == "approved"


@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_cut_off_anywhere_a_decision_leads_to_one_record_one_step_and_one_mail(
    new_world: Callable[[], People], decision: str
) -> None:
    given = {
        "approve": {"approved": True, "by": "Grace", "clusters": ["sar"]},
        "refuse": {"approved": False, "by": "Grace", "reason": "no project"},
    }[decision]
    subs: dict[int, str] = {}

    def world() -> People:
        people = new_world()
        subs[id(people)] = people.sign_up()
        people.ask(subs[id(people)])
        people.mails()
        people.line.calls = 0
        return people

    ended = set()
    for people in crashes_of(world, lambda people: people.decide(subs[id(people)], given) and None):
        record = people.record()
        mails = [mail_id.partition("#")[0] for mail_id in people.mails() if not mail_id.startswith("please_review")]
        ended.add((record.status, record.clusters, people.enabled(), tuple(mails), len(people.steps())))
    approved = (Status.APPROVED, ("sar",), True, ("approved",), 1)
    assert ended == {approved if decision == "approve" else (Status.REFUSED, (), False, ("refused",), 1)}


def test_cut_off_anywhere_the_question_is_one_mail_and_somebody_waits(new_world: Callable[[], People]) -> None:
    subs: dict[int, str] = {}

    def world() -> People:
        people = new_world()
        subs[id(people)] = people.sign_up()
        return people

    for people in crashes_of(world, lambda people: people.ask(subs[id(people)]) and None):
        assert len(people.mails()) == 1
        assert people.review(subs[id(people)]).task_token == "token-1"
        assert people.post(people.links()["approve"], cluster=["sar"])["statusCode"] == 200
        assert people.executions.answers["token-1"]["outcome"] == "approved"


def test_the_key_is_in_no_table_event_or_answer(people: People) -> None:
    sub = people.sign_up()
    people.ask(sub)
    people.post(people.links()["approve"], cluster=["sar"])
    people.decide(sub, people.executions.answers["token-1"])
    kept = people.everything() + json.dumps([mail.to_json() for mail in people.mails().values()])
    assert KEY.decode() not in kept
