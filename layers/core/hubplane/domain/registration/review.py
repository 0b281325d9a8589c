"""A sign-up that waits for an admin: what is kept of it, what may end it, and what is due when it is looked at.

::

    asked ──> ruled (approved, refused, withdrawn)      the first ruling stays, whoever gives it and however
      └─────> expired ──> asked again, with new links, when somebody starts the review again

``nonce`` is that of the links. A link decides only while its nonce is the review's and no ruling is stored, and the ruling is
stored under that condition in one write: this is what makes a link good for once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from hubplane.domain.errors import PersonInputInvalid
from hubplane.domain.machine_inputs import is_cluster_name, shown
from hubplane.domain.mail.fields import one_line
from hubplane.domain.registration.inputs import MAX_REASON_LENGTH
from hubplane.domain.registration.links import UNUSABLE, USED, Link, LinkDecision
from hubplane.domain.registration.records import Status

MAX_NAME_LENGTH: Final = 100
"""Of whoever decides; an ARN of IAM has up to some hundred characters and is cut where it is shown only."""


class Outcome(StrEnum):
    """``WITHDRAWN``: the account is gone, or was decided on before anybody asked; there is nothing to decide."""

    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was decided on a sign-up. ``clusters`` None: the installation's default."""

    outcome: Outcome
    by: str
    reason: str = ""
    clusters: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """One sign-up before the admins. ``signed_up_at`` is text for people; the other times are aware.

    ``task_token`` is that of the execution that waits, if any; it stays out of ``repr``.
    """

    sub: str
    username: str
    email: str
    signed_up_at: str
    nonce: str = field(repr=False)
    asked_at: datetime
    expires_at: datetime
    execution_arn: str
    ruling: Ruling | None = None
    task_token: str | None = field(default=None, repr=False)


class Due(StrEnum):
    """What a look at a review finds due."""

    ASK = "ask"
    ANSWER = "answer"
    EXPIRE = "expire"


def what_is_due(review: Review, now: datetime) -> Due:
    """A ruling is handed on, however late; without one the review expires at ``expires_at``."""
    if review.ruling is not None:
        return Due.ANSWER
    return Due.EXPIRE if now >= review.expires_at else Due.ASK


def needs_new_round(review: Review | None, execution_arn: str, now: datetime) -> bool:
    """Whether ``execution_arn`` asks anew: nobody has asked, or what was asked expired under another execution."""
    if review is None:
        return True
    return review.ruling is None and now >= review.expires_at and review.execution_arn != execution_arn


def reminder_number(review: Review, now: datetime, reminder_days: int) -> int:
    """Which mail is due: 0 the first, then one each ``reminder_days``. After missed days only the latest, never several."""
    return max(0, (now - review.asked_at) // timedelta(days=reminder_days))


def review_mail_id(review: Review, number: int) -> str:
    """The key of a mail to the admins: a round's mails are its own, each is sent once."""
    return f"please_review#{review.sub}#{review.asked_at:%Y%m%dT%H%M%SZ}#{number}"


def expired_mail_id(review: Review) -> str:
    """The key of the mail that says that nobody has decided."""
    return f"review_expired#{review.sub}#{review.asked_at:%Y%m%dT%H%M%SZ}"


def link_of(review: Review, decision: LinkDecision) -> Link:
    """The link of this round for one decision. The same review gives the same link, so a repeated mail is the same mail."""
    expires_at = int(review.expires_at.timestamp())
    return Link(cluster="", user_sub=review.sub, decision=decision, expires_at=expires_at, nonce=review.nonce)


def why_link_is_no_use(link: Link, review: Review | None) -> str | None:
    """What to tell whoever follows a link whose signature is good; None where it may decide."""
    if review is None or link.user_sub != review.sub or link.nonce != review.nonce:
        return UNUSABLE
    return USED if review.ruling is not None else None


def read_ruling(document: Any) -> Ruling:
    """What a person gave as a decision: ``{"approved": true, "by": "…", "clusters": ["…"], "reason": "…"}``.

    ``clusters`` may be left out on approval, ``reason`` too; a refusal needs its reason. Raises ``PersonInputInvalid`` with
    every fault. ``{"outcome": "…"}`` in place of ``approved`` is how a stored ruling travels.
    """
    faults = list(_faults(document))
    if faults:
        raise PersonInputInvalid("\n".join([f"the decision has {len(faults)} fault{'s' * (len(faults) != 1)}:", *faults]))
    outcome = Outcome(document["outcome"]) if "outcome" in document else _outcome(document["approved"])
    clusters = document.get("clusters")
    return Ruling(
        outcome=outcome,
        by=one_line(document["by"]),
        reason=one_line(document.get("reason") or ""),
        clusters=None if clusters is None or outcome is not Outcome.APPROVED else tuple(sorted(set(clusters))),
    )


def ruling_to_json(ruling: Ruling) -> dict[str, Any]:
    """The ruling as it is stored and handed to the machine; ``read_ruling`` reads it back."""
    clusters = None if ruling.clusters is None else list(ruling.clusters)
    return {"outcome": str(ruling.outcome), "by": ruling.by, "reason": ruling.reason, "clusters": clusters}


def status_ruled(ruling: Ruling, status: Status) -> Status | None:
    """The status that ``ruling`` brings a person in ``status`` to; None where it comes too late or changes nothing.

    A repetition after the record was written must not lift what an admin did since: nobody is approved out of ``disabled`` by a
    review, and nobody who is approved is refused by one.
    """
    if ruling.outcome is Outcome.APPROVED and status in (Status.PENDING, Status.REFUSED):
        return Status.APPROVED
    if ruling.outcome is Outcome.REFUSED and status is Status.PENDING:
        return Status.REFUSED
    return None


def _outcome(approved: bool) -> Outcome:
    return Outcome.APPROVED if approved else Outcome.REFUSED


def _faults(document: Any) -> Iterator[str]:
    if not isinstance(document, Mapping):
        yield 'decision: must be an object such as {"approved": true, "by": "Ada Admin", "clusters": ["opensarlab"]}'
        return
    if "outcome" in document:
        if document["outcome"] not in [*Outcome]:
            yield f"outcome = {shown(document['outcome'])}: must be one of {', '.join(Outcome)}"
    elif type(document.get("approved")) is not bool:
        yield f"approved = {shown(document.get('approved'))}: must be true or false, without quotes"
    by, reason, clusters = document.get("by"), document.get("reason"), document.get("clusters")
    if not isinstance(by, str) or not one_line(by) or len(by) > MAX_REASON_LENGTH:
        yield f"by = {shown(by)}: must say who decides, the ledger keeps it"
    if reason is not None and (not isinstance(reason, str) or len(reason) > MAX_REASON_LENGTH):
        yield f"reason = {shown(reason)}: must be text of at most {MAX_REASON_LENGTH} characters"
    elif _refuses(document) and not one_line(reason or ""):
        yield "reason: must say why, the person gets it by mail"
    if clusters is not None and not (isinstance(clusters, list) and all(is_cluster_name(name) for name in clusters)):
        yield f"clusters = {shown(clusters)}: must be a list of clusters' names; leave it out for the installation's default"


def _refuses(document: Mapping[str, Any]) -> bool:
    return document.get("approved") is False or document.get("outcome") == Outcome.REFUSED
