"""SweepCluster: what a cluster left outside its stack, each thing judged, looked at again and removed, or listed with its cost.

Event: ``cluster_name``, ``homes``, ``execution_arn``. Result: ``done``, ``waiting``, ``kept``, ``usd_per_month``, ``listing_key``
(one line a thing that is still there). Called until done, or until waiting makes no sense; repeatable.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cluster_leftovers import ClientPlace, ImagePlace, LogPlace, SchedulePlace, SecretPlace
from hubplane.adapters.clusters_table import ClusterRecord, ClustersTable
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.eks import cluster_status
from hubplane.adapters.ledger_table import StorageLedger
from hubplane.adapters.network_leftovers import ClassicBalancerPlace, LoadBalancerPlace, NetworkPlace
from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.adapters.volume_use import read_uses
from hubplane.domain.deletion.inputs import Homes
from hubplane.domain.deletion.listing import answer_of, listing_of
from hubplane.domain.deletion.planning import judge_thing, named_by
from hubplane.domain.deletion.storage import StorageSweep
from hubplane.domain.deletion.sweeping import Place, Swept, sweep_places
from hubplane.domain.images import own_repositories
from hubplane.domain.oauth_client import secret_name, stored_client_id
from hubplane.domain.report.pricing import prices_of
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.entrypoint import SecondsLeft, timed_task
from hubplane.settings import Surroundings, read_settings

# A batch of deletes with its look, or a load balancer with its tags, and the listing after it.
ENOUGH_SECONDS = 90


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    storage_bucket_name: str
    storage_schedule_group_name: str
    user_pool_id: str


SETTINGS, REGION = read_settings(Settings), read_settings(Surroundings).aws_region
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
disks = cache(Ebs.connect)


@timed_task
def handler(event: dict[str, Any], seconds_left: SecondsLeft) -> dict[str, Any]:
    cluster_name, execution_arn, homes = event["cluster_name"], event["execution_arn"], Homes(event["homes"])
    clusters = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    bucket, prices, swept = StorageBucket(client("s3"), SETTINGS.storage_bucket_name), prices_of(REGION), Swept()
    now, run_id = datetime.now(UTC), execution_arn.rpartition(":")[2]

    def hold() -> None:
        clusters.hold_for_deletion(cluster_name, execution_arn, datetime.now(UTC))

    def enough_time() -> bool:
        return seconds_left() > ENOUGH_SECONDS

    hold()
    record, others = clusters.read(cluster_name), clusters.other_releases(cluster_name)
    places = places_of(record, named_by(secret_name(cluster_name), others) is not None)
    sweep_places(cluster_name, places, lambda thing: judge_thing(thing, cluster_name, prices, others), hold, enough_time, swept)
    StorageSweep(
        cluster_name=cluster_name,
        account_id=execution_arn.split(":")[4],
        homes=homes,
        policy=record.storage_policy or StoragePolicy(),
        prices=prices,
        disks=disks(),
        ledger=StorageLedger(client("dynamodb"), SETTINGS.ledger_table_name, cluster_name, f"{now:%Y-%m-%d}", f"delete-{run_id}"),
        sightings=bucket.sightings(cluster_name),
        uses=read_uses(client("dynamodb"), SETTINGS.ledger_table_name),
        is_gone=cluster_status(client("eks"), cluster_name) is None,
        now=lambda: datetime.now(UTC),
        hold=hold,
        enough_time=enough_time,
    ).sweep(swept)
    listing, key = listing_of(swept, prices.priced_as, datetime.now(UTC)), f"deletions/{cluster_name}/{run_id}.json"
    bucket.put_json(key, listing)
    return answer_of(swept, listing, key)


def places_of(record: ClusterRecord, is_client_shared: bool) -> list[Place]:
    """In the order of ``Kind``: what uses another thing goes before it. The client's secret goes after the client."""
    cluster_name = record.cluster_name
    own_client = stored_client_id(SecretsManager(client("secretsmanager")).read(secret_name(cluster_name)))
    return [
        SchedulePlace(client("scheduler"), SETTINGS.storage_schedule_group_name),
        LoadBalancerPlace(client("elbv2")),
        ClassicBalancerPlace(client("elb")),
        NetworkPlace(client("ec2")),
        ImagePlace(client("ecr"), own_repositories(cluster_name)),
        # A client that somebody gave the cluster was there before it, whatever its name; one that another cluster reads stays.
        ClientPlace(
            client("cognito-idp"), SETTINGS.user_pool_id, None if record.has_given_client or is_client_shared else own_client
        ),
        SecretPlace(client("secretsmanager"), f"hubplane/{cluster_name}/"),
        LogPlace(client("logs")),
    ]
