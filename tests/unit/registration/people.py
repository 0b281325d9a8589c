"""People and times that the tests of registration share."""

from __future__ import annotations

from datetime import UTC, datetime

from hubplane.domain.registration.events import SignUpRequest
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
