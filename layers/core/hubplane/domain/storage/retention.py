"""When the last copy of a home may go: after a long time unused, every warning accepted, and the grace over.

A spell of inactivity begins with the last use. Warnings are due at the policy's days before its end; mails that could not be sent
move the end, so that whoever hears late still hears the policy's number of days before. Nothing is ever deleted earlier than an
accepted mail announced.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import AcceptedWarning, Owner, Snapshot
from hubplane.domain.storage.tags import SET_ASIDE_TAG
from hubplane.domain.storage.view import StorageView
from hubplane.domain.storage.wording import minute

__all__ = ["Retention", "earliest_delete", "last_use_of_copy", "owner_of", "retention_of"]


@dataclass(frozen=True)
class Retention:
    """Where a last copy stands. ``over``: it may go. ``warn_days_before``: such a mail is due, announcing ``delete_at``."""

    over: bool
    reason: str
    last_used_at: datetime
    delete_at: datetime | None = None
    warn_days_before: int | None = None
    owner: Owner | None = None
    attention: bool = False


def retention_of(view: StorageView, snapshot: Snapshot) -> Retention:
    """Where the last copy ``snapshot`` stands now. The caller has made sure that no volume holds its data any more."""
    used_at = last_use_of_copy(view, snapshot)
    if view.policy.end_of_retention_days is None:
        return Retention(False, "it is the last copy of a home, and this cluster never ends their retention", used_at)
    owner, unknown = owner_of(view, snapshot)
    if owner is None:
        return Retention(False, f"it is a last copy, and nobody can be warned: {unknown}", used_at, attention=True)
    accepted = accepted_since(view, snapshot, used_at, owner)
    ends_at = _end(view, snapshot, used_at, accepted)
    due = _warning_due(view.policy, accepted, ends_at, view.now)
    if due is not None:
        delete_at = max(ends_at, view.now + timedelta(days=due)) + view.policy.grace
        reason = f"its owner is to be warned {due} days before its end"
        return Retention(False, f"it is a last copy, and {reason}", used_at, delete_at, due, owner)
    earliest = earliest_delete(view.policy, accepted, ends_at)
    if earliest is None:
        reason = f"it is a last copy, used until {used_at:%Y-%m-%d} and kept until {ends_at:%Y-%m-%d} and its owner's warnings"
        return Retention(False, reason, used_at)
    if view.now < earliest:
        return Retention(False, f"its owner is warned, and it stays until {minute(earliest)}", used_at, earliest)
    reason = f"unused since {used_at:%Y-%m-%d}, its owner warned {len(accepted)} times, the grace over since {minute(earliest)}"
    return Retention(True, reason, used_at, earliest)


def last_use_of_copy(view: StorageView, snapshot: Snapshot) -> datetime:
    """The latest sign that anybody used the data: its tags and start, what was seen of its volume, its owner's last visit."""
    signs = [snapshot.started_at, *view.snapshot_facts[snapshot.snapshot_id].used_at]
    sighting = view.sighting_of_volume.get(snapshot.volume_id)
    if sighting is not None and sighting.unattached_since is not None:
        signs.append(sighting.unattached_since)
    signs.extend(event.at for event in view.events_of_volume.get(snapshot.volume_id, ()))
    owner, _ = owner_of(view, snapshot)
    if owner is not None and owner.last_seen_at is not None:
        signs.append(owner.last_seen_at)
    return max(signs)


def owner_of(view: StorageView, snapshot: Snapshot) -> tuple[Owner | None, str]:
    """The person to warn, or why there is none. A home belongs to a person, not to a name (domain fault 20)."""
    facts = view.snapshot_facts[snapshot.snapshot_id]
    # What was set aside when another volume took its place has a name of its own, and is that person's all the same.
    claim_name = snapshot.tags.get(SET_ASIDE_TAG) or facts.claim_name
    if claim_name is None:
        return None, "it names no claim"
    owners = view.owners_of_claim.get(claim_name, [])
    if facts.owner_sub is not None:
        mine = [owner for owner in owners if owner.sub == facts.owner_sub]
        return (mine[0], "") if mine else (None, f"{claim_name} belongs to another person now, or to nobody")
    people = len({owner.username for owner in owners})
    if people != 1:  # a person who came back has several subs, and the newest account's is the first
        return None, f"{claim_name} belongs to {people} known people"
    return owners[0], ""


def accepted_since(view: StorageView, snapshot: Snapshot, used_at: datetime, owner: Owner) -> list[AcceptedWarning]:
    """The warnings of this spell of inactivity that the mail service accepted for this owner, oldest first."""
    records = view.warnings_of_snapshot.get(snapshot.snapshot_id, ())
    mine = (record for record in records if record.last_used_at == used_at and record.owner_sub == owner.sub)
    return sorted(mine, key=lambda record: record.accepted_at)


def earliest_delete(policy: StoragePolicy, accepted: list[AcceptedWarning], ends_at: datetime) -> datetime | None:
    """The moment from which the copy may go, or None while the last warning is not accepted."""
    final = [record for record in accepted if record.days_before <= min(policy.warning_days)]
    if not final:
        return None
    return max(ends_at + policy.grace, final[0].accepted_at + policy.grace, *(record.announced_delete_at for record in accepted))


def _end(view: StorageView, snapshot: Snapshot, used_at: datetime, accepted: list[AcceptedWarning]) -> datetime:
    """The end of retention: the policy's days, not before the former system's promise, nor the first mail's full notice."""
    ends = [used_at + timedelta(days=view.policy.end_of_retention_days or 0)]
    promised = view.snapshot_facts[snapshot.snapshot_id].snapshot_delete_at
    if promised is not None:
        ends.append(promised)
    if accepted:
        ends.append(accepted[0].accepted_at + view.policy.notice)
    return max(ends)


def _warning_due(policy: StoragePolicy, accepted: list[AcceptedWarning], ends_at: datetime, now: datetime) -> int | None:
    """The mail to send now, in days before the end: one, however many nights were missed. None where none is due."""
    if not accepted:
        return max(policy.warning_days) if now >= ends_at - policy.notice else None
    covered = min(record.days_before for record in accepted)
    due = [days for days in policy.warning_days if days < covered and now >= ends_at - timedelta(days=days)]
    return min(due) if due else None
