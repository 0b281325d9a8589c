"""SweepStorage: every volume and snapshot of the cluster into S3, page by page, then what the tables and the cluster say.

Event: ``run``, ``cursor`` (null at first). Result: ``done``; ``cursor``, with which the next invocation goes on; ``counts``;
``notes``. Repeatable from any cursor. A cluster that cannot be asked is written down as unknown, and its volumes are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3

from hubplane.adapters import ebs_sweep, ledger_table, volume_use
from hubplane.adapters.claims import Claims
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.storage.policy import StoragePolicy, policy_from_json
from hubplane.domain.storage.records import Claim
from hubplane.domain.storage.sweeping import SweepCursor
from hubplane.domain.storage.tags import is_for_planners
from hubplane.domain.storage.taking_inventory import Sources, Sweep, sweep_result
from hubplane.entrypoint import SecondsLeft, timed_task
from hubplane.memory import collecting_seldom
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    storage_bucket_name: str
    ledger_table_name: str
    users_table_name: str


SETTINGS = read_settings(Settings)
collecting_seldom()
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
sweep_client = ebs_sweep.sweep_client


@timed_task
def handler(event: dict[str, Any], seconds_left: SecondsLeft) -> dict[str, Any]:
    cluster_name, run, policy = event["cluster_name"], event["run"], policy_from_json(event["run"]["policy"])
    cursor = SweepCursor.from_json(event.get("cursor"), datetime.now(UTC))
    bucket = StorageBucket(client("s3"), SETTINGS.storage_bucket_name)
    sources = sources_of(cluster_name, run["night_at"][:10], policy)
    sweep = Sweep(cluster_name, run["account_id"], run["prefix"], run["step"], policy, bucket, sources, seconds_left)
    return sweep_result(*sweep.go_on(cursor))


def sources_of(cluster_name: str, night: str, policy: StoragePolicy) -> Sources:
    ec2, ledger = sweep_client(lambda key: is_for_planners(key, policy.protection_tag)), SETTINGS.ledger_table_name
    return Sources(
        volume_pages=partial(ebs_sweep.volume_pages, ec2, cluster_name),
        snapshot_pages=partial(ebs_sweep.snapshot_pages, ec2),
        volumes_by_id=partial(ebs_sweep.volumes_by_id, ec2),
        claims=lambda: read_claims(cluster_name),
        people=lambda: UsersTable(client("dynamodb"), SETTINGS.users_table_name).records(),
        deleted=lambda: ledger_table.deleted_tonight(client("dynamodb"), ledger, cluster_name, night),
        uses=lambda: volume_use.read_uses(client("dynamodb"), ledger),
        warnings=lambda: ledger_table.accepted_warnings(client("dynamodb"), ledger, cluster_name),
    )


def read_claims(cluster_name: str) -> tuple[tuple[Claim, ...], frozenset[str]]:
    return Claims(Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name))).read_claims()
