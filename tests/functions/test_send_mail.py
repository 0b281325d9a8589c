"""SendMail and RecordMailFeedback: each mail once, none lost, and nobody is written to who cannot or will not read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from hubplane.adapters.ledger_table import accepted_warnings
from hubplane.domain.mail.messages import MailMessage
from tests.functions.mail_world import TAKEN_ALL_THE_SAME, VISIBILITY, MailWorld

EVENTS = Path(__file__).resolve().parents[2] / "events"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailWorld]:
    with mock_aws():
        yield MailWorld(monkeypatch)


def wait(mail_id: str = "please_wait#1", **changes: Any) -> MailMessage:
    values = {"mail_id": mail_id, "name": "please_wait", "to": "ada@uni.example.org", "context": {"username": "ada"}}
    return MailMessage(**{**values, **changes})


def failed(mail_id: str = "build_failed#1") -> MailMessage:
    context = {
        "cluster": "sar",
        "stage": "CheckAccount",
        "error": "AccountNotReady",
        "cause": "no zone",
        "execution": "arn",
        "lock": "",
    }
    return MailMessage(mail_id, "build_failed", "sar", None, context)


def test_a_mail_is_sent_whole_and_recorded(world: MailWorld) -> None:
    world.ask(wait(facts={"attempt": 1}))
    assert world.deliver() == 0
    (sent,) = world.ses.taken
    assert sent["FromEmailAddress"] == "=?utf-8?q?Institut_f=C3=BCr_Radar?= <hub@example.org>"
    assert sent["ReplyToAddresses"] == ["help@example.org"]
    assert sent["Destination"] == {"ToAddresses": ["ada@uni.example.org"]}
    assert sent["ConfigurationSetName"] == "hubplane"
    body = sent["Content"]["Simple"]["Body"]
    assert "ada" in body["Text"]["Data"]
    assert "<html" in body["Html"]["Data"]
    entry = world.entry("please_wait#1")
    assert entry.items() >= {"name": "please_wait", "to": "ada@uni.example.org", "message_id": "message-1"}.items()
    assert "accepted_at" in entry
    assert "claimed_at" not in entry
    assert [json.loads(facts) for facts in entry["facts"]] == [{"attempt": 1}]


def test_the_real_input_is_a_mail_that_goes_out(world: MailWorld) -> None:
    event = json.loads((EVENTS / "send_mail.json").read_text())
    assert world.send_mail.handler(event, None) == {"batchItemFailures": []}
    assert len(world.ses.taken) == 1


@pytest.mark.parametrize(
    "name, to",
    [("build_failed", "operators@example.org"), ("password_changed", "admins@example.org")],
    ids=["operators", "admins"],
)
def test_a_mail_without_an_address_goes_to_its_audience(world: MailWorld, name: str, to: str) -> None:
    context = {"username": "ada", "changed_at": "2026-11-23"}
    world.ask(failed() if name == "build_failed" else MailMessage("password_changed#1", name, None, None, context))
    world.deliver()
    assert world.ses.taken[0]["Destination"]["ToAddresses"] == [to]


@pytest.mark.parametrize(
    "environment, message, to, words",
    [
        (
            {"ADMIN_EMAIL": ""},
            MailMessage("p#1", "password_changed", None, None, {"username": "a", "changed_at": "b"}),
            "operators@example.org",
            None,
        ),
        ({"ADMIN_EMAIL": "", "OPERATOR_EMAIL": ""}, failed("p#1"), None, "OperatorEmail is not set"),
        ({}, MailMessage("p#1", "please_wait", None, None, {"username": "ada"}), None, "no address of this person"),
    ],
    ids=["admins-fall-back-to-operators", "no-operators", "person-without-address"],
)
def test_whoever_cannot_be_found_is_recorded_and_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], message: MailMessage, to: str | None, words: str | None
) -> None:
    with mock_aws():
        world = MailWorld(monkeypatch, **environment)
        world.ask(message)
        assert world.deliver() == 0
        assert [mail["Destination"]["ToAddresses"] for mail in world.ses.taken] == ([[to]] if to else [])
        entry = world.entry("p#1", message.cluster_name or "people")
        assert (words is None) == ("accepted_at" in entry)
        assert words is None or words in entry["reason"]


def test_asked_three_times_a_mail_goes_once(world: MailWorld) -> None:
    world.ask(wait(), wait(), wait())
    world.deliver()
    world.ask(wait())
    assert world.deliver() == 0
    assert len(world.ses.taken) == 1


@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    times=st.integers(1, 3),
    cuts=st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=4),
    news_is_late=st.booleans(),
    asked_again_between=st.booleans(),
)
def test_crashes_between_any_two_calls_send_a_mail_once_and_leave_one_record(
    times: int, cuts: list[int | None], news_is_late: bool, asked_again_between: bool
) -> None:
    """SES's SEND event comes within the visibility timeout; with it, once means once."""
    with pytest.MonkeyPatch.context() as monkeypatch, mock_aws():
        world = MailWorld(monkeypatch)
        world.ask(*[wait() for _ in range(times)])
        for cut in cuts:
            before = len(world.ses.taken)
            world.deliver(cut)
            for number in range(before, len(world.ses.taken)):
                for _ in range(2 if news_is_late else 1):
                    world.hear(world.ses.event(number, "Send"))
            if asked_again_between:
                world.ask(wait())
        for _ in range(3):
            world.deliver()
        assert world.bodies == {}
        assert len(world.ses.taken) == 1
        assert world.entries() == ["mail#please_wait#1"]
        assert "accepted_at" in world.entry("please_wait#1")


