"""TombstoneAccount: the last step of off-boarding. The name is kept, the rights go, nobody waits for a decision. Repeatable.

Event: ``username``, ``sub``, ``by``, ``said_reason``, ``homes`` with their proofs; a home without one is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.people_ledger import entry_of_step
from hubplane.adapters.reviews import Reviews
from hubplane.adapters.stepfunctions import answer_task
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.errors import HomeNotProved, NotYet, PersonInputInvalid
from hubplane.domain.registration.leaving import farewell
from hubplane.domain.registration.records import tombstone
from hubplane.domain.registration.review import Outcome, Ruling, ruling_to_json
from hubplane.domain.storage.leaving_home import home_from_json
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    users_table_name: str
    ledger_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    username, sub, now = event["username"], event["sub"], datetime.now(UTC)
    homes = [home_from_json(document) for document in event["homes"]]
    open_ends = [home.volume_id for home in homes if home.proof is None]
    if open_ends:
        raise HomeNotProved(f"{', '.join(open_ends)}: no snapshot proves to hold it, so {username} is not off-boarded yet")
    users = UsersTable(client("dynamodb"), SETTINGS.users_table_name)
    record = users.read(username)
    if record is None or record.sub != sub:
        raise PersonInputInvalid(f"username = {username}: it is not the name of account {sub} any more; start again")
    change = tombstone(record, by=event["by"], reason=farewell(event["said_reason"], homes))
    if change.changed:
        step = entry_of_step(SETTINGS.ledger_table_name, username, change.sentence, now)
        if not users.write(RecordChange(change.record, record), also=[step]):
            raise NotYet(f"the record of {username} was changed at this moment: look again")
    end_review(sub, event["by"], now)
    return {
        "status": str(change.record.status),
        "changes": [change.sentence] if change.changed else [],
        "reason": change.sentence,
    }


def end_review(sub: str, by: str, now: datetime) -> None:
    """Whoever waits for a decision on this account need not wait any longer."""
    reviews = Reviews(client("dynamodb"), SETTINGS.ledger_table_name)
    review = reviews.read(sub)
    if review is not None and review.ruling is None:
        reviews.rule(review, Ruling(Outcome.WITHDRAWN, by, "the person was off-boarded"), now)
        review = reviews.read(sub)
    if review is not None and review.ruling is not None and review.task_token is not None:
        answer_task(client("stepfunctions"), review.task_token, ruling_to_json(review.ruling))
