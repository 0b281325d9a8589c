"""PrepareDeletion: the input checked, the plan in sentences, and both locks taken where it is to be enforced.

Event: ``input`` as a person gave it, ``execution_arn``. Result: ``cluster_name``, ``homes``, ``mode``, ``plan``. Reads only, but
for ``enforce``. Repeatable: what an earlier execution has done already is simply no longer there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cloudformation import CloudFormation
from hubplane.adapters.clusters_table import ClusterRecord, ClustersTable
from hubplane.adapters.ebs import Ebs, looking_client
from hubplane.adapters.home_holds import HomeHolds
from hubplane.adapters.stepfunctions import execution_status
from hubplane.domain.cluster_stack.names import stack_name
from hubplane.domain.deletion.inputs import Deletion, read_deletion
from hubplane.domain.deletion.plan import plan_in_sentences
from hubplane.domain.errors import ClusterBusy, ClusterUnknown, StackBusy
from hubplane.domain.locks import may_take
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    lease_seconds: int


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@cache
def disks() -> Ebs:
    return Ebs(looking_client(), None)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    given, execution_arn, now = read_deletion(event["input"]), event["execution_arn"], datetime.now(UTC)
    clusters = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    record = clusters.read(given.cluster_name)
    plan = look(given, record)
    refuse_busy(record, execution_arn, now)
    changes = []
    if given.mode == "enforce":
        if not clusters.take_for_deletion(record, execution_arn, now, timedelta(seconds=SETTINGS.lease_seconds)):
            raise ClusterBusy(
                f"cluster {given.cluster_name} is busy: another execution took a lock in the same moment; try again"
            )
        changes = [f"cluster {given.cluster_name} is DELETING: nobody mounts a home there any more"]
    return {
        "cluster_name": given.cluster_name,
        "homes": str(given.homes),
        "mode": given.mode,
        "plan": plan,
        "changes": changes,
        "reason": f"{given.cluster_name} was {record.status or 'never finished'}; homes: {given.homes}",
    }


def look(given: Deletion, record: ClusterRecord) -> list[str]:
    """The plan. Raises ``ClusterUnknown`` and ``StackBusy`` where there can be none."""
    name = given.cluster_name
    stack = CloudFormation(client("cloudformation")).stack(stack_name(name))
    if record.status is None and stack is None:
        raise ClusterUnknown(f"cluster {name} was never built here: mend the name; see the names in the Clusters table")
    if stack is not None and stack.is_protected:
        raise StackBusy(
            f"stack {stack_name(name)} is protected from termination: somebody does not want it deleted. Ask; then `aws "
            f"cloudformation update-termination-protection --no-enable-termination-protection --stack-name {stack_name(name)}`"
        )
    volumes, snapshots = disks().of_cluster(name)
    return plan_in_sentences(given, stack.status if stack else None, volumes, snapshots)


def refuse_busy(record: ClusterRecord, execution_arn: str, now: datetime) -> None:
    """Raise ``ClusterBusy`` where somebody works on the cluster, its storage or one of its homes."""
    name = record.cluster_name
    locks = {"cluster": record.lock, "the storage of cluster": record.storage_lock, "the upgrade of cluster": record.upgrade_lock}
    for what, lock in locks.items():
        may_take(f"{what} {name} is busy", lock, execution_arn, status_of, now)
    held = HomeHolds(client("dynamodb"), SETTINGS.ledger_table_name).standing(name)
    if held:
        raise ClusterBusy(
            f"{len(held)} home(s) of cluster {name} are being changed ({held[0].why}, until {held[0].until_at:%H:%M} UTC): wait"
        )


def status_of(execution_arn: str) -> str | None:
    return execution_status(client("stepfunctions"), execution_arn)