@pytest.mark.parametrize("cut, most", [(4, 1), (5, 2), (6, 2)], ids=["before-ses", "after-ses", "before-the-mark"])
def test_where_no_event_tells_a_mail_may_come_twice_but_is_never_lost(world: MailWorld, cut: int, most: int) -> None:
    """The window that is left: a crash between SES's answer and the mark, and no SEND event until the claim has settled."""
    world.ask(wait())
    world.deliver(cut)
    assert world.deliver() == 0
    assert len(world.ses.taken) == most
    assert "accepted_at" in world.entry("please_wait#1")


def test_a_claim_that_has_not_settled_is_left_alone(world: MailWorld) -> None:
    world.ask(wait())
    world.deliver(5)
    world.clock.at -= VISIBILITY
    assert world.deliver() == 1
    assert len(world.ses.taken) == 1


@pytest.mark.parametrize(
    "trouble, status",
    [
        ("TooManyRequestsException", 429),
        ("LimitExceededException", 400),
        ("SendingPausedException", 400),
        ("AccountSuspendedException", 400),
        ("InternalFailure", 500),
        ("timeout", 0),
    ],
)
def test_a_mail_service_that_is_down_for_an_hour_loses_nothing(world: MailWorld, trouble: str, status: int) -> None:
    world.ses.trouble, world.ses.status = trouble, status
    world.ask(*[wait(f"please_wait#{number}") for number in range(25)])
    for _ in range(6):
        assert world.deliver() == 25
    assert world.ses.taken == []
    world.ses.trouble = None
    for _ in range(4):
        world.deliver()
    assert world.bodies == {}
    assert len(world.ses.taken) == 25


@pytest.mark.parametrize("trouble", TAKEN_ALL_THE_SAME)
def test_an_unclear_answer_is_no_second_mail_however_soon_it_is_asked_for_again(world: MailWorld, trouble: str) -> None:
    world.ses.trouble = trouble
    world.ask(wait())
    assert world.deliver() == 1
    world.ses.trouble = None
    world.clock.at -= VISIBILITY
    world.ask(wait())
    assert world.deliver() == 2
    assert len(world.ses.taken) == 1
    world.hear(world.ses.event(0, "Send"))
    assert world.deliver() == 0
    assert len(world.ses.taken) == 1


@pytest.mark.parametrize(
    "trouble, words, left",
    [
        ("MessageRejected", "Email address is not verified. … US-EAST-1: ada@uni.example.org", 0),
        ("BadRequestException", "Illegal address", 0),
        ("MessageRejected", "Email address is not verified. … US-EAST-1: Hub@example.org", 1),
        ("MailFromDomainNotVerifiedException", "domain", 1),
    ],
    ids=["recipient-in-the-sandbox", "address", "our-own-identity", "our-own-domain"],
)
def test_what_ses_refuses_is_recorded_and_what_is_our_own_fault_waits(
    world: MailWorld, trouble: str, words: str, left: int
) -> None:
    world.ses.trouble, world.ses.words = trouble, words
    world.ask(wait())
    assert world.deliver() == left
    entry = world.entry("please_wait#1")
    assert words in entry["reason"]
    assert ("refused_at" in entry) == (left == 0)
    assert "accepted_at" not in entry
    world.ses.trouble = None
    world.ask(wait())
    assert world.deliver() == 0
    assert len(world.ses.taken) == 1


def test_what_can_never_be_sent_stays_for_the_dead_letter_queue_and_holds_nobody_up(world: MailWorld) -> None:
    world.ask("no json", '{"mail_id": "x", "name": "no_such_mail"}', wait())
    assert world.deliver() == 2
    assert len(world.ses.taken) == 1


def test_the_rate_is_kept_in_each_environment(world: MailWorld) -> None:
    world.ask(*[wait(f"please_wait#{number}") for number in range(4)])
    world.deliver()
    assert world.stopwatch.pauses == pytest.approx([0, 0.2, 0.2, 0.2])
    world.ask(wait("please_wait#later"))
    world.stopwatch.at += 0.05
    world.deliver()
    assert world.stopwatch.pauses[-1] == pytest.approx(0.15)


HOSTILE = "<script>alert(1)</script>\r\nBcc: all@example.org\n\n<img src=x onerror=y>{{ 7*7 }}"


