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

from hubplane.adapters.mail_ledger import MailLedger
from hubplane.adapters.ses import CLIENT_CONFIG, Sender, send
from hubplane.domain.errors import HubplaneError
from hubplane.domain.mail.delivering import ENDS_A_BATCH, Hands, House, deliver
from hubplane.domain.mail.messages import message_from_json
from hubplane.domain.mail.rendering import Rendered
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
HOUSE = House(LETTERHEAD, SETTINGS.admin_email, SETTINGS.operator_email)
# All environments together stay below the account's rate, so each one keeps its share of it.
SECONDS_BETWEEN_MAILS = SETTINGS.max_concurrency / SETTINGS.max_mails_per_second
last_sent = {"at": float("-inf")}


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    failed: list[str] = []
    ledger = MailLedger(client("dynamodb"), SETTINGS.ledger_table_name)
    hands = Hands(ledger, hand_over, keep_pace, now=lambda: datetime.now(UTC))
    for number, record in enumerate(event["Records"]):
        try:
            outcome = deliver(message_from_json(record["body"]), HOUSE, hands)
        except ENDS_A_BATCH as error:
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


def hand_over(to: str, mail: Rendered, tags: Mapping[str, str]) -> str:
    return send(client("sesv2", config=CLIENT_CONFIG), SENDER, to, mail, tags)


def keep_pace() -> None:
    """Wait for this environment's turn: SES counts mails per second, and a throttled batch would come again in minutes only."""
    time.sleep(max(0.0, last_sent["at"] + SECONDS_BETWEEN_MAILS - time.monotonic()))
    last_sent["at"] = time.monotonic()
