"""People and times that the tests of registration share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from hubplane.domain.names import claims_of
from hubplane.domain.registration.events import SignUpRequest
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.records import Status, UserRecord

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SUB = "11111111-aaaa-4aaa-8aaa-000000000001"
OTHER_SUB = "22222222-bbbb-4bbb-8bbb-000000000002"
EMAIL = "ada@uni.example.org"


def record(
    username: str = "ada", *, sub: str = SUB, email: str = EMAIL, status: Status = Status.APPROVED, **rest: object
) -> UserRecord:
    return UserRecord(username=username, sub=sub, email=email, status=status, **rest)  # type: ignore[arg-type]


def asks(username: str = "ada", email: str = EMAIL) -> SignUpRequest:
    return SignUpRequest(username=username, email=email, asked_at=NOW)


def known_from(records: Iterable[UserRecord], storage_claims: Iterable[str] = ()) -> Known:
    """What the triggers look up for a name, from a list of all records."""
    by_key = {record.username: record for record in records}
    holders = {claim: key for key in by_key for claim in claims_of(key).all}
    return Known(by_key, holders, frozenset(storage_claims))
