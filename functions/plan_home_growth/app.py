"""PlanHomeGrowth: the input of expand_home checked, the home looked at, everything against it at once, and the plan. Reads only.

Event: ``input`` as a person gave it. Result: ``mode``, ``growth`` (``domain.homes.growing``), ``plan`` in sentences. Raises
``HomeInputInvalid``, ``HomeChangeRefused``, ``ClusterUnknown``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs, changing_client, looking_client
from hubplane.adapters.ebs_modifications import latest_modification
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.growing_claims import GrowingClaims
from hubplane.adapters.home_growths import HomeGrowths
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.homes.asking import key_of
from hubplane.domain.homes.growing import GrowthFacts, plan_growth
from hubplane.domain.homes.operator_inputs import ExpandInput, read_expansion
from hubplane.domain.names import claims_of
from hubplane.domain.storage.tags import carries_cluster
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    users_table_name: str
    ledger_table_name: str
    user_pool_domain_url: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@cache
def looking() -> Any:
    return looking_client()


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    given = read_expansion(event["input"])
    claim_name = given.claim_name or claims_of(given.username).escaped
    growth = plan_growth(look(given, claim_name), given, claim_name, datetime.now(UTC))
    return {
        "mode": given.mode,
        "growth": growth.to_json(),
        "plan": list(growth.steps),
        "changes": [],
        "reason": growth.reason,
    }


def look(given: ExpandInput, claim_name: str) -> GrowthFacts:
    """The person, the claim with its volume and class, and what EC2 says of the volume."""
    cluster_name = given.cluster_name
    cluster = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(cluster_name)
    cluster.policy()
    cluster.refuse_where_ending()
    key = key_of(given.username, cluster.sign_in_url, SETTINGS.user_pool_domain_url)
    record = UsersTable(client("dynamodb"), SETTINGS.users_table_name).read(key)
    claims = GrowingClaims(Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name)))
    home, ebs = claims.see(claim_name), Ebs(looking(), changing_client())
    volume_id = home.volume_id if home else None
    begun = HomeGrowths(client("dynamodb"), SETTINGS.ledger_table_name).begun_at(cluster_name, claim_name, given.size_gib)
    return GrowthFacts(
        record=record,
        home=home,
        storage_class=claims.storage_class(home.class_name) if home and home.class_name else None,
        volume=next(iter(ebs.volumes([volume_id])), None) if volume_id else None,
        modification=latest_modification(looking(), volume_id) if volume_id else None,
        others=tuple(
            volume.volume_id
            for volume in ebs.volumes_of_claims([claim_name])
            if volume.volume_id != volume_id and carries_cluster(volume.tags, cluster_name)
        ),
        begun=begun is not None,
    )
