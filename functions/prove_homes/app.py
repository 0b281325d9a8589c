"""ProveHomes: a completed snapshot for each home of who leaves, started after it was seen to rest. Called until all have one.

Event: ``username``, ``homes`` as the last call answered them, ``execution_arn``. Result: ``done``, ``homes``. Deletes nothing.
Raises ``HomeNotProved`` where waiting cannot help.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.volume_use import read_uses
from hubplane.domain.storage.last_copy import prove_home
from hubplane.domain.storage.leaving_home import home_from_json, home_to_json
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
disks = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    clusters = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    execution_arn, now, changes, homes = event["execution_arn"], datetime.now(UTC), [], []
    waiting = [home_from_json(document) for document in event["homes"]]
    uses = read_uses(client("dynamodb"), SETTINGS.ledger_table_name) if waiting else ()
    for home in waiting:
        policy = clusters.read(home.cluster_name).storage_policy or StoragePolicy()
        found, started = prove_home(
            home,
            disks(),
            policy,
            uses,
            account_id=execution_arn.split(":")[4],
            run_id=f"offboard/{execution_arn.rpartition(':')[2]}",
            now=now,
        )
        homes.append(found)
        changes += [f"started {started} of {home.volume_id}"] if started else []
    open_ends = [home.said for home in homes if home.proof is None]
    return {
        "done": not open_ends,
        "homes": [home_to_json(home) for home in homes],
        "changes": changes,
        "reason": "; ".join(open_ends) or f"{len(homes)} home(s) are held by completed snapshots",
    }
