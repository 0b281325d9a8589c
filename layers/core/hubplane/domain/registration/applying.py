"""Bringing a decision about: the record, then the account, then the mail; each step is "make it so".

Killed after any call and run again it ends in the same record and one mail: the record is written as it was read or not at all,
enabling twice is enabling, and a mail's key names the account, not the moment. The mail comes last: it tells what is true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hubplane.domain.errors import NotYet
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.registration.records import Status, UserRecord, change_status
from hubplane.domain.registration.review import Outcome, Ruling, status_ruled

TRIES: Final = 5
"""Of a write that others were faster than; each try begins with a fresh look."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What it takes to act on one person. Every call may be repeated.

    ``write`` stores a record in place of the one that was read, with the ledger's sentence in the same transaction; False where
    the record is not as it was read any more.
    """

    read: Callable[[str], UserRecord | None]
    write: Callable[[UserRecord, UserRecord, str], bool]
    enable: Callable[[str], object]
    disable: Callable[[str], object]
    queue: Callable[[MailMessage], None]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a ruling: the person's ``status`` now, what was changed, and why."""

    status: str
    changes: tuple[str, ...]
    reason: str


def apply_ruling(
    username: str, sub: str, ruling: Ruling, hands: Hands, *, clusters: Sequence[str], sign_in_url: Callable[[UserRecord], str]
) -> Applied:
    """Make ``ruling`` on the account ``sub`` of ``username`` true. ``clusters`` are those of a ruling that names none.

    Raises ``NotYet`` where the record changes faster than it can be written, and what ``hands`` raise; repeatable after each.
    """
    for _ in range(TRIES):
        record = hands.read(username)
        if record is None or record.sub != sub:
            return Applied("withdrawn", (), f"{username} is not the name of account {sub} any more: there is nothing to decide")
        to = status_ruled(ruling, record.status)
        if to is None:
            return _follow(record, ruling, hands, (), sign_in_url)
        asked = clusters if ruling.clusters is None else ruling.clusters
        wanted = asked if to is Status.APPROVED else ()
        change = change_status(record, to, by=ruling.by, reason=ruling.reason or f"review: {ruling.outcome}", clusters=wanted)
        if hands.write(record, change.record, change.sentence):
            return _follow(change.record, ruling, hands, (change.sentence,), sign_in_url)
    raise NotYet(f"the record of {username} changes faster than it can be written: try again")


def _follow(
    record: UserRecord, ruling: Ruling, hands: Hands, changes: tuple[str, ...], sign_in_url: Callable[[UserRecord], str]
) -> Applied:
    """What comes after the record, where the record says what the ruling says."""
    if (ruling.outcome, record.status) == (Outcome.APPROVED, Status.APPROVED):
        hands.enable(record.username)
        hands.queue(approved_mail(record, sign_in_url(record)))
    elif (ruling.outcome, record.status) == (Outcome.REFUSED, Status.REFUSED):
        hands.disable(record.username)
        hands.queue(refused_mail(record, ruling.reason))
    elif ruling.outcome is Outcome.WITHDRAWN:
        return Applied(str(record.status), changes, f"there was nothing to decide: {ruling.reason}")
    else:
        reason = f"{record.username} is {record.status}; {ruling.outcome} by {ruling.by} came too late and changes nothing"
        return Applied(str(record.status), changes, reason)
    return Applied(str(record.status), changes, f"{record.username} is {record.status}, by {ruling.by}")


def approved_mail(record: UserRecord, sign_in_url: str) -> MailMessage:
    """The mail that an account is approved: once per account, however it came about."""
    return _mail("approved", record, {"sign_in_url": sign_in_url, "clusters": list(record.clusters)})


def refused_mail(record: UserRecord, reason: str) -> MailMessage:
    """The mail that an account is refused, once per account."""
    return _mail("refused", record, {"reason": reason})


def _mail(name: str, record: UserRecord, context: Mapping[str, Any]) -> MailMessage:
    return MailMessage(
        mail_id=f"{name}#{record.sub}", name=name, to=record.email, context={"username": record.username, **context}
    )


def sign_in_url_of(record: UserRecord, hub_urls: Mapping[str, str], otherwise: str) -> str:
    """Where a person signs in: the first of their clusters with an address, or ``otherwise``."""
    return next((hub_urls[cluster] for cluster in record.clusters if hub_urls.get(cluster)), otherwise)
