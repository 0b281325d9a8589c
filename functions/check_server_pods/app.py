"""CheckServerPods: which pods of a person's servers a cluster still has. Reads only; called until there is none.

A hub that was restarted while a server stopped, or that gave up on a slow pod, no longer knows it; its volume is still mounted.
Event: ``cluster_name``, ``username``, ``server_name`` (null: all), ``claim_name`` where the home has one of its own. Result:
``done``, ``pods``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3

from hubplane.adapters.eks import cluster_connection
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.server_pods import ServerPods
from hubplane.domain.names import claims_of
from hubplane.entrypoint import task

client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, username = event["cluster_name"], event["username"]
    claims = {event["claim_name"]} if event.get("claim_name") else claims_of(username).all
    pods = ServerPods(Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name)))
    left = pods.of(username, claims, event.get("server_name"))
    reason = f"pod {', '.join(left)} of {username} is still there" if left else f"no pod of {username} is left in {cluster_name}"
    return {"done": not left, "pods": list(left), "changes": [], "reason": reason}
