"""SendMail: mails of the queue, each rendered, claimed in the Ledger, handed to SES at the account's pace, and marked.

What cannot go now stays on the queue: a batch ends at the first sign that SES or the Ledger has trouble; its rest comes again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.mail_ledger import MailLedger, Standing
from hubplane.adapters.ses import CLIENT_CONFIG, MailInDoubt, MailRefused, Sender, send
from hubplane.domain.errors import HubplaneError, NotYet, ProviderError, Throttled
from hubplane.domain.mail.catalogue import MAILS, Audience
from hubplane.domain.mail.feedback import tags_of
from hubplane.domain.mail.messages import MailMessage, message_from_json
from hubplane.domain.mail.rendering import render
from hubplane.entrypoint import logger, task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    ledger_table_name: str
    configuration_set_name: str
    sender_address: str
    institution_name: str
    max_mails_per_second: int
    max_concurrency: int
    reply_to_address: str = ""
    contact_address: str = ""
    admin_email: str = ""
    operator_email: str = ""


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3

REPLY_TO = SETTINGS.reply_to_address or SETTINGS.sender_address
SENDER = Sender(SETTINGS.institution_name, SETTINGS.sender_address, REPLY_TO, SETTINGS.configuration_set_name)
LETTERHEAD = {"institution": SETTINGS.institution_name, "contact": SETTINGS.contact_address or REPLY_TO}
DESK = {Audience.ADMINS: SETTINGS.admin_email or SETTINGS.operator_email, Audience.OPERATORS: SETTINGS.operator_email}
NOBODY = {
    Audience.PERSON: "no address of this person is known; give it in the user pool and ask for the mail again",
    Audience.ADMINS: "neither AdminEmail nor OperatorEmail is set; set one and deploy, then look for what waits",
    Audience.OPERATORS: "OperatorEmail is not set; set it and deploy, what happened is in the Clusters table",
}
# All environments together stay below the account's rate, so each one keeps its share of it.
SECONDS_BETWEEN_MAILS = SETTINGS.max_concurrency / SETTINGS.max_mails_per_second
last_sent = {"at": float("-inf")}


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    failed: list[str] = []
    for number, record in enumerate(event["Records"]):
        try:
            outcome = deliver(message_from_json(record["body"]))
        except (Throttled, ProviderError, MailInDoubt) as error:
            failed += [item["messageId"] for item in event["Records"][number:]]
            logger.warning(
                "the rest waits", extra={"error_class": type(error).__name__, "cause": str(error), "left": len(failed)}
            )
            break
        except HubplaneError as error:
            failed.append(record["messageId"])
            logger.warning("mail not sent", extra={"error_class": type(error).__name__, "cause": str(error)})
        except Exception:
            failed.append(record["messageId"])
            logger.exception("mail not sent")
        else:
            logger.info("mail", extra=outcome)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def deliver(message: MailMessage) -> Mapping[str, str]:
    """Send one mail unless it was sent, and say what became of it. Repeatable; raises what must come again."""
    mail = render(message.name, {**LETTERHEAD, **message.context})
    audience = MAILS[message.name].audience
    to = message.to or DESK.get(audience) or None
    ledger = MailLedger(client("dynamodb"), SETTINGS.ledger_table_name)
    claim = ledger.claim(message, to, datetime.now(UTC))
    said = {"mail_id": message.mail_id, "mail": message.name}
    if claim.standing is Standing.SENT:
        return {**said, "outcome": "was sent before"}
    if claim.standing is Standing.HELD:
        raise NotYet(f"mail {message.mail_id}: another try has it, or ended without a word; looked at again in some minutes")
    suppression = ledger.suppression(to) if to else None
    refusal = NOBODY[audience] if to is None else f"suppressed: {suppression}" if suppression else None
    if to is None or refusal is not None:
        ledger.refuse(claim, str(refusal), datetime.now(UTC))
        return {**said, "outcome": str(refusal)}
    keep_pace()
    try:
        message_id = send(client("sesv2", config=CLIENT_CONFIG), SENDER, to, mail, tags_of(message.cluster_name, message.mail_id))
    except MailRefused as error:
        ledger.refuse(claim, str(error), datetime.now(UTC))
        return {**said, "outcome": str(error)}
    except (Throttled, ProviderError, NotYet) as error:
        ledger.give_back(claim, str(error), datetime.now(UTC))
        raise
    ledger.mark_accepted(claim.cluster, claim.mail_id, message_id, datetime.now(UTC))
    return {**said, "outcome": "sent", "message_id": message_id}


def keep_pace() -> None:
    """Wait for this environment's turn: SES counts mails per second, and a throttled batch would come again in minutes only."""
    time.sleep(max(0.0, last_sent["at"] + SECONDS_BETWEEN_MAILS - time.monotonic()))
    last_sent["at"] = time.monotonic()
