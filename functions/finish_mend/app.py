"""FinishMend: how a mending ended is written down, the cluster's lock given back, the operators told. Repeatable.

Event: ``machine``, ``cluster_name``, ``failure`` (``error`` empty: it ended well), ``changes``, ``reason``. An execution that
never began (its input was refused, the cluster was busy) is not told of: whoever started it sees why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cluster_release import read_release
from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.mail_queue import queue_mail
from hubplane.adapters.mend_ledger import MendLedger
from hubplane.domain.mail.messages import MailMessage
from hubplane.entrypoint import plausible_name, task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    mail_queue_url: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    machine, execution_arn, now = event["machine"], event["execution_arn"], datetime.now(UTC)
    cluster_name, failure, changes = plausible_name(event["cluster_name"]), event["failure"], event["changes"]
    if cluster_name is None:
        return {"changes": [], "reason": "nothing had begun"}
    done = failure["error"] == ""
    clusters = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    if done and machine == "repair_autoscaler":
        forget_autoscaler_failure(clusters, cluster_name, execution_arn)
    outcome = "done" if done else f"failed in {failure['stage']}"
    reason = event["reason"] if done else f"{failure['error']}: {failure['cause']}"
    ledger = MendLedger(client("dynamodb"), SETTINGS.ledger_table_name, cluster_name)
    begun = ledger.finish(machine, execution_arn, now, outcome, changes)
    clusters.free_lock(cluster_name, execution_arn)
    if begun:
        told = {"cluster": cluster_name, "mending": machine, "outcome": outcome, "reason": reason, "changes": changes}
        mail = MailMessage(f"mended#{execution_arn}", "cluster_mended", cluster_name, None, {**told, "execution": execution_arn})
        queue_mail(client("sqs"), SETTINGS.mail_queue_url, mail)
    return {"changes": [], "reason": f"{machine}: {outcome}"}


def forget_autoscaler_failure(clusters: ClustersTable, cluster_name: str, execution_arn: str) -> None:
    """A build that ended at the autoscaler is no failure of the cluster any more; what else it would have changed is not made."""
    release = read_release(client("dynamodb"), SETTINGS.clusters_table_name, cluster_name)
    if release.failure is not None and release.failure_text is not None and release.failure.stage == "InstallAutoscaler":
        clusters.forget_failure(cluster_name, execution_arn, release.failure_text)
