"""The page behind a decision link: it asks to confirm, and says afterwards what became of it.

A GET shows it and changes nothing, because scanners follow every link of a mail. What a link's holder reads is about that one
person; a link that is no use says nothing about anybody. The page needs nothing from elsewhere and runs no script.
"""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jinja2

from hubplane.domain.mail.fields import one_line
from hubplane.domain.registration.inputs import MAX_REASON_LENGTH
from hubplane.domain.registration.links import EXPIRED, USED, Link, LinkDecision
from hubplane.domain.registration.review import MAX_NAME_LENGTH, Outcome, Review, Ruling

PAGES: Final = pathlib.Path(__file__).parent / "pages"

BY_HAND: Final = "The mail names the waiting execution, and docs/runbooks/review-sign-up.md says how to decide by hand"


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered: HTTP status, headers with lower-case names, HTML."""

    status: int
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Form:
    """What was filled in; every field is cleaned text. ``clusters`` are those whose box is checked."""

    by: str = ""
    reason: str = ""
    clusters: tuple[str, ...] = ()


def read_form(fields: Mapping[str, Collection[str]]) -> Form:
    """The form out of decoded fields (each a list of values, as HTML forms repeat names). Absent fields are empty."""
    clusters = tuple(sorted({one_line(name) for name in fields.get("cluster", ())}))
    return Form(by=one_line(_first(fields, "by")), reason=one_line(_first(fields, "reason"), 10**6), clusters=clusters)


def ruling_of(link: Link, form: Form, clusters: Collection[str]) -> Ruling | str:
    """The ruling that a filled form is, or what is wrong with it. ``clusters`` are those that can be chosen.

    Without a cluster there is nothing to choose, and the installation's default holds.
    """
    if not form.by or len(form.by) > MAX_NAME_LENGTH:
        return f"Please give your name, in at most {MAX_NAME_LENGTH} characters"
    by = f"{form.by} (decision link)"
    if link.decision is LinkDecision.REFUSE:
        if not form.reason or len(form.reason) > MAX_REASON_LENGTH:
            return f"Please say why, in at most {MAX_REASON_LENGTH} characters"
        return Ruling(Outcome.REFUSED, by, form.reason)
    if not set(form.clusters) <= set(clusters):
        return "One of the chosen clusters is not there any more. Please choose again"
    if clusters and not form.clusters:
        return "Please choose at least one cluster, or refuse with the other link of the mail"
    return Ruling(Outcome.APPROVED, by, "approved by a decision link", form.clusters if clusters else None)


def question(
    link: Link,
    review: Review,
    token: str,
    clusters: Collection[str],
    *,
    style_nonce: str,
    form: Form | None = None,
    fault: str = "",
) -> Page:
    """The page that asks to confirm. With ``form`` and ``fault`` it is what was filled in, and what to change."""
    approves = link.decision is LinkDecision.APPROVE
    filled = form or Form(clusters=tuple(clusters))
    return _page(
        400 if fault else 200,
        style_nonce,
        title=f"{'Approve' if approves else 'Refuse'} {one_line(review.username)}?",
        fault=fault,
        lines=[] if fault else ["Nothing is decided before you press the button"],
        person={name: one_line(getattr(review, name)) for name in ("username", "email", "signed_up_at")},
        approves=approves,
        token=token,
        clusters=[{"name": name, "chosen": name in filled.clusters} for name in sorted(clusters)],
        by=filled.by,
        reason=filled.reason,
        max_reason=MAX_REASON_LENGTH,
        max_name=MAX_NAME_LENGTH,
    )


def decided(ruling: Ruling, username: str, *, style_nonce: str) -> Page:
    """The page after a decision was stored."""
    done = (
        "is approved and gets a mail within minutes"
        if ruling.outcome is Outcome.APPROVED
        else "is told by mail, with your reason"
    )
    return _page(200, style_nonce, title="Decided", lines=[f"{one_line(username)} {done}"])


def no_use(sentence: str, *, style_nonce: str) -> Page:
    """The page for a link that decides nothing: forged, late, used, or for somebody else."""
    status = {USED: 409, EXPIRED: 410}.get(sentence, 403)
    return _page(
        status, style_nonce, title="This link decides nothing", lines=[sentence, *([] if sentence == USED else [BY_HAND])]
    )


def refused_request(status: int, sentence: str, *, style_nonce: str, allow: str = "") -> Page:
    """The page for a request that is none of this page's: wrong method, too large, no form; or a moment's trouble."""
    return _page(status, style_nonce, {"allow": allow} if allow else {}, title="That did not work", lines=[sentence])


def _page(status: int, style_nonce: str, more: Mapping[str, str] | None = None, **context: Any) -> Page:
    filled = {"fault": "", "person": None, "style_nonce": style_nonce, **context}
    html = _templates().get_template("decision.html").render(filled)
    policy = f"default-src 'none'; style-src 'nonce-{style_nonce}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        # The address holds the token: no other site and no cache may learn it.
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "x-robots-tag": "noindex",
        "strict-transport-security": "max-age=31536000",
        **(more or {}),
    }
    return Page(status, html, headers)


@functools.cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _first(fields: Mapping[str, Collection[str]], name: str) -> str:
    return next(iter(fields.get(name, ())), "")
