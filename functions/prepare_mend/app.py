"""PrepareMend: the input of a mending machine checked, its limit looked up, the cluster's lock held, the beginning written down.

Event: ``machine``, ``input`` as a person or a diagnosis gave it. Result: ``cluster_name``, ``spec``, ``hub_url``, ``hub_image``,
``hub_chart``, ``load_balancer_dns_name``, ``target_group_arn``, and for rotate_secrets ``secrets``. Repeatable for one execution.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cluster_release import read_release
from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.mend_ledger import MendLedger
from hubplane.adapters.stepfunctions import execution_status
from hubplane.domain.cluster_spec.model import spec_to_json
from hubplane.domain.diagnosis.inputs import read_mend_input, read_rotation_input
from hubplane.domain.diagnosis.limits import check_limit
from hubplane.domain.errors import ClusterBusy
from hubplane.domain.images import chart_of
from hubplane.domain.locks import may_take
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    lease_seconds: int
    jupyterhub_chart: str = ""
    jupyterhub_chart_version: str = ""


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    machine, given, execution_arn, now = event["machine"], event["input"], event["execution_arn"], datetime.now(UTC)
    secrets: tuple[str, ...] = ()
    if machine == "rotate_secrets":
        cluster_name, secrets = read_rotation_input(given)
    else:
        cluster_name = read_mend_input(given)
    release = read_release(client("dynamodb"), SETTINGS.clusters_table_name, cluster_name)
    ledger = MendLedger(client("dynamodb"), SETTINGS.ledger_table_name, cluster_name)
    check_limit(machine, ledger.begun(machine), execution_arn, now)
    hold(cluster_name, execution_arn, now)
    ledger.begin(machine, execution_arn, now, ", ".join(secrets))
    chart = chart_of(release.spec, SETTINGS.jupyterhub_chart, SETTINGS.jupyterhub_chart_version)
    return {
        "cluster_name": cluster_name,
        "spec": spec_to_json(release.spec),
        "hub_url": release.hub_url,
        "hub_image": release.document.get("hub_image"),
        "hub_chart": {"source": chart.source, "version": chart.version},
        "load_balancer_dns_name": release.outputs.get("LoadBalancerDnsName", ""),
        "target_group_arn": release.outputs.get("TargetGroupArn", ""),
        "secrets": list(secrets),
        "changes": [],
        "reason": f"{machine} may begin on cluster {cluster_name}",
    }


def hold(cluster_name: str, execution_arn: str, now: datetime) -> None:
    """The cluster's lock, so that no build, no upgrade and no other mending is at it. Raises ``ClusterBusy``."""
    clusters = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    record = clusters.read(cluster_name)
    lock = record.lock
    for held in (lock, record.upgrade_lock):
        may_take(f"cluster {cluster_name} is busy", held, execution_arn, status_of, now)
    if not clusters.hold_lock(cluster_name, execution_arn, lock, now, timedelta(seconds=SETTINGS.lease_seconds)):
        raise ClusterBusy(f"cluster {cluster_name} is busy: another execution took the lock in the same moment; try again")


def status_of(execution_arn: str) -> str | None:
    return execution_status(client("stepfunctions"), execution_arn)
