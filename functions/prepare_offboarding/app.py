"""PrepareOffboarding: the input checked, and what off-boarding would do to whom. Reads only.

Event: ``input`` as a person gave it. Result: ``username``, ``sub``, ``by``, ``said_reason``, ``mode``, ``clusters`` to ask about
servers, ``homes`` to prove, ``plan`` in sentences, ``notes``. Raises ``PersonInputInvalid``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.errors import PersonInputInvalid
from hubplane.domain.names import claims_of, username_key
from hubplane.domain.registration.inputs import read_leaving
from hubplane.domain.registration.leaving import plan_leaving
from hubplane.domain.storage.leaving_home import home_to_json
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    users_table_name: str
    clusters_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
disks = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    leaving = read_leaving(event["input"])
    record = UsersTable(client("dynamodb"), SETTINGS.users_table_name).read(leaving.username)
    if record is None:
        raise PersonInputInvalid(
            f"username = {leaving.username}: nobody has this name; look at the Users table for how it is written"
        )
    if username_key(leaving.by) == record.username:
        raise PersonInputInvalid(f"by = {leaving.by}: must be somebody else than the person; an admin decides")
    built = [cluster.cluster_name for cluster in ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).built()]
    volumes = (
        *disks().volumes_of_claims(claims_of(record.username).all),
        *disks().volumes_of_owners(record.subs),
    )
    plan = plan_leaving(record, volumes, built, leaving.servers_stopped_in, StoragePolicy().protection_tag)
    return {
        "username": record.username,
        "sub": record.sub,
        "by": leaving.by,
        "said_reason": leaving.reason,
        "mode": leaving.mode,
        "clusters": list(plan.clusters),
        "homes": [home_to_json(home) for home in plan.homes],
        "plan": list(plan.sentences),
        "notes": list(plan.notes),
        "changes": [],
        "reason": f"{record.username} is {record.status} and has {len(plan.homes)} home volume(s)",
    }
