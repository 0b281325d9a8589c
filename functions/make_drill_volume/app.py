"""MakeDrillVolume: one copy restored to a temporary volume of full size, out of every plan's sight. Called until it is available.

Event: ``cluster_name``, ``run``, ``pick``, ``volume_id`` (null at first). Result: ``done``, ``volume_id``, ``finding`` (null:
whole). Repeatable: one volume per run and pick.
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
from hubplane.domain.errors import ProviderError
from hubplane.domain.homes.drilling import drill_volume, judge_volume, pick_from_json
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
    cluster_name, run, pick, volume_id = event["cluster_name"], event["run"], pick_from_json(event["pick"]), event["volume_id"]
    if volume_id is None:
        source = next(iter(ebs().snapshots([pick.snapshot_id])), None)
        if source is None:
            return answer(None, f"{pick.claim_name}: {pick.snapshot_id} is gone since it was chosen")
        tag = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).read(cluster_name).protection_tag
        token = hashlib.sha256(f"drill|{run['run_id']}|{pick.snapshot_id}".encode()).hexdigest()
        try:
            volume_id = volumes().create(drill_volume(pick, source, cluster_name, run["zone"], run["run_id"], token, tag))
        except ProviderError as error:
            return answer(None, f"{pick.claim_name}: EC2 makes no volume of {pick.snapshot_id}: {error}")
    volume = next(iter(ebs().volumes([volume_id])), None)
    if volume is None or volume.state == "creating":
        return {"done": False, "volume_id": volume_id, "finding": None, "changes": [], "reason": f"{volume_id} is being made"}
    return answer(volume_id, judge_volume(pick, volume))


def answer(volume_id: str | None, finding: str | None) -> dict[str, Any]:
    """The result of a look that nothing can add to."""
    reason = finding or f"{volume_id} is whole"
    return {"done": True, "volume_id": volume_id, "finding": finding, "changes": [], "reason": reason}
