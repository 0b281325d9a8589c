"""What lies on the mail queue: one mail that somebody wants sent, as JSON of fewer than 256 KiB.

``mail_id`` is the idempotency key: however often a message with it arrives, and from whomever, the mail goes out once. It names
the occasion (``build_failed#<execution>``, ``storage_warning#…``), never the moment of asking.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from hubplane.domain.errors import HubplaneError
from hubplane.domain.mail.catalogue import MAILS
from hubplane.domain.mail.fields import FieldInvalid, Kind, clean
from hubplane.domain.registration.emails import split_address

__all__ = ["MAX_MAIL_ID_LENGTH", "PEOPLE", "MailMessage", "MessageInvalid", "ledger_partition", "message_from_json"]

MAX_MAIL_ID_LENGTH: Final = 300
"""Two tags of an SES mail carry it (``feedback.tags_of``): 300 bytes are 400 characters of base64, a tag takes 256."""

MAX_BYTES: Final = 256 * 1024
"""What any queue takes in one message, and in a batch of ten together (SQS developer guide, "Amazon SQS message quotas")."""

PEOPLE: Final = "people"
"""Partition of the Ledger for mails that belong to no cluster."""

_MAIL_ID: Final = re.compile(r"[!-~]+")
_CLUSTER_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")


class MessageInvalid(HubplaneError):
    """A message for the mail queue breaks rules; the message lists every fault with field, value and rule."""


@dataclass(frozen=True)
class MailMessage:
    """A mail to send. Raises ``MessageInvalid`` with every fault when it is made, so that only the asker ever sees one.

    ``context`` holds the mail's own fields (``catalogue.MAILS``) without the letterhead, which ``send_mail`` adds. ``to`` None
    means the admins or operators of the catalogue's audience; for a mail to a person it means that no address is known. ``facts``
    are kept in the Ledger with the record of the mail.
    """

    mail_id: str
    name: str
    cluster_name: str | None = None
    to: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            raise MessageInvalid(f"mail message: {'; '.join(faults)}")

    def to_json(self) -> str:
        """One line of JSON; ``message_from_json`` reads it back."""
        return _written(self)


def message_from_json(text: str) -> MailMessage:
    """The message of a queue entry. Raises ``MessageInvalid``; unknown fields are faults, so that a typing error is not lost."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise MessageInvalid(f"mail message: is no JSON ({error}); give an object with mail_id, name, context") from error
    if not isinstance(document, dict):
        raise MessageInvalid(f"mail message: is {type(document).__name__}; give an object with mail_id, name, context")
    known = MailMessage.__dataclass_fields__
    unknown = [f"{name!r:.60} is no field of a message" for name in document if name not in known]
    missing = [f"{name}: missing" for name in ("mail_id", "name") if name not in document]
    if unknown or missing:
        raise MessageInvalid(f"mail message: {'; '.join(unknown + missing)}; the fields are {', '.join(known)}")
    return MailMessage(**document)


def ledger_partition(cluster_name: str | None) -> str:
    """The Ledger's partition of a mail: its cluster's, or ``people``."""
    return cluster_name or PEOPLE


def _written(message: MailMessage) -> str:
    return json.dumps(asdict(message), sort_keys=True, ensure_ascii=False, allow_nan=False)


def _faults(message: MailMessage) -> Iterator[str]:
    if not _matches(_MAIL_ID, message.mail_id) or len(message.mail_id) > MAX_MAIL_ID_LENGTH:
        yield f"mail_id: {message.mail_id!r:.80}; 1 to {MAX_MAIL_ID_LENGTH} visible ASCII characters that name the occasion"
    if message.cluster_name is not None and not _matches(_CLUSTER_NAME, message.cluster_name):
        yield f"cluster_name: {message.cluster_name!r:.80}; a cluster's name, or null for a mail that belongs to none"
    if message.to is not None and (not isinstance(message.to, str) or split_address(message.to) is None):
        yield f"to: {message.to!r:.80}; one e-mail address in ASCII, or null for whom the catalogue names"
    for name in ("context", "facts"):
        value = getattr(message, name)
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            yield f"{name}: {type(value).__name__}; an object"
            return
    yield from _faults_of_context(message)
    try:
        size = len(_written(message).encode())
    except (TypeError, ValueError) as error:
        yield f"context, facts: {error}; values that JSON and UTF-8 can write"
        return
    if size >= MAX_BYTES:
        yield f"context, facts: {size} bytes of JSON; fewer than {MAX_BYTES}, a queue takes no more: shorten the lists"


def _faults_of_context(message: MailMessage) -> Iterator[str]:
    if not isinstance(message.name, str) or message.name not in MAILS:
        yield f"name: {message.name!r:.80}; one of {', '.join(MAILS)}"
        return
    kinds = MAILS[message.name].fields
    if Kind.PLACEHOLDER in kinds.values():
        yield f"name: {message.name}; Cognito sends this mail itself, the queue cannot know its code"
        return
    for key, kind in kinds.items():
        if key not in message.context:
            yield f"context.{key}: missing; {message.name} needs it ({kind})"
            continue
        try:
            clean(message.context[key], kind)
        except FieldInvalid as error:
            yield f"context.{key}: {error}"
    for key in message.context:
        if key not in kinds:
            yield f"context.{key!r:.60}: no field of {message.name}; it has {', '.join(kinds)}"


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
