"""What the Ledger and the mail service answer to whoever sends a mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hubplane.domain.errors import HubplaneError


class MailRefused(HubplaneError):
    """SES does not take this mail and never will; the message says why. Nothing was sent."""


class MailInDoubt(HubplaneError):
    """No clear answer came: SES may have taken the mail or not. Only its SEND event can tell."""


class Standing(StrEnum):
    """``MINE``: claimed now, send it. ``SENT``: SES has taken it before. ``HELD``: somebody else's claim has not settled."""

    MINE = "mine"
    SENT = "sent"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Claim:
    """A try to claim a mail; only one with ``standing`` MINE may be sent, marked, refused or given back."""

    standing: Standing
    cluster: str
    mail_id: str
    claimed_at: datetime
    facts: str
