"""PlanHomeChange: the input of restore_home or move_home checked, the home looked at, and what would be done. Reads only.

Event: ``machine`` (``restore_home`` or ``move_home``), ``input`` as a person gave it. Result: ``mode``, ``change``
(``domain.homes.changes``), ``plan`` in sentences. Raises ``HomeInputInvalid``, ``HomeChangeRefused``, ``ClusterUnknown``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from hubplane.domain.errors import ClusterBusy, ClusterUnknown
from hubplane.domain.homes.asking import key_of
from hubplane.domain.homes.change_inputs import MoveInput, RestoreInput, read_move, read_restore
from hubplane.domain.homes.facts import HomeFacts
from hubplane.domain.homes.marks import COPY_OF_CLAIM_TAG
from hubplane.domain.homes.restoring import plan_move, plan_restore
from hubplane.domain.names import claims_of
from hubplane.domain.storage.policy import StoragePolicy
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
    cluster_name, username = given.cluster_name, given.username
    cluster = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(cluster_name)
    if cluster.storage_policy is None:
        raise ClusterUnknown(f"cluster {cluster_name} was never built here: start build_cluster first, or mend the name")
    if cluster.is_ending:
        raise ClusterBusy(f"cluster {cluster_name} is {cluster.status}: build it again before a home of it is changed")
    key = key_of(username, cluster.sign_in_url, SETTINGS.user_pool_domain_url)
    known = UsersTable(client("dynamodb"), SETTINGS.users_table_name).known(key)
    policy = cluster.storage_policy or StoragePolicy()
    facts = HomeFacts(
        cluster_name=cluster_name,
        account_id=SETTINGS.account_id,
        username=username,
        claim_name=claims_of(username).escaped,
        zone=cluster.availability_zone,
        requested_gib=cluster.home_size_gib or 0,
        record=known.records.get(key),
        claim_holders=known.claim_holders,
        protection_tag=policy.protection_tag,
    )
    names = sorted(claims_of(username).all)
    claims = Claims(Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name)))
    seen = tuple(claim for claim in map(claims.see, names) if claim is not None)
    # Volumes before snapshots: who deletes a volume has its snapshot first.
    volumes = {volume.volume_id: volume for volume in ebs().volumes_of_claims(names)}
    bound = [claim.volume_id for claim in seen if claim.volume_id and claim.volume_id not in volumes]
    volumes |= {volume.volume_id: volume for volume in (ebs().volumes(bound) if bound else ())}
    return replace(facts, claims=seen, volumes=tuple(volumes.values()), snapshots=ebs().snapshots_of_claims(names))
