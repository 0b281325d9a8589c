"""The mails of a home that was restored or moved: one to whose it is, one to the operators. From a change to messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hubplane.domain.homes.changes import HomeChange, Kind
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.mail.storage_mails import Recipient

__all__ = ["operators_mail", "person_mail"]


def person_mail(
    change: HomeChange, volume_id: str, copy_id: str | None, to: Recipient, sign_in_url: str, execution_arn: str
) -> MailMessage:
    """What the person has to know. Told once per execution."""
    return MailMessage(
        mail_id=f"home_changed#{execution_arn}",
        name="home_changed",
        cluster_name=change.cluster_name,
        to=to.address,
        context={
            "username": to.username,
            "cluster": change.cluster_name,
            "what": _what(change),
            "points": _points(change, copy_id),
            "sign_in_url": sign_in_url,
        },
        facts={"volume_id": volume_id, "snapshot_id": change.snapshot_id, "copy_id": copy_id},
    )


def operators_mail(
    change: HomeChange, volume_id: str, copy_id: str | None, changes: Sequence[str], execution_arn: str
) -> MailMessage:
    """What was done, for those who look after the cluster."""
    return MailMessage(
        mail_id=f"home_change_finished#{execution_arn}",
        name="home_change_finished",
        cluster_name=change.cluster_name,
        context={
            "cluster": change.cluster_name,
            "username": change.username,
            "reason": change.reason,
            "changes": list(changes),
            "notes": notes_of(change, volume_id, copy_id),
            "execution": execution_arn,
        },
    )


def notes_of(change: HomeChange, volume_id: str, copy_id: str | None) -> list[str]:
    """What is left of it: where the former home is and how to get it back, or how a copy goes away."""
    if change.kind is Kind.BESIDE:
        return [
            f"{volume_id} gets no nightly snapshots, and the storage day leaves it alone: it costs money until it is removed",
            f"kubectl -n jupyter delete pvc {change.kept_as} removes it for good",
        ]
    if copy_id is None:
        return ["no volume stood in the home's place, so none was set aside"]
    notes = [f"{change.present_id} was set aside and stays until the storage day may prune it on a proof of its own"]
    if change.kind is Kind.INSTEAD:
        notes.append(
            f"{copy_id} holds the home as it was before and is protected from pruning: to undo, restore it with snapshot_id; "
            "take its protection away once nobody needs it"
        )
    return notes


def _what(change: HomeChange) -> str:
    when = f"{datetime.fromisoformat(change.snapshot_at):%Y-%m-%d %H:%M} UTC" if change.snapshot_at else ""
    if change.kind is Kind.BESIDE:
        return f"A copy of your files as they were on {when} is ready."
    if change.kind is Kind.INSTEAD:
        return f"Your files were put back as they were on {when}."
    return "Your files were moved to where the servers run now; nothing in them has changed."


def _points(change: HomeChange, copy_id: str | None) -> list[str]:
    if change.kind is Kind.BESIDE:
        return [
            "Your own files are as they were; nothing in them was changed.",
            f"The copy is called {change.kept_as}: ask for it to be mounted, and copy what you need.",
            "It is removed when you no longer need it, and no backups are made of it: do not work in it.",
        ]
    if change.kind is Kind.INSTEAD and copy_id is not None:
        return [
            "What you changed since then is not lost: it was copied before, and can be brought back.",
            "If something is missing, write to us and name this day.",
        ]
    return ["Start your server as usual."]
