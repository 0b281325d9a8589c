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
from hubplane.domain.errors import NotYet
from hubplane.domain.registration.account_events import AccountEvent, Deed, account_event_of, change_after
from hubplane.domain.registration.applying import approved_mail, sign_in_url_of
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.registration.review import Outcome, Ruling, ruling_to_json
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
    record = record_of(told)
    if record is None:
        return {"changes": [], "reason": f"an account without a record was {told.deed}"}
    account = Accounts(client("cognito-idp"), SETTINGS.user_pool_id).find(record.username)
    enabled = account.enabled if account is not None and account.sub == record.sub else None
    if told.deed is Deed.DELETE and enabled is not None:
        raise NotYet(f"the account of {record.username} was deleted and is still shown: look again")
    hub_urls = {
        built.cluster_name: built.hub_url for built in ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).built()
    }
    change = change_after(told, record, enabled=enabled, clusters=tuple(hub_urls))
    if change is None:
        return {"changes": [], "reason": f"{record.username} is {record.status}, and nothing follows from being {told.deed}"}
    if change.changed:
        step = entry_of_step(SETTINGS.ledger_table_name, record.username, change.sentence, datetime.now(UTC))
        users = UsersTable(client("dynamodb"), SETTINGS.users_table_name)
        if not users.write(RecordChange(change.record, record), also=[step]):
            raise NotYet(f"the record of {record.username} was changed at this moment: look again")
    if change.record.status is Status.APPROVED:
        mail = approved_mail(change.record, sign_in_url_of(change.record, hub_urls, SETTINGS.user_pool_domain_url))
        queue_mail(client("sqs"), SETTINGS.mail_queue_url, mail)
    end_review(change.record, told)
    return {"changes": [change.sentence] if change.changed else [], "reason": change.sentence}


def record_of(told: AccountEvent) -> UserRecord | None:
    """The record of the event's account; one of another sub under the same name is somebody else's."""
    users = UsersTable(client("dynamodb"), SETTINGS.users_table_name)
    if told.username:
        record = users.read(told.username)
        return record if record is not None and told.sub in ("", record.sub) else None
    review = Reviews(client("dynamodb"), SETTINGS.ledger_table_name).read(told.sub)
    account = None if review else Accounts(client("cognito-idp"), SETTINGS.user_pool_id).find_by_sub(told.sub)
    username = review.username if review else account.username if account else None
    record = users.read(username) if username else None
    if record is not None and record.sub == told.sub:
        return record
    # Deleted, and never reviewed: the table is read through, which is seldom and takes seconds for 100,000 people.
    return next((each for each in users.records() if each.sub == told.sub), None)


def end_review(record: UserRecord, told: AccountEvent) -> None:
    """Whoever waits for a decision on this account need not wait any longer."""
    if record.status not in (Status.APPROVED, Status.TOMBSTONE):
        return
    reviews = Reviews(client("dynamodb"), SETTINGS.ledger_table_name)
    review = reviews.read(record.sub)
    if review is None or review.task_token is None:
        return
    if review.ruling is None:
        outcome = Outcome.APPROVED if record.status is Status.APPROVED else Outcome.WITHDRAWN
        ruling = Ruling(outcome, told.by, f"the account was {told.deed}", record.clusters or None)
        reviews.rule(review, ruling, datetime.now(UTC))
        review = reviews.read(record.sub) or review
    if review.ruling is not None:
        answer_task(client("stepfunctions"), review.task_token, ruling_to_json(review.ruling))
