"""BindUsers: people of an adopted system become tombstones that own their storage and may come back. Repeatable.

Event: ``username`` (whoever imports), ``input`` as a person gave it. Result: ``people``, one line each with fate, reason and
the storage that carries the name; ``counts`` by fate. ``plan`` writes nothing. Raises ``PersonInputInvalid``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.ebs import Ebs
from hubplane.adapters.people_ledger import entry_of_step
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.names import claims_of
from hubplane.domain.registration.importing import Binding, Fate, plan_import
from hubplane.domain.registration.inputs import read_import
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    users_table_name: str
    ledger_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
disks = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    asked, now = read_import(event["input"]), datetime.now(UTC)
    users = UsersTable(client("dynamodb"), SETTINGS.users_table_name)
    claims = {claim for person in asked.people for claim in claims_of(person.username).all}
    bindings = plan_import(
        asked.people,
        {person.username: users.known(person.username) for person in asked.people},
        disks().volumes_of_claims(claims),
        disks().snapshots_of_claims(claims),
        by=asked.by,
        now=now,
    )
    if asked.mode == "enforce":
        bindings = tuple(bound(users, binding, now) for binding in bindings)
    counts = Counter(str(binding.fate) for binding in bindings)
    told = ", ".join(f"{count} {fate}" for fate, count in sorted(counts.items()))
    written = [f"{binding.username}: {binding.reason}" for binding in bindings if binding.new is not None]
    return {
        "mode": asked.mode,
        "people": [binding.to_json() for binding in bindings],
        "counts": dict(counts),
        "changes": [f"{len(written)} record(s) written"] if asked.mode == "enforce" and written else [],
        "reason": told,
    }


def bound(users: UsersTable, binding: Binding, now: datetime) -> Binding:
    """The binding after it was stored; refused where the name was taken since it was planned."""
    if binding.new is None:
        return binding
    step = entry_of_step(SETTINGS.ledger_table_name, binding.new.username, binding.reason, now)
    if users.write(RecordChange(binding.new, binding.old), also=[step]):
        return binding
    reason = "the name or its claim was taken at this moment: import again"
    return Binding(binding.username, Fate.REFUSE, reason, storage=binding.storage)
