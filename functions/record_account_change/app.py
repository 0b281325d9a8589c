"""RecordAccountChange: an account that was enabled, disabled or deleted in the user pool, not through Hubplane. Repeatable.

Called by EventBridge with ``AWS API Call via CloudTrail`` events of AdminEnableUser, AdminDisableUser, AdminDeleteUser and
DeleteUser. The record follows, a waiting review ends, and whoever is approved so gets the mail that everybody gets, once. It
never touches the pool: CloudTrail would tell of that too, for ever.
"""

from __future__ import annotations

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
from hubplane.domain.registration.account_events import account_event_of
from hubplane.domain.registration.following import Hands, follow
from hubplane.domain.registration.records import UserRecord
from hubplane.domain.registration.review import ruling_to_json
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
    told = account_event_of(event, SETTINGS.user_pool_id)
    if told is None:
        return {"changes": [], "reason": "the call was refused, is of another pool, or names nobody"}
    followed = follow(told, hands(), SETTINGS.user_pool_domain_url)
    return {"changes": [followed.reason] if followed.changed else [], "reason": followed.reason}


def hands() -> Hands:
    users = UsersTable(client("dynamodb"), SETTINGS.users_table_name)
    reviews = Reviews(client("dynamodb"), SETTINGS.ledger_table_name)
    accounts = Accounts(client("cognito-idp"), SETTINGS.user_pool_id)

    def write(old: UserRecord, new: UserRecord, sentence: str) -> bool:
        step = entry_of_step(SETTINGS.ledger_table_name, new.username, sentence, datetime.now(UTC))
        return users.write(RecordChange(new, old), also=[step])

    return Hands(
        read=users.read,
        everybody=users.records,
        write=write,
        is_enabled=accounts.is_enabled,
        name_of=accounts.name_of,
        hub_urls=ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).hub_urls,
        queue=lambda message: queue_mail(client("sqs"), SETTINGS.mail_queue_url, message),
        review=reviews.read,
        rule=lambda review, ruling: reviews.rule(review, ruling, datetime.now(UTC)),
        wake=lambda token, ruling: answer_task(client("stepfunctions"), token, ruling_to_json(ruling)),
    )
