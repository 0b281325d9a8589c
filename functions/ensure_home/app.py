"""EnsureHome: what a person's server may mount, and whatever has to be done for it. The hub asks before each spawn, again and
again where it is told to, and starts nothing without a yes.

Event: ``cluster_name``, ``username``, ``server_name``, ``claim_name`` where the hub names its claim otherwise than by the
person, and ``subject``, the sub that the sign-in carried (null: the hub knows none). Result: ``allowed``, ``action``,
``sentence`` for the person, ``retry_seconds`` (null: asking again does not help), ``volume_id``. Repeatable. Never raises:
whatever fails is a refusal, because a hub without an answer would make an empty volume.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.claims import Claims
from hubplane.adapters.clock import SystemClock
from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs, changing_client, looking_client
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.home_binding import HomeBinding
from hubplane.adapters.home_holds import HomeHolds
from hubplane.adapters.home_makings import HomeMakings
from hubplane.adapters.home_volumes import HomeVolumes
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.people_ledger import entry_of_step
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.errors import ClusterBusy, HubplaneError, NotYet, Throttled
from hubplane.domain.homes.answers import answer, refused
from hubplane.domain.homes.asking import asked_from_outside, foreign_provider, key_of
from hubplane.domain.homes.facts import HomeFacts
from hubplane.domain.homes.giving import give_home
from hubplane.domain.homes.ports import Tools
from hubplane.domain.names import claims_of
from hubplane.domain.registration.records import UserRecord
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.entrypoint import logger, task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    users_table_name: str
    ledger_table_name: str
    user_pool_domain_url: str
    account_id: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@cache
def ebs() -> Ebs:
    return Ebs(looking_client(), changing_client())


@cache
def home_volumes() -> HomeVolumes:
    return HomeVolumes(looking_client())


@cache
def users() -> UsersTable:
    return UsersTable(client("dynamodb"), SETTINGS.users_table_name)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    try:
        asked = who_asks(event)
        return answer(give_home(asked, lambda: tools(asked.cluster_name)))
    except ClusterBusy as error:
        return refused(str(error))
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
    cluster = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(cluster_name)
    if cluster.is_ending:
        raise ClusterBusy("This hub is being taken down, so no server starts here. Your home is kept: ask an operator where.")
    provider = foreign_provider(cluster.sign_in_url, SETTINGS.user_pool_domain_url)
    key = key_of(username, cluster.sign_in_url, SETTINGS.user_pool_domain_url)
    known = users().known(key)
    facts = HomeFacts(
        cluster_name=cluster_name,
        account_id=SETTINGS.account_id,
        username=username,
        claim_name=str(event.get("claim_name") or claims_of(username).escaped),
        zone=cluster.availability_zone,
        requested_gib=cluster.home_size_gib or 0,  # before the first release is recorded there is no copy to size
        record=known.records.get(key),
        claim_holders=known.claim_holders,
        protection_tag=(cluster.storage_policy or StoragePolicy()).protection_tag,
        storage_class_name=cluster.storage_class_name or "gp3",
        subject=event.get("subject") or None,
    )
    return facts if provider is None else asked_from_outside(facts, provider, facts.record)


class People:
    """The port ``domain.homes.ports.People``."""

    def pin(self, record: UserRecord) -> bool:
        """Write the record with its claims and the ledger's sentence, unless the name is somebody else's by now."""
        old = users().read(record.username)
        if old is not None and old.sub != record.sub:
            return False
        sentence = f"{record.username} is {record.sub} from the first home on: {', '.join(record.clusters)}"
        step = entry_of_step(SETTINGS.ledger_table_name, record.username, sentence, datetime.now(UTC))
        return users().write(RecordChange(record, old), also=[step])


def tools(cluster_name: str) -> Tools:
    """What this one call acts through, under a name of its own."""
    kubernetes = Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name))
    dynamodb, call, clock = client("dynamodb"), uuid.uuid4().hex, SystemClock()
    return Tools(
        storage=ebs(),
        volumes=home_volumes(),
        claims=Claims(kubernetes),
        binding=HomeBinding(kubernetes),
        holds=HomeHolds(dynamodb, SETTINGS.ledger_table_name, clock.now),
        makings=HomeMakings(dynamodb, SETTINGS.ledger_table_name),
        people=People(),
        clock=clock,
        holder=f"ensure_home {call}",
        token=call,
    )
