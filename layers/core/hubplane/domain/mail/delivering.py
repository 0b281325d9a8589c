"""Sending one mail once: rendered, claimed in the Ledger, handed over at the account's pace, and marked.

Rendered first, so that a mail that cannot be written claims nothing. A try that ends without a word after it was handed over
keeps its claim, because the person may have the mail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from hubplane.domain.errors import NotYet, ProviderError, Throttled
from hubplane.domain.mail.catalogue import MAILS, Audience
from hubplane.domain.mail.claims import Claim, MailInDoubt, MailRefused, Standing
from hubplane.domain.mail.feedback import tags_of
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.mail.rendering import Rendered, render

__all__ = ["ENDS_A_BATCH", "Hands", "House", "Ledger", "deliver"]

ENDS_A_BATCH: Final = (Throttled, ProviderError, MailInDoubt)
"""SES or the Ledger has trouble: what is left of a batch would meet it too, and comes again."""

NOBODY: Final[Mapping[Audience, str]] = {
    Audience.PERSON: "no address of this person is known; give it in the user pool and ask for the mail again",
    Audience.ADMINS: "neither AdminEmail nor OperatorEmail is set; set one and deploy, then look for what waits",
    Audience.OPERATORS: "OperatorEmail is not set; set it and deploy, what happened is in the Clusters table",
}


@dataclass(frozen=True, slots=True)
class House:
    """Who writes (``letterhead``: the fields of every mail) and who gets what is for no person; empty: nobody does."""

    letterhead: Mapping[str, str]
    admins: str
    operators: str

    def address_of(self, audience: Audience) -> str | None:
        """Where mails for ``audience`` go that name no address; what is for admins goes to operators where there are none."""
        desk = {Audience.ADMINS: self.admins or self.operators, Audience.OPERATORS: self.operators}
        return desk.get(audience) or None


class Ledger(Protocol):
    """``adapters.mail_ledger.MailLedger``."""

    def claim(self, message: MailMessage, to: str | None, now: datetime) -> Claim:
        """Claim a mail for sending."""

    def suppression(self, address: str) -> str | None:
        """Why ``address`` gets no mail; None: it does."""

    def refuse(self, claim: Claim, reason: str, now: datetime) -> None:
        """It is not sent, and nobody tries again by himself."""

    def give_back(self, claim: Claim, reason: str, now: datetime) -> None:
        """Nothing was sent, and the next delivery may try at once."""

    def mark_accepted(self, cluster: str, mail_id: str, message_id: str, now: datetime) -> bool:
        """SES took it."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What it is sent with. ``send`` hands a mail over to an address, with tags, and tells SES's id; before it ``keep_pace``."""

    ledger: Ledger
    send: Callable[[str, Rendered, Mapping[str, str]], str]
    keep_pace: Callable[[], None]
    now: Callable[[], datetime]


def deliver(message: MailMessage, house: House, hands: Hands) -> Mapping[str, str]:
    """Send one mail unless it was sent, and say what became of it. Repeatable; raises what must come again."""
    mail = render(message.name, {**house.letterhead, **message.context})
    audience, ledger = MAILS[message.name].audience, hands.ledger
    to = message.to or house.address_of(audience)
    claim = ledger.claim(message, to, hands.now())
    said = {"mail_id": message.mail_id, "mail": message.name}
    if claim.standing is Standing.SENT:
        return {**said, "outcome": "was sent before"}
    if claim.standing is Standing.HELD:
        raise NotYet(f"mail {message.mail_id}: another try has it, or ended without a word; looked at again in some minutes")
    suppression = ledger.suppression(to) if to else None
    refusal = NOBODY[audience] if to is None else f"suppressed: {suppression}" if suppression else None
    if to is None or refusal is not None:
        ledger.refuse(claim, str(refusal), hands.now())
        return {**said, "outcome": str(refusal)}
    hands.keep_pace()
    try:
        message_id = hands.send(to, mail, tags_of(message.cluster_name, message.mail_id))
    except MailRefused as error:
        ledger.refuse(claim, str(error), hands.now())
        return {**said, "outcome": str(error)}
    except (Throttled, ProviderError, NotYet) as error:
        ledger.give_back(claim, str(error), hands.now())
        raise
    ledger.mark_accepted(claim.cluster, claim.mail_id, message_id, hands.now())
    return {**said, "outcome": "sent", "message_id": message_id}
