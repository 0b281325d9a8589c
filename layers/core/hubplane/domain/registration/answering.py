"""What the page behind a decision link answers: looked at, it changes nothing; its form decides, once.

Only a token with a good signature gets as far as the tables, and only a link that may still decide shows a person. A ruling is
stored first and handed to the waiting execution after, so what is lost in between is handed on by pressing the button again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hubplane.domain.registration import decision_page
from hubplane.domain.registration.decision_page import Page
from hubplane.domain.registration.links import USED, Link, verify_link_token
from hubplane.domain.registration.review import Review, Ruling, why_link_is_no_use

__all__ = ["Asked", "Hands", "respond"]

LOOKS: Final = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: ``fields`` of the form where the method is POST, else of the address. ``style_nonce`` is good for one page."""

    method: str
    fields: Mapping[str, list[str]]
    style_nonce: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Hands:
    """What it takes to answer. Every call may be repeated.

    ``key`` signs links. ``rule`` stores a ruling, False where one is stored. ``clusters`` are those that can be chosen. ``wake``
    hands a ruling to whoever waits with a token. ``tell`` writes a line into the log, with its fields.
    """

    key: Callable[[], bytes]
    review: Callable[[str], Review | None]
    rule: Callable[[Review, Ruling], bool]
    clusters: Callable[[], Sequence[str]]
    wake: Callable[[str, Ruling], object]
    tell: Callable[[str, Mapping[str, str]], None]


def respond(asked: Asked, hands: Hands) -> Page:
    """The page for ``asked``; a form that may decide has decided then. Raises what ``hands`` raise."""
    nonce = asked.style_nonce
    if asked.method not in (*LOOKS, "POST"):
        sentence = "This page is only looked at, or answered by its own form"
        return decision_page.refused_request(405, sentence, style_nonce=nonce, allow="GET, HEAD, POST")
    token = next(iter(asked.fields.get("token", ())), "")
    verdict = verify_link_token(hands.key(), token, now=asked.now)
    if verdict.link is None:
        hands.tell("no use", {"cause": verdict.decision.reason})
        return decision_page.no_use(verdict.decision.sentence, style_nonce=nonce)
    review = hands.review(verdict.link.user_sub)
    useless = why_link_is_no_use(verdict.link, review)
    if useless or review is None:
        if asked.method == "POST" and useless == USED:
            _wake(verdict.link, hands)
        return decision_page.no_use(str(useless), style_nonce=nonce)
    clusters = hands.clusters()
    if asked.method != "POST":
        return decision_page.question(verdict.link, review, token, clusters, style_nonce=nonce)
    return _decide(asked, verdict.link, review, token, clusters, hands)


def _decide(asked: Asked, link: Link, review: Review, token: str, clusters: Sequence[str], hands: Hands) -> Page:
    """Store what the form says, and hand it to the waiting execution."""
    nonce, form = asked.style_nonce, decision_page.read_form(asked.fields)
    ruling = decision_page.ruling_of(link, form, clusters)
    if isinstance(ruling, str):
        return decision_page.question(link, review, token, clusters, style_nonce=nonce, form=form, fault=ruling)
    if not hands.rule(review, ruling):
        return decision_page.no_use(USED, style_nonce=nonce)
    hands.tell("decided", {"username": review.username, "outcome": str(ruling.outcome), "by": ruling.by})
    _wake(link, hands)
    return decision_page.decided(ruling, review.username, style_nonce=nonce)


def _wake(link: Link, hands: Hands) -> None:
    """Hand the stored ruling to the execution that waits now; the one that waited when the page was shown may be another."""
    review = hands.review(link.user_sub)
    if review is not None and review.ruling is not None and review.task_token is not None:
        hands.wake(review.task_token, review.ruling)
