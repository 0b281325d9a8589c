"""What the mail service tells of a mail after it was sent: accepted, bounced, complained of.

SES hands a mail's tags on with every event, so a mail carries its place in the Ledger as tags, and no index is needed to find it.
The events' shape: SES developer guide, "Contents of event data that Amazon SES publishes to Amazon SNS".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from hubplane.domain.mail.messages import ledger_partition

__all__ = ["Feedback", "News", "feedback_of", "tags_of"]

CLUSTER_TAG: Final = "hubplane-cluster"
MAIL_TAGS: Final = ("hubplane-mail-1", "hubplane-mail-2")
MAX_TAG_LENGTH: Final = 256
"""Of a tag's value, which may hold ASCII letters, digits, ``_`` and ``-`` only (SESv2 API reference, MessageTag)."""


class News(StrEnum):
    """``ACCEPTED``: SES took the mail. ``BOUNCED``: it will never arrive, and no other will. ``RETURNED``: it did not
    arrive, another may. ``COMPLAINED``: the person called it spam. ``REJECTED``: SES took it and then found a virus in it."""

    ACCEPTED = "accepted"
    BOUNCED = "bounced"
    RETURNED = "returned"
    COMPLAINED = "complained"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Feedback:
    """One event about one mail. ``cluster`` and ``mail_id`` are its place in the Ledger, None for a mail that is not ours.

    ``addresses`` are those that returned it or complained, in lower case; ``detail`` is what the other side said, in short.
    """

    news: News
    at: datetime
    message_id: str
    cluster: str | None = None
    mail_id: str | None = None
    addresses: tuple[str, ...] = ()
    detail: str = ""


def tags_of(cluster_name: str | None, mail_id: str) -> dict[str, str]:
    """The tags that a mail is sent with: where its record lies in the Ledger."""
    written = base64.urlsafe_b64encode(mail_id.encode()).decode().rstrip("=")
    parts = [written[:MAX_TAG_LENGTH], written[MAX_TAG_LENGTH:]]
    return {
        CLUSTER_TAG: ledger_partition(cluster_name),
        **{tag: part for tag, part in zip(MAIL_TAGS, parts, strict=True) if part},
    }


def feedback_of(event: Mapping[str, Any]) -> Feedback | None:
    """The news in an SES event, None where there is none for us, such as deliveries and delays.

    A bounce that is not ``Permanent`` comes when SES has given this mail up (mailbox full, server away); the address may be
    right, so nobody is cut off by it. It may be an out-of-office answer as well, and then the same mail goes out once more:
    better than a warning that counts and was never read.
    """
    mail = event.get("mail")
    if not isinstance(mail, Mapping) or not isinstance(mail.get("messageId"), str):
        return None
    kind = event.get("eventType")
    detail = event.get(_DETAIL_OF.get(str(kind), ""), {})
    detail = detail if isinstance(detail, Mapping) else {}
    addresses: tuple[str, ...] = ()
    if kind == "Bounce":
        news = News.BOUNCED if detail.get("bounceType") == "Permanent" else News.RETURNED
        addresses = _addresses(detail.get("bouncedRecipients"))
    elif kind == "Complaint":
        news, addresses = News.COMPLAINED, _addresses(detail.get("complainedRecipients"))
    elif kind in ("Send", "Reject"):
        news = News.ACCEPTED if kind == "Send" else News.REJECTED
    else:
        return None
    cluster, mail_id = _place(mail.get("tags"))
    at = _moment(detail.get("timestamp")) or _moment(mail.get("timestamp")) or datetime.fromtimestamp(0, UTC)
    return Feedback(news, at, mail["messageId"], cluster, mail_id, addresses, _words(detail))


_DETAIL_OF: Final[Mapping[str, str]] = {"Bounce": "bounce", "Complaint": "complaint", "Reject": "reject"}


def _place(tags: Any) -> tuple[str | None, str | None]:
    """Cluster and mail id out of the tags of an event, which hold each value in a list."""
    if not isinstance(tags, Mapping):
        return None, None
    first = {
        name: values[0] for name, values in tags.items() if isinstance(values, list) and values and isinstance(values[0], str)
    }
    cluster, written = first.get(CLUSTER_TAG), "".join(first.get(tag, "") for tag in MAIL_TAGS)
    if not cluster or not written:
        return None, None
    try:
        return cluster, base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None, None


def _addresses(recipients: Any) -> tuple[str, ...]:
    listed = recipients if isinstance(recipients, list) else []
    found = [item.get("emailAddress") for item in listed if isinstance(item, Mapping)]
    return tuple(dict.fromkeys(_bare(address) for address in found if isinstance(address, str) and "@" in address))


def _bare(address: str) -> str:
    """SES gives an address as the mail had it, which may be ``Name <someone@example.org>``."""
    return address.rpartition("<")[2].rstrip("> ").strip().lower()


def _words(detail: Mapping[str, Any]) -> str:
    said = [detail.get(name) for name in ("bounceType", "bounceSubType", "complaintFeedbackType", "reason")]
    return " ".join(word for word in said if isinstance(word, str))[:200]


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None
