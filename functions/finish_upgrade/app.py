"""FinishUpgrade: how an upgrade ended in words, with the way back where it failed; one mail; the lock given back. Repeatable.

Event: ``cluster_name``, ``execution_arn``, ``failure`` (``error`` empty: it ended well), ``before``, ``done`` (reasons of the
steps that were done), ``changes``, ``reason``. Result: ``after`` (what runs now), ``way_back``, ``reason``. An execution that
held no lock changed nothing, and is not told of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cloudformation import CloudFormation
from hubplane.adapters.cluster_release import read_release
from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.eks_upgrades import EksUpgrades
from hubplane.adapters.mail_queue import queue_mail
from hubplane.domain.cluster_stack.names import stack_name
from hubplane.domain.errors import HubplaneError
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.upgrading.present import Present, versions_in_words
from hubplane.domain.upgrading.way_back import way_back
from hubplane.entrypoint import plausible_name, task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    mail_queue_url: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    execution_arn, now = event["execution_arn"], datetime.now(UTC)
    cluster_name, failure = plausible_name(event["cluster_name"]), event["failure"]
    clusters = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    if cluster_name is None or not clusters.hold_upgrade_lock(cluster_name, execution_arn, now):
        return {"after": event["before"], "way_back": [], "changes": [], "reason": event["reason"]}
    present, failed = look(cluster_name), failure["error"] != ""
    back: tuple[str, ...] = ()
    if failed:
        release = read_release(client("dynamodb"), SETTINGS.clusters_table_name, cluster_name).document
        began = failure["stage"] in ("BuildStep", "CheckUpgraded")
        status = stack_status(cluster_name)
        back = way_back(cluster_name, event["before"], present, release, build_began=began, stack_status=status)
    after = versions_in_words(present) if present else {}
    reason = f"{failure['error']}: {failure['cause']}" if failed else event["reason"]
    told = {
        "cluster": cluster_name,
        "outcome": f"stopped in {failure['stage']}" if failed else "done",
        "reason": reason,
        "versions": [f"{what}: {text}{was(event['before'].get(what), text)}" for what, text in after.items()],
        "steps": event["done"],
        "way_back": list(back),
        "execution": execution_arn,
    }
    mail = MailMessage(f"upgraded#{execution_arn}", "cluster_upgraded", cluster_name, None, told)
    queue_mail(client("sqs"), SETTINGS.mail_queue_url, mail)
    clusters.free_upgrade_lock(cluster_name, execution_arn)
    return {"after": after, "way_back": list(back), "changes": [], "reason": reason}


def was(former: str | None, present: str) -> str:
    """What a version was before, where it was another."""
    return f" (was {former})" if former not in (None, present) else ""


def stack_status(cluster_name: str) -> str | None:
    """What CloudFormation calls the cluster's stack; None where it does not say."""
    try:
        stack = CloudFormation(client("cloudformation")).stack(stack_name(cluster_name))
    except HubplaneError:
        return None
    return stack.status if stack else None


def look(cluster_name: str) -> Present | None:
    """What runs now; None where EKS does not say: the lock has to be given back all the same."""
    try:
        return EksUpgrades(client("eks"), cluster_name).present()
    except HubplaneError:
        return None
