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
from hubplane.adapters.ebs import Ebs, looking_client
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.home_binding import HomeBinding
from hubplane.adapters.home_holds import HomeHolder
from hubplane.adapters.home_makings import HomeMakings
from hubplane.adapters.home_volumes import HomeVolumes
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.people_ledger import entry_of_step
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.errors import ClusterBusy, HubplaneError
from hubplane.domain.homes.answers import answer, refusal_of
from hubplane.domain.homes.asking import who_asks
from hubplane.domain.homes.giving import give_home
from hubplane.domain.homes.ports import Tools
from hubplane.domain.registration.external import pin
from hubplane.domain.registration.records import UserRecord
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
ebs = cache(Ebs.connect)
home_volumes = cache(lambda: HomeVolumes(looking_client()))
clusters = cache(lambda: ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name))
users = cache(lambda: UsersTable(client("dynamodb"), SETTINGS.users_table_name))


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    try:
        asked = who_asks(event, clusters().read, users().known, SETTINGS.account_id, SETTINGS.user_pool_domain_url)
        return answer(give_home(asked, lambda: tools_of(asked.cluster_name)))
    except ClusterBusy as error:
        return refusal_of(error)
    except HubplaneError as error:
        told = refusal_of(error)
        log = logger.error if told["retry_seconds"] is None else logger.warning
        log("cannot look", extra={"cause": str(error)})
        return told
    except Exception as error:
        logger.exception("cannot look")
        return refusal_of(error)


class People:
    """The port ``domain.homes.ports.People``."""

    def pin(self, record: UserRecord) -> bool:
        return pin(record, users().read, write)


def write(new: UserRecord, old: UserRecord | None, sentence: str) -> bool:
    step = entry_of_step(SETTINGS.ledger_table_name, new.username, sentence, datetime.now(UTC))
    return users().write(RecordChange(new, old), also=[step])


def tools_of(cluster_name: str) -> Tools:
    kubernetes = Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name))
    dynamodb, clock = client("dynamodb"), SystemClock()
    call = uuid.uuid4().hex  # no other call holds the home under this name
    return Tools(
        storage=ebs(),
        volumes=home_volumes(),
        claims=Claims(kubernetes),
        binding=HomeBinding(kubernetes),
        holds=HomeHolder(dynamodb, SETTINGS.ledger_table_name, SETTINGS.clusters_table_name, clock.now),
        makings=HomeMakings(dynamodb, SETTINGS.ledger_table_name),
        people=People(),
        clock=clock,
        holder=f"ensure_home {call}",
        token=call,
    )
