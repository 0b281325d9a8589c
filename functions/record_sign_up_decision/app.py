"""RecordSignUpDecision: makes what was decided on a sign-up true: the record, the account, one mail. Repeatable after any call.

Event: ``username``, ``sub``, ``email``, ``signed_up_at``, ``decision`` (a ruling, or what a person gave by hand), ``given``
(true: by hand as the machine's input, which counts even where something else was decided before). Result: ``status``. Raises
``PersonInputInvalid`` for a decision that is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.accounts import Accounts
from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.mail_queue import queue_mail
from hubplane.adapters.people_ledger import entry_of_step
from hubplane.adapters.reviews import Reviews
from hubplane.adapters.stepfunctions import answer_task
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.registration.applying import Hands, apply_ruling, sign_in_url_of
from hubplane.domain.registration.records import UserRecord
from hubplane.domain.registration.review import read_ruling
from hubplane.domain.registration.reviewing import end_waiting_review, first_ruling
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    users_table_name: str
    ledger_table_name: str
    clusters_table_name: str
    user_pool_id: str
    mail_queue_url: str
    user_pool_domain_url: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    ruling, reviews = read_ruling(event["decision"]), Reviews(client("dynamodb"), SETTINGS.ledger_table_name)
    if not event.get("given"):
        ruling = first_ruling(event["sub"], ruling, reviews, datetime.now(UTC))
    urls = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).hub_urls()
    applied = apply_ruling(
        event["username"],
        event["sub"],
        ruling,
        hands(),
        clusters=[*urls],
        sign_in_url=lambda record: sign_in_url_of(record, urls, SETTINGS.user_pool_domain_url),
    )
    if event.get("given"):
        end_waiting_review(event["sub"], ruling, reviews, answer, datetime.now(UTC))
    return {"status": applied.status, "changes": list(applied.changes), "reason": applied.reason}


def answer(token: str, document: Mapping[str, Any]) -> None:
    answer_task(client("stepfunctions"), token, document)


def hands() -> Hands:
    """What ``apply_ruling`` acts with."""
    users = UsersTable(client("dynamodb"), SETTINGS.users_table_name)
    accounts = Accounts(client("cognito-idp"), SETTINGS.user_pool_id)

    def write(old: UserRecord, new: UserRecord, sentence: str) -> bool:
        step = entry_of_step(SETTINGS.ledger_table_name, new.username, sentence, datetime.now(UTC))
        return users.write(RecordChange(new, old), also=[step])

    return Hands(
        read=users.read,
        write=write,
        enable=accounts.enable,
        disable=accounts.disable,
        queue=lambda mail: queue_mail(client("sqs"), SETTINGS.mail_queue_url, mail),
    )
