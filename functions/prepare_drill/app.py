"""PrepareDrill: the input checked, the homes of this drill chosen, and no other drill of the cluster until it is recorded.

Event: ``input``, ``execution_arn``. Result: ``run`` ``{run_id, zone, homes}``, ``picks``. Repeatable: the same execution picks
the same. Raises ``HomeInputInvalid``, ``ClusterUnknown``, ``HomeHeld`` where a drill runs, ``ClusterBusy`` where the cluster
ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.home_holds import HomeHolder
from hubplane.domain.errors import ClusterUnknown
from hubplane.domain.homes.change_inputs import read_drill
from hubplane.domain.homes.drilling import DRILL_HOLD, pick_homes
from hubplane.domain.storage.tags import CLUSTER_TAG_PREFIX
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    account_id: str
    drill_seconds: int


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
ebs = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    given, execution_arn = read_drill(event["input"]), event["execution_arn"]
    cluster = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(given.cluster_name)
    if cluster.storage_policy is None or cluster.availability_zone is None:
        raise ClusterUnknown(f"cluster {given.cluster_name} was never built here: start build_cluster first, or mend the name")
    until_at = datetime.now(UTC) + timedelta(seconds=SETTINGS.drill_seconds)
    holds = HomeHolder(client("dynamodb"), SETTINGS.ledger_table_name, SETTINGS.clusters_table_name)
    holds.hold(given.cluster_name, DRILL_HOLD, execution_arn, "a restore drill of this cluster runs", until_at)
    run_id = execution_arn.rpartition(":")[2]
    snapshots = ebs().snapshots_by_tag(CLUSTER_TAG_PREFIX + given.cluster_name, "owned", "completed")
    picks = pick_homes(snapshots, given.cluster_name, SETTINGS.account_id, given.count, run_id)
    people = sum(not pick.is_canary for pick in picks)
    canary = "and the drill's own" if len(picks) > people else "the drill's own has no copy yet"
    return {
        "run": {"run_id": run_id, "zone": cluster.availability_zone},
        "picks": [pick.to_json() for pick in picks],
        "changes": [],
        "reason": f"{people} homes are restored, {canary}",
    }
