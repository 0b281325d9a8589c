"""Whose homes are whose, and where their people can be written to: the records of all names, turned towards storage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from hubplane.domain.names import claims_of
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.storage.records import Owner


def owners_of(records: Iterable[UserRecord], cluster_name: str) -> tuple[Owner, ...]:
    """One owner for each sub that a person has or had and each claim that the name leads to on this cluster, under every scheme.

    People of another provider count where they were let in: on other clusters the name is somebody else's.

    A tombstone keeps owning its data. ``last_seen_at`` is the person's latest sign under any account that the home went to, so
    that nobody's data ends while they work under a new name.
    """
    everybody = tuple(record for record in records if not record.is_external or cluster_name in record.clusters)
    seen = _last_seen(everybody)
    return tuple(
        Owner(sub, record.username, claim_name, seen[sub])
        for record in everybody
        for sub in dict.fromkeys((record.sub, *record.former_subs))
        for claim_name in sorted(claims_of(record.name).all)
    )


def emails_of(records: Iterable[UserRecord]) -> Mapping[str, str]:
    """The address of each sub, a former one's too: that of the account that has its home now. Nobody without an address."""
    by_age = sorted(records, key=lambda record: record.status is not Status.TOMBSTONE)
    return {sub: record.email for record in by_age if record.email for sub in (*record.former_subs, record.sub)}


def _last_seen(records: Iterable[UserRecord]) -> dict[str, datetime | None]:
    seen: dict[str, datetime | None] = {}
    for record in records:
        for sub in (record.sub, *record.former_subs):
            times = [time for time in (seen.get(sub), record.last_seen_at) if time is not None]
            seen[sub] = max(times, default=None)
    return seen
