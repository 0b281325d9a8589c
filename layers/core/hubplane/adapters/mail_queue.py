"""The mail queue: how a mail is asked for. Asking twice for one ``mail_id`` is harmless, so both may be repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from hubplane.domain.errors import ProviderError
from hubplane.domain.mail.messages import MAX_BYTES, MailMessage
from hubplane.domain.provider_errors import translated

BATCH_SIZE: Final = 10
"""Entries of one SendMessageBatch (SQS API reference)."""


def queue_mail(client: Any, queue_url: str, message: MailMessage) -> None:
    """Put one mail on the queue; ``client`` is a boto3 SQS client. Raises ``Throttled`` or ``ProviderError``. Repeatable."""
    with translated(f"queue mail {message.mail_id}"):
        client.send_message(QueueUrl=queue_url, MessageBody=message.to_json())


def queue_mails(client: Any, queue_url: str, messages: Sequence[MailMessage]) -> int:
    """Put many on the queue, ten a call, and return how many. Raises ``ProviderError`` naming those that were not taken.

    A repeat after an error may queue some twice, which ``send_mail`` notices.
    """
    refused: list[str] = []
    for batch in _batches(messages):
        entries = [{"Id": str(number), "MessageBody": body} for number, (_, body) in enumerate(batch)]
        with translated(f"queue {len(batch)} mails"):
            answer = client.send_message_batch(QueueUrl=queue_url, Entries=entries)
        refused += [f"{batch[int(item['Id'])][0]} ({item.get('Message') or item['Code']})" for item in answer.get("Failed", [])]
    if refused:
        raise ProviderError(f"queue mails: {len(refused)} of {len(messages)} were not taken: {'; '.join(refused[:5])}")
    return len(messages)


def _batches(messages: Sequence[MailMessage]) -> Iterator[list[tuple[str, str]]]:
    """Mail ids and bodies, at most ten and at most what one call may carry."""
    batch: list[tuple[str, str]] = []
    size = 0
    for message in messages:
        body = message.to_json()
        length = len(body.encode())
        if batch and (len(batch) == BATCH_SIZE or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((message.mail_id, body))
        size += length
    if batch:
        yield batch
