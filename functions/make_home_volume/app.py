"""MakeHomeVolume: the new volume of a change, from its snapshot, in the cluster's zone. Called until it is available.

Event: ``change``, ``copy_id`` (the copy of the present volume, which a move is made from), ``volume_id`` (null at first),
``execution_arn``. Result: ``done``, ``volume_id``. Repeatable: one volume per execution and snapshot, and what an interrupted run
made is gone on with. Raises ``HomeChangeRefused`` where its source is gone or EC2 gives the volume up, ``ClusterBusy`` where the
cluster ends.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.ebs import Ebs, looking_client
from hubplane.adapters.home_volumes import HomeVolumes
from hubplane.domain.errors import HomeChangeRefused
from hubplane.domain.homes.changes import HomeChange, change_from_json
from hubplane.domain.homes.marks import COPY_OF_CLAIM_TAG
from hubplane.domain.homes.new_volume import made_already, wanted_volume
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
ebs = cache(Ebs.connect)
volumes = cache(lambda: HomeVolumes(looking_client()))


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    change = change_from_json(event["change"])
    found = event["volume_id"] or change.new_id
    changes = []
    if found is None:
        found, made = make(change, event["copy_id"], event["execution_arn"])
        changes = [f"made {found} from {change.snapshot_id or event['copy_id']}"] if made else []
    state = volumes().state(found)
    if state in ("error", "deleting", "deleted"):
        raise HomeChangeRefused(f"{found} is {state}: start again, and look at the snapshot's key if it happens again")
    return {"done": state in ("available", "in-use"), "volume_id": found, "changes": changes, "reason": f"{found} is {state}"}


def make(change: HomeChange, copy_id: str | None, execution_arn: str) -> tuple[str, bool]:
    """The volume's id, and whether it was made now."""
    source_id = change.snapshot_id or copy_id
    source = next(iter(ebs().snapshots([source_id])), None) if source_id else None
    if source is None:
        raise HomeChangeRefused(f"{source_id or 'the copy'} that the new volume is made from is gone: start again")
    there = made_already(change, source, ebs().volumes_by_tag(COPY_OF_CLAIM_TAG, [change.claim_name]))
    if there is not None:
        return there.volume_id, False
    cluster = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(change.cluster_name)
    cluster.refuse_where_ending()
    token = hashlib.sha256(f"{execution_arn}|{source.snapshot_id}".encode()).hexdigest()
    return volumes().create(wanted_volume(change, source, token, cluster.protection_tag)), True
