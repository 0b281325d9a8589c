"""The page behind the admins' links: looking decides nothing, one answer decides, and odd requests learn nothing."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubplane.adapters.reviews import Reviews
from hubplane.domain.errors import NotYet
from hubplane.domain.registration.links import LinkDecision, make_link_token
from hubplane.domain.registration.review import Outcome, Review, Ruling, link_of
from tests.functions.people_world import EXECUTION, KEY, People, crashes_of


def test_looking_at_a_link_decides_nothing(people: People) -> None:
    people.ask(people.sign_up())
    before, links = people.everything(), people.links()
    for method, decision in itertools.product(("GET", "HEAD"), links):
        shown = people.get(links[decision], method)
        assert shown["statusCode"] == 200
        assert "ada@uni.example.org" in shown["body"]
    assert people.everything() == before


@pytest.mark.parametrize("second", ["approve", "refuse"])
def test_a_link_is_good_for_once_and_its_twin_goes_with_it(people: People, second: str) -> None:
    sub = people.sign_up()
    people.ask(sub)
    links = people.links()
    people.post(links["approve"], cluster=["sar"])
    before = people.everything()
    for page in (people.get(links[second]), people.post(links[second], reason="changed my mind", cluster=["sar"])):
        assert page["statusCode"] == 409
        assert "This decision was made before" in page["body"]
        assert "ada" not in page["body"]
    assert people.everything() == before


def with_a_broken_signature(people: People, _sub: str) -> str:
    other = people.sign_up("bob", "bob@uni.example.org")
    people.ask(other, "bob", "token-2")
    return make_link_token(KEY, link_of(people.review(other), LinkDecision.APPROVE)).replace(".", ".A")


def with_another_nonce(people: People, sub: str) -> str:
    review = people.review(sub)
    stolen = Review(**{**{name: getattr(review, name) for name in Review.__slots__}, "nonce": "another"})
    return make_link_token(KEY, link_of(stolen, LinkDecision.APPROVE))


def of_nobody(people: People, sub: str) -> str:
    review = people.review(sub)
    unknown = Review(**{**{name: getattr(review, name) for name in Review.__slots__}, "sub": "nobody"})
    return make_link_token(KEY, link_of(unknown, LinkDecision.APPROVE))


def with_another_key(people: People, sub: str) -> str:
    return make_link_token(b"x" * 64, link_of(people.review(sub), LinkDecision.APPROVE))


@pytest.mark.parametrize(
    "forge",
    [
        with_a_broken_signature,
        with_another_nonce,
        of_nobody,
        with_another_key,
        lambda *_: "",
        lambda *_: "a.b",
        lambda *_: "é" * 900,
        lambda *_: "A" * 5000,
        lambda *_: "<script>alert(1)</script>",
    ],
)
def test_a_link_that_is_not_this_reviews_decides_and_tells_nothing(people: People, forge: Callable[[People, str], str]) -> None:
    sub = people.sign_up()
    people.ask(sub)
    token = forge(people, sub)
    before = people.everything()
    for page in (people.get(token), people.post(token, cluster=["sar"])):
        assert page["statusCode"] == 403
        assert "This link is not valid" in page["body"]
        assert not [word for word in ("ada", "bob", "script", "sar<") if word in page["body"]]
    assert people.everything() == before


def test_a_link_made_for_one_person_does_not_decide_on_another(people: People) -> None:
    ada, bob = people.sign_up(), people.sign_up("bob", "bob@uni.example.org")
    people.ask(ada)
    token = people.links()["approve"]
    people.ask(bob, "bob", "token-2")
    people.post(token, cluster=["sar"])
    assert (people.review(ada).ruling is None, people.review(bob).ruling) == (False, None)
    assert "token-2" not in people.executions.answers


def test_a_late_link_says_so_and_decides_nothing(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    people.ask(people.sign_up())
    token, before = people.links()["approve"], people.everything()
    people.show_clocks(monkeypatch, timedelta(days=30))
    for page in (people.get(token), people.post(token, cluster=["sar"])):
        assert page["statusCode"] == 410
        assert "has expired" in page["body"]
        assert "ada" not in page["body"]
    assert people.everything() == before


INJECTION = """<img src=x onerror=alert(1)>"'><script>alert(2)</script>\r\nSet-Cookie: x=1\u202e{{ 7*7 }}"""


@pytest.mark.parametrize("field", ["username", "email", "signed_up_at"])
def test_what_a_person_wrote_is_text_on_the_page(people: People, field: str) -> None:
    people.sign_up()
    review = Review(
        **{"username": "ada", "email": "a@b.org", "signed_up_at": "now", field: INJECTION},
        sub="sub-1",
        nonce="n" * 24,
        asked_at=datetime.now(UTC),
        expires_at=datetime.now(UTC) + timedelta(days=1),
        execution_arn=EXECUTION,
    )
    Reviews(people.dynamodb, "ledger").open(review, None)
    for decision in LinkDecision:
        is_harmless(people.get(make_link_token(KEY, link_of(review, decision))))


