"""SwitchHome: the new volume takes the home's place, one deed a call, each decided from what is seen now. Called until done.

Event: ``change``, ``copy_id``, ``volume_id``, ``execution_arn``. Result: ``done``, ``deed``. Renews the hold. Repeatable, may
be killed anywhere (``domain.homes.switching``). Raises ``HomeChangeRefused`` where a person has to look, ``HomeHeld`` where the
hold was lost, ``ClusterBusy`` where the cluster ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import boto3

from hubplane.adapters.claims import Claims
from hubplane.adapters.clock import SystemClock
from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.home_binding import HomeBinding
from hubplane.adapters.home_holds import HomeHolder
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.volume_use import read_uses
from hubplane.domain.homes.changes import HELD_FOR, change_from_json
from hubplane.domain.homes.switching import DeedKind
from hubplane.domain.homes.taking_place import Taking, Tools, take_next_step
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    account_id: str
    hold_seconds: int


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
ebs = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    change = change_from_json(event["change"])
    until_at = datetime.now(UTC) + timedelta(seconds=SETTINGS.hold_seconds)
    holds = HomeHolder(client("dynamodb"), SETTINGS.ledger_table_name, SETTINGS.clusters_table_name)
    holds.hold(change.cluster_name, change.claim_name, event["execution_arn"], HELD_FOR, until_at)
    tools = tools_of(change.cluster_name)
    cluster = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(change.cluster_name)
    ids = event["volume_id"], event["copy_id"], SETTINGS.account_id
    taking = Taking(change, *ids, cluster.protection_tag, cluster.home_class)
    deed, was_done = take_next_step(taking, tools)
    return {
        "done": deed.kind is DeedKind.DONE,
        "deed": str(deed.kind),
        "changes": [deed.sentence] if was_done else [],
        "reason": deed.sentence,
    }


def tools_of(cluster_name: str) -> Tools:
    kubernetes = Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name))
    uses = partial(read_uses, client("dynamodb"), SETTINGS.ledger_table_name)
    return Tools(ebs(), Claims(kubernetes), HomeBinding(kubernetes), uses, SystemClock().now)
