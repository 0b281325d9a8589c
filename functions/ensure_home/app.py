"""EnsureHome: what a person's server may mount. The hub asks before each spawn and starts nothing without a yes.

Event: ``cluster_name``, ``username``, ``server_name``, and ``claim_name`` where the hub names its claim otherwise than by the
person. Result: ``allowed``, ``action``, ``sentence`` for the person, ``retry_seconds`` (null: asking again does not help),
``volume_id``. Repeatable. Never raises: whatever fails is a refusal, because a hub without an answer would make an empty volume.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.claims import Claims
from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs, changing_client, looking_client
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.users_table import UsersTable
from hubplane.domain.errors import HubplaneError, NotYet, Throttled
from hubplane.domain.homes.answers import answer, refused
from hubplane.domain.homes.facts import HomeAction, HomeFacts, HomePlan
from hubplane.domain.homes.planning import plan_home
from hubplane.domain.names import claims_of, username_key
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.tags import OWNER_TAG, START_TAG
from hubplane.entrypoint import logger, task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    users_table_name: str
    account_id: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@cache
def ebs() -> Ebs:
    return Ebs(looking_client(), changing_client())


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    try:
        facts = who_asks(event)
        plan = plan_home(facts)
        if plan.action is HomeAction.REFUSE:
            return answer(plan)  # by the person alone: nothing is looked up for whoever may not enter
        facts = look(facts)
        plan = plan_home(facts)
        if plan.action is HomeAction.USE and plan.volume_id is not None:
            mark(facts, plan, plan.volume_id)
        return answer(plan)
    except (NotYet, Throttled) as error:
        logger.warning("cannot look", extra={"cause": str(error)})
        return refused("Your home cannot be looked at just now: try again in a minute.", retry_seconds=60)
    except HubplaneError as error:
        logger.error("cannot look", extra={"cause": str(error)})
        return refused(f"Your home cannot be looked at ({type(error).__name__}): tell an operator, the log has the cause.")
    except Exception:
        logger.exception("cannot look")
        return refused("Your home cannot be looked at: tell an operator, the log of EnsureHome has the cause.")


def who_asks(event: dict[str, Any]) -> HomeFacts:
    """The person and the cluster as the tables have them; storage not looked at yet."""
    cluster_name, username = str(event["cluster_name"]), str(event["username"])
    known = UsersTable(client("dynamodb"), SETTINGS.users_table_name).known(username)
    cluster = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(cluster_name)
    policy = cluster.storage_policy or StoragePolicy()
    return HomeFacts(
        cluster_name=cluster_name,
        account_id=SETTINGS.account_id,
        username=username,
        claim_name=str(event.get("claim_name") or claims_of(username).escaped),
        zone=cluster.availability_zone,
        requested_gib=cluster.home_size_gib or 0,  # before the first release is recorded there is no copy to size
        record=known.records.get(username_key(username)),
        claim_holders=known.claim_holders,
        protection_tag=policy.protection_tag,
    )


def look(facts: HomeFacts) -> HomeFacts:
    """``facts`` with the claims, and with all volumes and copies that carry their names or hang on them."""
    names = sorted(claims_of(facts.username).all)
    claims = Claims(Kubernetes(cluster_connection(client("eks"), boto3.Session(), facts.cluster_name)))
    seen = tuple(claim for claim in map(claims.see, names) if claim is not None)
    volumes = {volume.volume_id: volume for volume in ebs().volumes_of_claims(names)}
    bound = [claim.volume_id for claim in seen if claim.volume_id and claim.volume_id not in volumes]
    volumes |= {volume.volume_id: volume for volume in (ebs().volumes(bound) if bound else ())}
    return replace(facts, claims=seen, volumes=tuple(volumes.values()), snapshots=ebs().snapshots_of_claims(names))


def mark(facts: HomeFacts, plan: HomePlan, volume_id: str) -> None:
    """Whose the volume is, where it says nobody's, and that it is in use. Two calls: IAM lets an owner be written once."""
    if plan.mark_owner and facts.record is not None:
        ebs().tag_volume(volume_id, {OWNER_TAG: facts.record.sub})
    ebs().tag_volume(volume_id, {START_TAG: datetime.now(UTC).isoformat(sep=" ", timespec="seconds")})
