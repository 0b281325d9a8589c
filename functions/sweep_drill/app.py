"""SweepDrill: everything that drills of this cluster made is removed, by tag and namespace. Called until nothing is left.

Event: ``cluster_name``. Result: ``done``, ``left``. The canary stays, and so does every volume that is not a drill's by all its
tags. Repeatable.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3

from hubplane.adapters.drill_objects import DrillObjects
from hubplane.adapters.ebs import Ebs
from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.domain.homes.drilling import is_drill_s
from hubplane.domain.homes.marks import HUBPLANE_CLUSTER_TAG
from hubplane.domain.storage.ports import Refusal, Refused
from hubplane.entrypoint import task

client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
ebs = cache(Ebs.connect)


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name = event["cluster_name"]
    objects = DrillObjects(Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name)))
    left, changes = objects.sweep(), []
    volumes = [item for item in ebs().volumes_by_tag(HUBPLANE_CLUSTER_TAG, [cluster_name]) if is_drill_s(item, cluster_name)]
    for volume in volumes:
        if left or volume.state != "available" or volume.attached:
            continue  # its claim takes it along; what the driver has not taken by the next look goes here
        try:
            ebs().delete_volume(volume.volume_id)
            changes.append(f"removed {volume.volume_id}")
        except Refused as refusal:
            if refusal.kind not in (Refusal.GONE, Refusal.IN_USE, Refusal.LOST):
                raise
    still = [*left, *(volume.volume_id for volume in volumes if volume.state != "deleting")]
    reason = f"still there: {', '.join(still)}" if still else "nothing that a drill made is left"
    return {"done": not still, "left": still, "changes": changes, "reason": reason}
