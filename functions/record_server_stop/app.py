"""RecordServerStop: the moment a person's server ended, written on the volume of the home: what the storage day counts from.

Event: ``cluster_name``, ``username``, ``server_name``, and ``claim_name`` as for EnsureHome. Result: ``recorded``, ``volume_id``.
Repeatable: a later call writes a later time, which keeps a home longer. Raises ``NotYet``, ``Throttled``, ``ProviderError``; the
server has stopped by then, so nothing hangs on it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.claims import Claims
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.names import claims_of
from hubplane.domain.storage.tags import STOP_TAG
from hubplane.entrypoint import task

client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
ebs = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    name = event.get("claim_name") or claims_of(event["username"]).escaped
    connection = cluster_connection(client("eks"), boto3.Session(), event["cluster_name"])
    claim = Claims(Kubernetes(connection)).see(name)
    if claim is None or claim.volume_id is None:
        return {"recorded": False, "volume_id": None, "changes": [], "reason": f"claim {name} has no volume"}
    stopped = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
    ebs().tag_volume(claim.volume_id, {STOP_TAG: stopped})
    told = f"{claim.volume_id} was in use until {stopped}"
    return {"recorded": True, "volume_id": claim.volume_id, "changes": [told], "reason": told}
