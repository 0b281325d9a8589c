"""Bringing about what follows when an account is enabled, disabled or deleted in the user pool: the record, the mail, the review.

Each step is "make it so", and the pool is only looked at: CloudTrail would tell of every change of ours too, for ever. Killed
after any call and told again it ends in the same record, one mail and one ruling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hubplane.domain.errors import NotYet
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.registration.account_events import AccountEvent, Deed, change_after
from hubplane.domain.registration.applying import approved_mail, sign_in_url_of
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.registration.review import Outcome, Review, Ruling

__all__ = ["Followed", "Hands", "follow"]


@dataclass(frozen=True, slots=True)
class Hands:
    """What it takes to follow. Every call may be repeated.

    ``everybody`` are all records. ``write`` stores a record (old, new, the ledger's sentence); False where it is not as it was
    read any more. ``is_enabled`` is the pool's word on the account of a name and sub now, None where there is none such;
    ``name_of`` the pool's name of a sub. ``rule`` stores a ruling unless one is stored, ``wake`` hands one to whoever waits with
    a token.
    """

    read: Callable[[str], UserRecord | None]
    everybody: Callable[[], Iterable[UserRecord]]
    write: Callable[[UserRecord, UserRecord, str], bool]
    is_enabled: Callable[[str, str], bool | None]
    name_of: Callable[[str], str | None]
    hub_urls: Callable[[], Mapping[str, str]]
    queue: Callable[[MailMessage], None]
    review: Callable[[str], Review | None]
    rule: Callable[[Review, Ruling], bool]
    wake: Callable[[str, Ruling], object]


@dataclass(frozen=True, slots=True)
class Followed:
    """Why the record is as it is now; ``changed``: this made it so."""

    reason: str
    changed: bool = False


def follow(told: AccountEvent, hands: Hands, sign_in_url: str) -> Followed:
    """Make true what follows from ``told``. ``sign_in_url`` is for people without a cluster. Repeatable.

    Raises ``NotYet`` where the pool still shows an account that was deleted, or the record changed since it was read, and what
    ``hands`` raise.
    """
    record = _record_of(told, hands)
    if record is None:
        return Followed(f"an account without a record was {told.deed}")
    enabled = hands.is_enabled(record.username, record.sub)
    if told.deed is Deed.DELETE and enabled is not None:
        raise NotYet(f"the account of {record.username} was deleted and is still shown: look again")
    hub_urls = hands.hub_urls()
    change = change_after(told, record, enabled=enabled, clusters=tuple(hub_urls))
    if change is None:
        return Followed(f"{record.username} is {record.status}, and nothing follows from being {told.deed}")
    if change.changed and not hands.write(record, change.record, change.sentence):
        raise NotYet(f"the record of {record.username} was changed at this moment: look again")
    if change.record.status is Status.APPROVED:
        hands.queue(approved_mail(change.record, sign_in_url_of(change.record, hub_urls, sign_in_url)))
    _end_review(change.record, told, hands)
    return Followed(change.sentence, change.changed)


def _record_of(told: AccountEvent, hands: Hands) -> UserRecord | None:
    """The record of the event's account; one of another sub under the same name is somebody else's."""
    if told.username:
        record = hands.read(told.username)
        return record if record is not None and told.sub in ("", record.sub) else None
    review = hands.review(told.sub)
    username = review.username if review is not None else hands.name_of(told.sub)
    record = hands.read(username) if username else None
    if record is not None and record.sub == told.sub:
        return record
    # Deleted, and never reviewed: the table is read through, which is seldom and takes seconds for 100,000 people.
    return next((each for each in hands.everybody() if each.sub == told.sub), None)


def _end_review(record: UserRecord, told: AccountEvent, hands: Hands) -> None:
    """Whoever waits for a decision on this account need not wait any longer."""
    if record.status not in (Status.APPROVED, Status.TOMBSTONE):
        return
    review = hands.review(record.sub)
    if review is None or review.task_token is None:
        return
    if review.ruling is None:
        outcome = Outcome.APPROVED if record.status is Status.APPROVED else Outcome.WITHDRAWN
        hands.rule(review, Ruling(outcome, told.by, f"the account was {told.deed}", record.clusters or None))
        review = hands.review(record.sub) or review
    if review.ruling is not None and review.task_token is not None:
        hands.wake(review.task_token, review.ruling)
