"""The page behind the admins' links, as a phone shows it: it fits, it can be read day and night, and asks for nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubplane.domain.registration import decision_page
from hubplane.domain.registration.decision_page import Form
from hubplane.domain.registration.links import EXPIRED, LinkDecision
from hubplane.domain.registration.review import Outcome, Review, Ruling, link_of
from tests.browser.conftest import OpenPage

WHEN = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
REVIEW = Review(
    sub="0b6f3c1e-7d52-4b0c-9a35-2f6f0f1f3c11",
    username="ada_lovelace_of_a_long_name_1234",
    email="augusta.ada.king.countess.of.lovelace@department.of.analytical.engines.uni.example.org",
    signed_up_at="2026-11-23 12:00 UTC",
    nonce="n" * 24,
    asked_at=WHEN,
    expires_at=WHEN,
    execution_arn="arn",
)
CLUSTERS = ["opensarlab", "a-cluster-of-thirty-two-letters1"]


def pages() -> dict[str, decision_page.Page]:
    approve, refuse = link_of(REVIEW, LinkDecision.APPROVE), link_of(REVIEW, LinkDecision.REFUSE)
    wrong = Form(by="Grace", reason="W" * 400)
    return {
        "approve": decision_page.question(approve, REVIEW, "T" * 300, CLUSTERS, style_nonce="abc"),
        "refuse": decision_page.question(refuse, REVIEW, "T" * 300, CLUSTERS, style_nonce="abc"),
        "wrong": decision_page.question(refuse, REVIEW, "T", [], style_nonce="abc", form=wrong, fault="Please say why"),
        "decided": decision_page.decided(Ruling(Outcome.APPROVED, "Grace"), REVIEW.username, style_nonce="abc"),
        "late": decision_page.no_use(EXPIRED, style_nonce="abc"),
    }


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", [320, 1200])
@pytest.mark.parametrize("name", pages())
def test_a_page_fits_and_asks_for_nothing(open_page: OpenPage, tmp_path: Path, name: str, width: int, dark: bool) -> None:
    page = pages()[name]
    # The policy comes with the answer; in a file it has to stand in the page itself.
    policy = page.headers["content-security-policy"].replace("frame-ancestors 'none'; ", "")
    html = page.html.replace("<head>", f'<head><meta http-equiv="Content-Security-Policy" content="{policy}">')
    (tmp_path / "page.html").write_text(html)
    shown = open_page(tmp_path / "page.html", width, 640, dark=dark)
    assert shown.overflow_px == 0
    assert shown.requests == []
    assert shown.console_errors == []
    assert shown.evaluate("getComputedStyle(document.querySelector('h1')).lineHeight") != "normal", "the style is allowed in"
    if name in ("approve", "refuse"):
        assert shown.evaluate("document.querySelector('button').getBoundingClientRect().height") >= 40, "a thumb hits it"
        assert shown.evaluate("document.forms[0].method") == "post"
