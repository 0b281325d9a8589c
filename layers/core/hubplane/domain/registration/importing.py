"""People of an adopted system: each becomes a tombstone that owns its storage, with a permission to come back (decision 0030, 7).

Nobody else can take the name from then on, and the same person gets the home by signing up under it with the same verified
address. What does not fit the rules of names is not bound; each is reported with what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from hubplane.domain.names import claims_of, collisions, username_key
from hubplane.domain.registration.emails import split_address
from hubplane.domain.registration.inputs import FormerUser
from hubplane.domain.registration.known import Known
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.registration.returning import allow_return
from hubplane.domain.registration.usernames import check_username
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.tags import CLAIM_NAME_TAG


class Fate(StrEnum):
    """``BIND``: a tombstone with permission to return. ``RESERVE``: one without. ``RENEW``: the permission's days begin anew.
    ``KEEP``: known already, nothing to do. ``REFUSE``: not bound."""

    BIND = "bind"
    RESERVE = "reserve"
    RENEW = "renew"
    KEEP = "keep"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Binding:
    """What becomes of one person. ``new`` is to be stored in place of ``old``; None stores nothing."""

    username: str
    fate: Fate
    reason: str
    new: UserRecord | None = None
    old: UserRecord | None = None
    storage: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The line of the report."""
        return {"username": self.username, "fate": str(self.fate), "reason": self.reason, "storage": list(self.storage)}


def plan_import(
    people: Sequence[FormerUser],
    known: Mapping[str, Known],
    volumes: Iterable[Volume],
    snapshots: Iterable[Snapshot],
    *,
    by: str,
    now: datetime,
) -> tuple[Binding, ...]:
    """One binding per person, in the order given. ``known`` is what the Users table says, by the username as it was given."""
    clashes = collisions(person.username for person in people)
    doubled = {name for names in clashes.values() for name in names}
    seen: dict[str, str] = {}
    found: list[Binding] = []
    stored = _storage_by_claim(volumes, snapshots)
    for person in people:
        twice = seen.setdefault(username_key(person.username), person.sub) != person.sub or person.username in doubled
        binding = _bind(person, known[person.username], by, now, twice=twice)
        storage = tuple(sorted(item for claim in claims_of(person.username).all for item in stored.get(claim, ())))
        found.append(Binding(person.username, binding.fate, binding.reason, binding.new, binding.old, storage))
    return tuple(found)


def _bind(person: FormerUser, known: Known, by: str, now: datetime, *, twice: bool) -> Binding:
    key = username_key(person.username)
    fault = _fault(person, known, twice=twice)
    if fault:
        return Binding(key, Fate.REFUSE, fault)
    old = known.records.get(key)
    if old is not None and (old.status is not Status.TOMBSTONE or old.home_passed_to is not None):
        return Binding(key, Fate.KEEP, f"known already: {old.status}")
    record = old or UserRecord(key, person.sub, person.email, Status.TOMBSTONE)
    if not person.email_verified:
        reason = "its address was never verified, so only an admin's transfer can give the home back"
        return Binding(key, Fate.KEEP if old else Fate.RESERVE, reason, None if old else record)
    change = allow_return(record, by=by, now=now)
    return Binding(key, Fate.RENEW if old else Fate.BIND, change.sentence, change.record, old)


def _fault(person: FormerUser, known: Known, *, twice: bool) -> str | None:
    key = username_key(person.username)
    allowed = check_username(person.username)
    if not allowed.accepted:
        return f"{allowed.reason}: give the person another name and transfer the home"
    if split_address(person.email) is None:
        return "the address is none that mail can be sent to: correct it in the list"
    if twice:
        return "another person of the list has this name or its claim: decide whose the home is, and import that one alone"
    record = known.records.get(key)
    if record is not None and person.sub not in (record.sub, *record.former_subs):
        return f"the name is {record.sub}'s, {record.status}"
    holders = sorted(holder for holder in known.claim_holders.values() if holder != key)
    return f"its claim is {holders[0]}'s" if holders else None


def _storage_by_claim(volumes: Iterable[Volume], snapshots: Iterable[Snapshot]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for volume in volumes:
        found.setdefault(volume.tags.get(CLAIM_NAME_TAG, ""), []).append(f"{volume.volume_id} ({volume.size_gib} GiB)")
    counted: dict[str, list[datetime]] = {}
    for snapshot in snapshots:
        if snapshot.state == "completed":
            counted.setdefault(snapshot.tags.get(CLAIM_NAME_TAG, ""), []).append(snapshot.started_at)
    for claim, starts in counted.items():
        found.setdefault(claim, []).append(f"{len(starts)} completed snapshot(s), the newest of {max(starts):%Y-%m-%d}")
    return found
