"""Decision links: signed, for one person and one decision, once, until they expire."""

from __future__ import annotations

import base64
import dataclasses
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubplane.domain.registration.links import EXPIRED, UNUSABLE, USED, Link, LinkDecision, make_link_token, verify_link_token
from tests.unit.registration.people import NOW, OTHER_SUB, SUB

KEY = bytes(range(32))
LINK = Link("sar", SUB, LinkDecision.APPROVE, int((NOW + timedelta(days=7)).timestamp()), "nonce-1")
TOKEN = make_link_token(KEY, LINK)
ASKED: dict[str, Any] = {"now": NOW, "user_sub": SUB, "cluster": "sar"}


def test_a_link_decides_what_it_says() -> None:
    verdict = verify_link_token(KEY, TOKEN, **ASKED)
    assert verdict.decision.accepted
    assert verdict.link == LINK


def test_a_page_that_knows_only_the_token_learns_on_whom_it_decides() -> None:
    assert verify_link_token(KEY, TOKEN, now=NOW).link == LINK
    assert verify_link_token(KEY, forged(user_sub=OTHER_SUB), now=NOW).link is None


def test_of_the_two_links_of_a_mail_only_the_first_used_decides() -> None:
    other = make_link_token(KEY, dataclasses.replace(LINK, decision=LinkDecision.REFUSE))
    first = verify_link_token(KEY, TOKEN, **ASKED).link
    assert first is not None
    assert verify_link_token(KEY, other, **ASKED, spent={first.nonce}).decision.sentence == USED


def test_a_link_fits_into_an_address() -> None:
    assert set(TOKEN) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def forged(**instead: Any) -> str:
    """A token with other contents under the real token's signature."""
    payload = json.dumps({**dataclasses.asdict(LINK), **instead}, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(payload).rstrip(b"=").decode() + "." + TOKEN.partition(".")[2]


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "used twice": (TOKEN, {"spent": {"nonce-1"}}, USED),
    "late": (TOKEN, {"now": NOW + timedelta(days=8)}, EXPIRED),
    "in its last second": (TOKEN, {"now": NOW + timedelta(days=7)}, EXPIRED),
    "for another person": (TOKEN, {"user_sub": OTHER_SUB}, UNUSABLE),
    "for another cluster": (TOKEN, {"cluster": "ice"}, UNUSABLE),
    "signed with another key": (make_link_token(bytes(32), LINK), {}, UNUSABLE),
    "forged: another person": (forged(user_sub=OTHER_SUB), {"user_sub": OTHER_SUB}, UNUSABLE),
    "forged: later expiry": (forged(expires_at=2**40), {}, UNUSABLE),
    "forged: the other decision": (forged(decision="refuse"), {}, UNUSABLE),
    "forged: new nonce": (forged(nonce="nonce-2"), {}, UNUSABLE),
    "no signature": (TOKEN.partition(".")[0] + ".", {}, UNUSABLE),
    "no dot": (TOKEN.replace(".", ""), {}, UNUSABLE),
    "signature cut": (TOKEN[:-1], {}, UNUSABLE),
    "padding added": (TOKEN + "=", {}, UNUSABLE),
    "newline added": (TOKEN + "\n", {}, UNUSABLE),
    "blank before": (" " + TOKEN, {}, UNUSABLE),
    "empty": ("", {}, UNUSABLE),
    "very long": ("a" * 100_000 + "." + "b" * 43, {}, UNUSABLE),
}


@pytest.mark.parametrize(("token", "asked", "sentence"), REFUSED.values(), ids=REFUSED)
def test_every_other_link_decides_nothing(token: str, asked: dict[str, Any], sentence: str) -> None:
    verdict = verify_link_token(KEY, token, **{**ASKED, **asked})
    assert not verdict.decision.accepted
    assert verdict.link is None
    assert verdict.decision.sentence == sentence


def test_a_token_too_long_for_an_address_is_not_read_even_when_signed() -> None:
    link = dataclasses.replace(LINK, cluster="c" * 2000)
    assert not verify_link_token(KEY, make_link_token(KEY, link), **{**ASKED, "cluster": link.cluster}).decision.accepted


def test_a_signature_made_for_something_else_is_no_link() -> None:
    payload = TOKEN.partition(".")[0]
    plain = base64.urlsafe_b64encode(hmac.digest(KEY, payload.encode(), "sha256")).rstrip(b"=").decode()
    assert not verify_link_token(KEY, f"{payload}.{plain}", **ASKED).decision.accepted


@settings(max_examples=300, deadline=None)
@given(position=st.integers(0, len(TOKEN) - 1), character=st.characters(max_codepoint=0x2FF))
def test_no_single_character_may_differ(position: int, character: str) -> None:
    token = TOKEN[:position] + character + TOKEN[position + 1 :]
    assert verify_link_token(KEY, token, **ASKED).decision.accepted is (token == TOKEN)


@settings(max_examples=300, deadline=None)
@given(token=st.text(max_size=200), sub=st.text(max_size=50), cluster=st.text(max_size=20))
def test_no_text_is_an_error(token: str, sub: str, cluster: str) -> None:
    assert not verify_link_token(KEY, token, now=NOW, user_sub=sub, cluster=cluster).decision.accepted
    assert verify_link_token(KEY, TOKEN, now=NOW, user_sub=sub, cluster=cluster).decision.accepted is (
        (sub, cluster) == (SUB, "sar")
    )


WEAK = {
    "short key": (b"x" * 31, LINK),
    "nobody": (KEY, dataclasses.replace(LINK, user_sub="")),
    "no nonce": (KEY, dataclasses.replace(LINK, nonce="")),
}


@pytest.mark.parametrize(("key", "link"), WEAK.values(), ids=WEAK)
def test_a_link_that_would_be_weak_is_not_made(key: bytes, link: Link) -> None:
    with pytest.raises(ValueError, match=r"bytes|needs"):
        make_link_token(key, link)
