"""PlanMends: of what a diagnosis proposes, what the cluster's policy lets be mended now. Each is counted before it starts.

Event: ``cluster_name``, ``findings``. Result: ``mends`` ({machine, input, check}), ``held_back`` in sentences. Repeatable for one
execution: what it was allowed stays allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cluster_release import read_release
from hubplane.adapters.mend_ledger import MendLedger
from hubplane.domain.diagnosis.mending import proposals
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, execution_arn, today = event["cluster_name"], event["execution_arn"], datetime.now(UTC).date()
    policy = read_release(client("dynamodb"), SETTINGS.clusters_table_name, cluster_name).spec.diagnosis
    proposed = proposals(event["findings"], policy, cluster_name)
    ledger = MendLedger(client("dynamodb"), SETTINGS.ledger_table_name, cluster_name)
    mends, held_back = [], [*proposed.held_back]
    for mend in proposed.mends:
        if ledger.allow(today, f"{mend['machine']}#{execution_arn}", policy.mends_per_day):
            mends.append(mend)
        else:
            held_back.append(f"{mend['machine']} waits for a person: {policy.mends_per_day} were started today already")
    started = ", ".join(mend["machine"] for mend in mends)
    return {"mends": mends, "held_back": held_back, "changes": [], "reason": f"to be started: {started or 'nothing'}"}
