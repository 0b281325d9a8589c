"""STS: who is asking."""

from __future__ import annotations

from typing import Any, NamedTuple

from hubplane.domain.provider_errors import translated


class Caller(NamedTuple):
    """The account and the partition (aws, aws-cn, aws-us-gov) of the caller."""

    account_id: str
    partition: str


def caller(client: Any) -> Caller:
    """The account of the client's own credentials. Every identity may ask this."""
    with translated("ask for the caller's identity"):
        answer = client.get_caller_identity()
    return Caller(account_id=answer["Account"], partition=answer["Arn"].split(":")[1])
