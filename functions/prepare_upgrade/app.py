"""PrepareUpgrade: the input against the recorded cluster, every fault at once; the path of minors; the upgrade's lock.

Event: ``input`` as a person gave it, ``execution_arn``. Result: ``cluster_name``, ``mode``, ``before`` (what runs, with its
version), ``steps``, ``notes``. With mode ``plan`` it reads only; ``enforce`` takes the lock where there is a step. Repeatable.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cluster_release import ClusterRelease, read_release
from hubplane.adapters.clusters_table import ClusterRecord, ClustersTable
from hubplane.adapters.eks_upgrades import EksUpgrades
from hubplane.adapters.stepfunctions import execution_status
from hubplane.domain.errors import ClusterBusy, ClusterUnknown
from hubplane.domain.images import chart_of
from hubplane.domain.locks import may_take
from hubplane.domain.upgrading.inputs import Upgrade, cluster_faults, read_upgrade
from hubplane.domain.upgrading.planning import plan_upgrade, step_to_json
from hubplane.domain.upgrading.present import Present, versions_in_words
from hubplane.entrypoint import plausible_name, task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    lease_seconds: int
    jupyterhub_chart: str = ""
    jupyterhub_chart_version: str = ""


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3

DRAIN_NOTE = "nodes are drained one after the other: a server on them ends, its home stays; choose an hour when few people work"


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    given, execution_arn, now = event["input"], event["execution_arn"], datetime.now(UTC)
    name = plausible_name(given.get("cluster_name")) if isinstance(given, dict) else None
    if name is None:
        read_upgrade(given)
        raise ClusterUnknown("the input names no cluster")
    release, record, present = look(name)
    source = chart_of(release.spec, SETTINGS.jupyterhub_chart, SETTINGS.jupyterhub_chart_version).source
    wanted = read_upgrade(given, cluster_faults(given, release.spec, present, source, now.date()))
    if record.is_ending:
        raise ClusterBusy(f"cluster {name} is {record.status}: a cluster that ends is not upgraded")
    steps = plan_upgrade(release.spec, wanted, present, source)
    if steps and wanted.mode == "enforce":
        hold(record, execution_arn, now)
    return {
        "cluster_name": name,
        "mode": wanted.mode,
        "before": versions_in_words(present),
        "steps": [step_to_json(step) for step in steps],
        "notes": [DRAIN_NOTE] if any(step.rolls for step in steps) else [],
        "changes": [],
        "reason": said(wanted, present, [step.to_version for step in steps]),
    }


def look(name: str) -> tuple[ClusterRelease, ClusterRecord, Present]:
    """The last release, the record with its locks, and what EKS runs. Raises ``ClusterUnknown``."""
    release = read_release(client("dynamodb"), SETTINGS.clusters_table_name, name)
    record = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(name)
    present = EksUpgrades(client("eks"), name).present()
    if present is None:
        raise ClusterUnknown(f"EKS has no cluster {name}: it was deleted, or build_cluster has to be started first")
    return release, record, present


def hold(record: ClusterRecord, execution_arn: str, now: datetime) -> None:
    """The upgrade's lock, which lets in its own builds only. Raises ``ClusterBusy``."""
    for lock in (record.lock, record.upgrade_lock):
        may_take(f"cluster {record.cluster_name} is busy", lock, execution_arn, status_of, now)
    clusters = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    if not clusters.take_upgrade_lock(record, execution_arn, now, timedelta(seconds=SETTINGS.lease_seconds)):
        raise ClusterBusy(f"cluster {record.cluster_name} is busy: another execution took a lock in the same moment; try again")


def status_of(execution_arn: str) -> str | None:
    return execution_status(client("stepfunctions"), execution_arn)


def said(wanted: Upgrade, present: Present, versions: list[str]) -> str:
    """What is to be done, in a sentence."""
    if not versions:
        return f"nothing to do: cluster {wanted.cluster_name} runs Kubernetes {present.control_plane} and all that was asked for"
    path = " → ".join(dict.fromkeys([present.control_plane, *versions]))
    return f"cluster {wanted.cluster_name}: Kubernetes {path} in {len(versions)} step{'s' * (len(versions) != 1)}"
