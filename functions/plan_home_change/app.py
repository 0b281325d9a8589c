"""PlanHomeChange: the input of restore_home or move_home checked, the home looked at, and what would be done. Reads only.

Event: ``machine`` (``restore_home`` or ``move_home``), ``input`` as a person gave it. Result: ``mode``, ``change``
(``domain.homes.changes``), ``plan`` in sentences. Raises ``HomeInputInvalid``, ``HomeChangeRefused``, ``ClusterUnknown``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.claims import Claims
from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.homes import giving
from hubplane.domain.homes.asking import facts_of
from hubplane.domain.homes.change_inputs import MoveInput, RestoreInput, read_move, read_restore
from hubplane.domain.homes.facts import HomeFacts
from hubplane.domain.homes.marks import COPY_OF_CLAIM_TAG
from hubplane.domain.homes.restoring import plan_move, plan_restore
from hubplane.domain.names import claims_of
from hubplane.domain.storage.tags import SET_ASIDE_TAG
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    users_table_name: str
    user_pool_domain_url: str
    account_id: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
ebs = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    moves = event["machine"] == "move_home"
    given = read_move(event["input"]) if moves else read_restore(event["input"], datetime.now(UTC))
    facts, names = look(given), sorted(claims_of(given.username).all)
    copies = ebs().volumes_by_tag(COPY_OF_CLAIM_TAG, names)
    if isinstance(given, RestoreInput):
        aside = [copy for name in names for copy in ebs().snapshots_by_tag(SET_ASIDE_TAG, name)]
        change = plan_restore(facts, given, copies, aside)
    else:
        change = plan_move(facts)
    return {
        "mode": given.mode,
        "change": change.to_json(),
        "plan": list(change.steps),
        "changes": [],
        "reason": change.reason,
    }


def look(given: RestoreInput | MoveInput) -> HomeFacts:
    """The person as the tables have them, and everything that carries one of their claims' names or hangs on it."""
    cluster = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(given.cluster_name)
    cluster.policy()
    cluster.refuse_where_ending()
    known_of = UsersTable(client("dynamodb"), SETTINGS.users_table_name).known
    asked = {"username": given.username}
    facts = facts_of(asked, cluster, known_of, SETTINGS.account_id, SETTINGS.user_pool_domain_url)
    kubernetes = Kubernetes(cluster_connection(client("eks"), boto3.Session(), given.cluster_name))
    return giving.look(facts, ebs(), Claims(kubernetes))
