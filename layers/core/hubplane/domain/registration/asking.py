"""The mails of a review, and when there is nothing to ask about."""

from __future__ import annotations

from datetime import datetime

from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.registration.links import LinkDecision, make_link_token
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.registration.review import Review, expired_mail_id, link_of, reminder_number, review_mail_id


def why_nobody_has_to_decide(record: UserRecord | None, review: Review) -> str | None:
    """Why the admins need not be asked: somebody decided without the review, or the account is gone. None: they must be."""
    if record is None or record.sub != review.sub:
        return f"{review.username} is not the name of account {review.sub} any more"
    return None if record.status is Status.PENDING else f"{review.username} is {record.status}"


def please_review_mail(review: Review, now: datetime, reminder_days: int, key: bytes, page_url: str) -> MailMessage:
    """The mail with both links that is due ``now``. The same round and reminder give the same mail, with the same key."""
    number = reminder_number(review, now, reminder_days)
    urls = {
        f"{decision}_url": f"{page_url}?token={make_link_token(key, link_of(review, decision))}"
        for decision in (LinkDecision.APPROVE, LinkDecision.REFUSE)
    }
    context = {
        "username": review.username,
        "email": review.email,
        "signed_up_at": review.signed_up_at,
        "expires_at": f"{review.expires_at:%Y-%m-%d %H:%M} UTC",
        "execution": review.execution_arn,
        "reminder_number": number,
        **urls,
    }
    return MailMessage(mail_id=review_mail_id(review, number), name="please_review", context=context)


def expired_mail(review: Review, days: int, execution_arn: str) -> MailMessage:
    """The mail that nobody has decided; it names the machine to start again, which is in the execution's ARN."""
    machine_arn = execution_arn.replace(":execution:", ":stateMachine:", 1).rpartition(":")[0]
    context = {
        "username": review.username,
        "email": review.email,
        "signed_up_at": review.signed_up_at,
        "days": days,
        "start_again": machine_arn,
    }
    return MailMessage(mail_id=expired_mail_id(review), name="review_expired", context=context)
