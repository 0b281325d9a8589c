"""Every mail by name: who gets it and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hubplane.domain.mail.fields import Kind


class Audience(StrEnum):
    """Whom a mail is for: the ``PERSON`` it is about, ``ADMINS`` who decide on accounts, ``OPERATORS`` of clusters."""

    PERSON = "person"
    ADMINS = "admins"
    OPERATORS = "operators"


@dataclass(frozen=True, slots=True)
class MailKind:
    """One mail: its audience and its own fields, beside those of ``LETTERHEAD``."""

    audience: Audience
    fields: Mapping[str, Kind]


LETTERHEAD: Final[Mapping[str, Kind]] = {"institution": Kind.TEXT, "contact": Kind.TEXT}
"""Fields of every mail: who writes, and the address where a person gets help."""

MAILS: Final[Mapping[str, MailKind]] = {
    # Cognito sends these three itself; the custom_message trigger hands their HTML on, with Cognito's placeholders.
    "verification_code": MailKind(Audience.PERSON, {"code": Kind.PLACEHOLDER}),
    "password_code": MailKind(Audience.PERSON, {"code": Kind.PLACEHOLDER}),
    "invitation": MailKind(
        Audience.PERSON,
        {"username": Kind.PLACEHOLDER, "code": Kind.PLACEHOLDER, "sign_in_url": Kind.URL, "valid_days": Kind.COUNT},
    ),
    "please_wait": MailKind(Audience.PERSON, {"username": Kind.TEXT}),
    "please_review": MailKind(
        Audience.ADMINS,
        {
            "username": Kind.TEXT,
            "email": Kind.TEXT,
            "signed_up_at": Kind.TEXT,
            "approve_url": Kind.URL,
            "refuse_url": Kind.URL,
            "expires_at": Kind.TEXT,
            "execution": Kind.TEXT,
            "reminder_number": Kind.COUNT,
        },
    ),
    "review_expired": MailKind(
        Audience.ADMINS,
        {"username": Kind.TEXT, "email": Kind.TEXT, "signed_up_at": Kind.TEXT, "days": Kind.COUNT, "start_again": Kind.TEXT},
    ),
    "approved": MailKind(Audience.PERSON, {"username": Kind.TEXT, "sign_in_url": Kind.URL, "clusters": Kind.LINES}),
    "refused": MailKind(Audience.PERSON, {"username": Kind.TEXT, "reason": Kind.TEXT}),
    "password_changed": MailKind(Audience.ADMINS, {"username": Kind.TEXT, "changed_at": Kind.TEXT}),
    "storage_warning": MailKind(
        Audience.PERSON,
        {"username": Kind.TEXT, "cluster": Kind.TEXT, "days_left": Kind.COUNT, "deleted_on": Kind.TEXT, "sign_in_url": Kind.URL},
    ),
    "volume_deleted": MailKind(
        Audience.PERSON,
        {"username": Kind.TEXT, "cluster": Kind.TEXT, "copy_stays": Kind.TEXT, "sign_in_url": Kind.URL},
    ),
    "snapshot_deleted": MailKind(Audience.PERSON, {"username": Kind.TEXT, "cluster": Kind.TEXT, "last_used_on": Kind.TEXT}),
    "home_changed": MailKind(
        Audience.PERSON,
        {"username": Kind.TEXT, "cluster": Kind.TEXT, "what": Kind.TEXT, "points": Kind.LINES, "sign_in_url": Kind.URL},
    ),
    "home_expanded": MailKind(
        Audience.PERSON, {"username": Kind.TEXT, "cluster": Kind.TEXT, "size_gib": Kind.COUNT, "sign_in_url": Kind.URL}
    ),
    "home_change_finished": MailKind(
        Audience.OPERATORS,
        {
            "cluster": Kind.TEXT,
            "username": Kind.TEXT,
            "reason": Kind.TEXT,
            "changes": Kind.LINES,
            "notes": Kind.LINES,
            "execution": Kind.TEXT,
        },
    ),
    "drill_failed": MailKind(
        Audience.OPERATORS,
        {"cluster": Kind.TEXT, "summary": Kind.TEXT, "findings": Kind.LINES, "execution": Kind.TEXT},
    ),
    "build_finished": MailKind(
        Audience.OPERATORS, {"cluster": Kind.TEXT, "hub_url": Kind.URL, "changes": Kind.LINES, "notes": Kind.LINES}
    ),
    "cluster_unwell": MailKind(
        Audience.OPERATORS,
        {
            "cluster": Kind.TEXT,
            "reason": Kind.TEXT,
            "findings": Kind.LINES,
            "mended": Kind.LINES,
            "execution": Kind.TEXT,
        },
    ),
    "cluster_mended": MailKind(
        Audience.OPERATORS,
        {
            "cluster": Kind.TEXT,
            "mending": Kind.TEXT,
            "outcome": Kind.TEXT,
            "reason": Kind.TEXT,
            "changes": Kind.LINES,
            "execution": Kind.TEXT,
        },
    ),
    "cluster_upgraded": MailKind(
        Audience.OPERATORS,
        {
            "cluster": Kind.TEXT,
            "outcome": Kind.TEXT,
            "reason": Kind.TEXT,
            "versions": Kind.LINES,
            "steps": Kind.LINES,
            "way_back": Kind.LINES,
            "execution": Kind.TEXT,
        },
    ),
    "build_failed": MailKind(
        Audience.OPERATORS,
        {
            "cluster": Kind.TEXT,
            "stage": Kind.TEXT,
            "error": Kind.TEXT,
            "cause": Kind.TEXT,
            "lock": Kind.TEXT,
            "execution": Kind.TEXT,
        },
    ),
    "cluster_deleted": MailKind(
        Audience.OPERATORS,
        {"cluster": Kind.TEXT, "homes": Kind.TEXT, "kept": Kind.LINES, "cost": Kind.TEXT, "listing": Kind.TEXT},
    ),
    "deletion_failed": MailKind(
        Audience.OPERATORS,
        {
            "cluster": Kind.TEXT,
            "stage": Kind.TEXT,
            "error": Kind.TEXT,
            "cause": Kind.TEXT,
            "state": Kind.TEXT,
            "execution": Kind.TEXT,
        },
    ),
    "approval_needed": MailKind(
        Audience.OPERATORS,
        {
            "cluster": Kind.TEXT,
            "question": Kind.TEXT,
            "reason": Kind.TEXT,
            "changes": Kind.LINES,
            "task_token": Kind.TOKEN,
            "execution": Kind.TEXT,
        },
    ),
    "daily_report": MailKind(
        Audience.OPERATORS, {"cluster": Kind.TEXT, "day": Kind.TEXT, "summary": Kind.TEXT, "sections": Kind.SECTIONS}
    ),
}


def fields_of(name: str) -> Mapping[str, Kind]:
    """Every field that ``render(name, …)`` needs. Raises ``KeyError`` for a name that is no mail."""
    return {**LETTERHEAD, **MAILS[name].fields}