def test_html_and_headers_in_a_persons_words_go_through_the_queue_harmlessly(world: MailWorld) -> None:
    context = {"username": HOSTILE, "reason": HOSTILE}
    world.ask(MailMessage("refused#1", "refused", None, "ada@uni.example.org", context))
    world.deliver()
    content = world.ses.taken[0]["Content"]["Simple"]
    html = content["Body"]["Html"]["Data"]
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "\n" not in content["Subject"]["Data"]
    assert "\nBcc" not in content["Body"]["Text"]["Data"]
    assert "49" not in html
    assert world.ses.taken[0]["Destination"] == {"ToAddresses": ["ada@uni.example.org"]}


def warning(snapshot: str = "snap-1", days: int = 5, to: str = "Ada@uni.example.org") -> MailMessage:
    context = {
        "username": "ada",
        "cluster": "sar",
        "days_left": days,
        "deleted_on": "2026-11-28",
        "sign_in_url": "https://sar.example.org/",
    }
    facts = {
        "snapshot_id": snapshot,
        "owner_sub": "sub-of-ada",
        "last_used_at": "2026-08-01T00:00:00+00:00",
        "days_before": days,
        "announced_delete_at": "2026-11-29T10:00:00+00:00",
    }
    return MailMessage(f"storage_warning#sar#{snapshot}#2026-08-01#{days}", "storage_warning", "sar", to, context, facts)


def accepted(world: MailWorld) -> list[int]:
    """The days before of the warnings that count, as the storage night reads them."""
    return [warning.days_before for warning in accepted_warnings(world.dynamodb, "ledger", "sar")]


def test_a_bounce_takes_a_warning_back_and_stops_the_next_one(world: MailWorld) -> None:
    world.ask(warning(days=5))
    world.deliver()
    assert accepted(world) == [5]
    world.hear(world.ses.bounce(0))
    assert accepted(world) == []
    assert "accepted_at" not in world.entry(warning(days=5).mail_id, "sar")
    world.ask(warning(days=5), warning(days=3, to="ada@uni.example.org"))
    assert world.deliver() == 0
    assert len(world.ses.taken) == 1
    assert accepted(world) == []
    assert world.entry(warning(days=3).mail_id, "sar")["reason"].startswith("suppressed: bounced (Permanent General)")


def test_news_out_of_order_does_not_bring_a_bounced_warning_back(world: MailWorld) -> None:
    world.ask(warning())
    world.deliver(5)
    world.hear(world.ses.bounce(0))
    world.hear(world.ses.event(0, "Send"))
    assert world.deliver() == 0
    assert len(world.ses.taken) == 1
    assert accepted(world) == []
    assert "accepted_at" not in world.entry(warning().mail_id, "sar")


def test_a_complaint_stops_mail_but_what_was_read_counts(world: MailWorld) -> None:
    world.ask(warning(days=5))
    world.deliver()
    complained = {"complainedRecipients": [{"emailAddress": "Ada <ADA@uni.example.org>"}]}
    world.hear(world.ses.event(0, "Complaint", complaint=complained))
    world.ask(warning(days=3))
    world.deliver()
    assert accepted(world) == [5]


@pytest.mark.parametrize("kind", ["Transient", "Undetermined"])
def test_a_bounce_that_is_not_for_good_does_not_count_and_cuts_nobody_off(world: MailWorld, kind: str) -> None:
    world.ask(warning(days=5))
    world.deliver()
    world.hear(world.ses.bounce(0, kind))
    assert accepted(world) == []
    world.ask(warning(days=5))
    world.deliver()
    assert accepted(world) == [5]
    world.hear(world.ses.event(0, "Send"))
    world.hear(world.ses.bounce(0, kind))
    assert accepted(world) == [5], "the first try's late news say nothing about the second"


def test_an_address_that_is_good_again_gets_what_is_asked_for_again(world: MailWorld) -> None:
    world.ask(warning(days=5))
    world.deliver()
    world.hear(world.ses.bounce(0))
    world.ask(warning(days=3))
    world.deliver()
    key = {"cluster": {"S": "people"}, "entry": {"S": "suppressed#ada@uni.example.org"}}
    world.dynamodb.delete_item(TableName="ledger", Key=key)
    world.ask(warning(days=3))
    world.deliver()
    assert accepted(world) == [3]


def test_a_second_try_that_tells_another_date_leaves_both_in_the_record(world: MailWorld) -> None:
    first = warning()
    second = replace(first, facts={**first.facts, "announced_delete_at": "2026-11-30T10:00:00+00:00"})
    world.ask(first)
    world.deliver(5)
    world.bodies.clear()
    world.ask(second)
    world.deliver()
    told = {warning.announced_delete_at.day for warning in accepted_warnings(world.dynamodb, "ledger", "sar")}
    assert told == {29, 30}


def test_the_real_bounce_is_recorded_and_news_of_others_mail_changes_no_entry(world: MailWorld) -> None:
    event = json.loads((EVENTS / "record_mail_feedback.json").read_text())
    assert world.hear(event)["changes"] == ["1 address(es) get no more mail: bounced"]
    assert world.entries() == ["suppressed#ada@uni.example.org"]
    hello = {"Records": [{"Sns": {"Message": "Successfully validated SNS topic for Amazon SES event publishing."}}]}
    assert world.hear(hello)["changes"] == []