@pytest.mark.parametrize("field", ["by", "reason", "cluster"])
def test_what_an_admin_wrote_is_text_on_the_page(people: People, field: str) -> None:
    people.ask(people.sign_up())
    links = people.links()
    for decision, fields in (("refuse", {"by": "", "reason": ""}), ("approve", {"by": "", "cluster": ["gone"]})):
        page = people.post(links[decision], **{**fields, field: INJECTION})
        is_harmless(page)


def is_harmless(page: dict[str, Any]) -> None:
    body, headers = page["body"], page["headers"]
    assert "<img" not in body
    assert "<script" not in body
    assert "\u202e" not in body
    assert not [value for value in headers.values() if "\r" in value or "\n" in value]
    assert "script-src" not in headers["content-security-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'nonce-")


def test_nothing_of_the_page_is_kept_sent_on_or_loaded(people: People) -> None:
    people.ask(people.sign_up())
    page = people.get(people.links()["approve"])
    assert page["headers"]["cache-control"] == "no-store"
    assert page["headers"]["referrer-policy"] == "no-referrer"
    assert page["headers"]["x-frame-options"] == "DENY"
    assert "http" not in page["body"]
    assert people.get("x")["headers"]["content-security-policy"] != people.get("x")["headers"]["content-security-policy"]


@pytest.mark.parametrize(
    ("event", "status"),
    [
        pytest.param({"requestContext": {"http": {"method": "DELETE"}}}, 405, id="another method"),
        pytest.param({}, 405, id="no request at all"),
        pytest.param({"requestContext": None, "headers": 7, "body": []}, 405, id="odd types"),
        pytest.param({"headers": {"content-type": "application/json"}, "body": "{}"}, 415, id="no form"),
        pytest.param({"body": "token=" + "A" * 17_000}, 413, id="too large"),
        pytest.param({"body": base64.b64encode(b"x" * 17_000).decode(), "isBase64Encoded": True}, 413, id="too large, in base64"),
        pytest.param({"body": "no base64!", "isBase64Encoded": True}, 400, id="broken base64"),
        pytest.param({"body": "&".join(["a=b"] * 300)}, 400, id="too many fields"),
        pytest.param({"body": "\udcff=\udcff"}, 403, id="no UTF-8"),
        pytest.param({"body": ["token"]}, 413, id="a body that is no text"),
    ],
)
def test_other_requests_get_an_answer_too(people: People, event: dict[str, Any], status: int) -> None:
    form = {"headers": {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}} if "body" in event else {}
    post = {"requestContext": {"http": {"method": "POST"}}} if "body" in event else {}
    page = people.run("decide_sign_up", {**post, **form, **event})
    assert page["statusCode"] == status
    assert page["body"].startswith("<!DOCTYPE html>")
    assert ("allow" in page["headers"]) == (status == 405)


def test_a_form_in_base64_counts(people: People) -> None:
    people.ask(people.sign_up())
    body = base64.b64encode(f"token={people.links()['approve']}&by=Grace&cluster=sar".encode()).decode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    event = {"body": body, "isBase64Encoded": True, "headers": headers, "requestContext": {"http": {"method": "POST"}}}
    assert people.run("decide_sign_up", event)["statusCode"] == 200
    assert people.executions.answers["token-1"]["outcome"] == "approved"


def test_what_is_chosen_has_to_exist(people: People) -> None:
    people.ask(people.sign_up())
    token = people.links()["approve"]
    assert people.post(token, cluster=["sar", "gone"])["statusCode"] == 400
    assert people.post(token)["statusCode"] == 400
    assert people.executions.answers == {}


def test_a_page_that_was_cut_off_is_finished_by_pressing_again(people: People) -> None:
    sub = people.sign_up()
    people.ask(sub)
    token = people.links()["approve"]
    assert Reviews(people.dynamodb, "ledger").rule(people.review(sub), Ruling(Outcome.APPROVED, "Grace"), datetime.now(UTC))
    assert people.post(token, cluster=["sar"])["statusCode"] == 409
    assert people.executions.answers["token-1"]["outcome"] == "approved"


def test_the_page_says_when_something_is_slow(people: People) -> None:
    people.ask(people.sign_up())
    token = people.links()["approve"]

    class Slow:
        def __getattr__(self, name: str) -> Any:
            def call(**_: Any) -> Any:
                raise NotYet("the table is slow")

            return call

    people.clients["dynamodb"] = Slow()
    page = people.get(token)
    assert (page["statusCode"], "table" in page["body"]) == (503, False)


def test_cut_off_anywhere_the_page_decides_once_and_hands_on(new_world: Callable[[], People]) -> None:
    links: dict[int, dict[str, str]] = {}

    def world() -> People:
        people = new_world()
        people.ask(people.sign_up())
        links[id(people)] = people.links()
        people.line.calls = 0
        return people

    for people in crashes_of(world, lambda people: people.post(links[id(people)]["approve"], cluster=["sar"]) and None):
        people.post(links[id(people)]["refuse"], reason="no")
        assert people.executions.answers["token-1"]["outcome"] == "approved"
