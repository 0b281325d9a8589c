"""The mails of a storage night: warnings that are due, and what became of homes. From plans and outcomes to messages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.storage.actions import Action, PlannedWarning
from hubplane.domain.storage.outcomes import Outcome, Result
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Inventory

__all__ = ["Homes", "Recipient", "deletion_mail", "is_told", "warning_mail"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a mail is for. ``address`` None: not known, and ``send_mail`` records that nobody could be told."""

    username: str
    address: str | None


class Homes:
    """Whose homes an inventory holds, and when a last copy was used, as its owner was told."""

    def __init__(self, inventory: Inventory) -> None:
        self._names_of_sub: dict[str, set[str]] = defaultdict(set)
        self._names_of_claim: dict[str, set[str]] = defaultdict(set)
        for owner in inventory.owners:
            self._names_of_sub[owner.sub].add(owner.username)
            self._names_of_claim[owner.claim_name].add(owner.username)
        self._used: dict[str, datetime] = {}
        for warning in inventory.warnings:
            self._used[warning.snapshot_id] = max(warning.last_used_at, self._used.get(warning.snapshot_id, warning.last_used_at))

    def username(self, owner_sub: str | None, claim_name: str | None) -> str | None:
        """The one person a home belongs to: by sub where one is known, else by claim. None for nobody, or for several."""
        names = self._names_of_sub.get(owner_sub, set()) if owner_sub else self._names_of_claim.get(claim_name or "", set())
        return next(iter(names)) if len(names) == 1 else None

    def last_used_at(self, snapshot_id: str) -> datetime | None:
        """The last use that its owner's accepted warnings named."""
        return self._used.get(snapshot_id)


def warning_mail(cluster_name: str, warning: PlannedWarning, to: Recipient, sign_in_url: str, now: datetime) -> MailMessage:
    """The warning as a mail. Its id is the warning's idempotency key; its facts are an ``AcceptedWarning`` once SES took it."""
    used_at = warning.last_used_at.isoformat()
    return MailMessage(
        mail_id=f"storage_warning#{cluster_name}#{warning.snapshot_id}#{used_at}#{warning.days_before}",
        name="storage_warning",
        cluster_name=cluster_name,
        to=to.address,
        context={
            "username": to.username,
            "cluster": cluster_name,
            # What the date says, grace and missed nights in it, which may be more than the policy's days before.
            "days_left": max(0, (warning.delete_at.date() - now.date()).days),
            "deleted_on": f"{warning.delete_at:%Y-%m-%d}",
            "sign_in_url": sign_in_url,
        },
        facts={
            "snapshot_id": warning.snapshot_id,
            "owner_sub": warning.owner_sub,
            "last_used_at": used_at,
            "days_before": warning.days_before,
            "announced_delete_at": warning.delete_at.isoformat(),
        },
    )


def deletion_mail(
    cluster_name: str, outcome: Outcome, to: Recipient, sign_in_url: str, policy: StoragePolicy, last_used_at: datetime | None
) -> MailMessage:
    """The mail of a deletion that ``is_told`` of. Volume and snapshot ids are never used again, so each is told once for ever."""
    shared = {"username": to.username, "cluster": cluster_name}
    facts = {"resource_id": outcome.resource_id, "owner_sub": outcome.owner_sub}
    if outcome.action is Action.DELETE_SNAPSHOT:
        used = f"{last_used_at:%Y-%m-%d}" if last_used_at else "a day that is not on record any more"
        mail_id = f"snapshot_deleted#{cluster_name}#{outcome.resource_id}"
        return MailMessage(
            mail_id,
            "snapshot_deleted",
            cluster_name,
            to.address,
            {**shared, "last_used_on": used},
            {**facts, "last_used_on": used},
        )
    days = policy.end_of_retention_days
    stays = (
        "as long as this cluster stands" if days is None else f"until {days} days after you last used it; you get mails before"
    )
    context = {**shared, "copy_stays": stays, "sign_in_url": sign_in_url}
    facts["proof_snapshot_id"] = outcome.proof_snapshot_id
    return MailMessage(
        f"volume_deleted#{cluster_name}#{outcome.resource_id}", "volume_deleted", cluster_name, to.address, context, facts
    )


def is_told(outcome: Outcome) -> bool:
    """Whether a person hears of it: a volume that was put away, or the last copy of a home that is gone."""
    if outcome.result is not Result.DELETED:
        return False
    return outcome.action in (Action.DELETE_CLAIM, Action.DELETE_VOLUME) or outcome.last_copy
