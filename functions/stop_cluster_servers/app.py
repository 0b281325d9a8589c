"""StopClusterServers: every server of a cluster stopped through its hub, then the hub. Called until nothing mounts a home.

Event: ``cluster_name``, ``execution_arn``. Result: ``done``, ``running``. Raises ``ServerRuns`` where the hub is up and does not
say. Repeatable. A cluster that EKS does not have, is making or deletes runs nothing that could be asked. Nor is it done while a
home is being changed: its hold was taken right before the deletion's lock, and its machine ends with its next look.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.claims import NAMESPACE
from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.eks import answers, cluster_connection
from hubplane.adapters.home_holds import HomeHolds
from hubplane.adapters.hub_http import parse_connect_to
from hubplane.adapters.jupyterhub import Hub
from hubplane.adapters.kubernetes import Kubernetes
from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.domain.deletion.stopping import HUB_DEPLOYMENT, QuietStep, UserPod, hub_seen, next_step, user_pods
from hubplane.domain.errors import ServerRuns
from hubplane.domain.releases.hub_secrets import NEXT, checked_service_token, service_token_secret_name
from hubplane.entrypoint import SecondsLeft, timed_task
from hubplane.settings import read_settings

# Two requests of 20 s at most. The hub itself takes up to 10 s to answer that a server stops (JupyterHub's slow_stop_timeout), so
# a call has time for some 25 people.
ENOUGH_FOR_A_PERSON = 60


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    ledger_table_name: str
    hub_connect_to: str = ""


SETTINGS = read_settings(Settings)
CONNECT_TO = {port: (address.host, address.port) for port, address in parse_connect_to(SETTINGS.hub_connect_to).items()}
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@timed_task
def handler(event: dict[str, Any], seconds_left: SecondsLeft) -> dict[str, Any]:
    cluster_name = event["cluster_name"]
    clusters = ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name)
    clusters.hold_for_deletion(cluster_name, event["execution_arn"], datetime.now(UTC))
    held = HomeHolds(client("dynamodb"), SETTINGS.ledger_table_name).standing(cluster_name)
    if held:
        reason = f"{len(held)} home(s) are being changed ({held[0].holder}, until {held[0].until_at:%H:%M} UTC)"
        return {"done": False, "running": 0, "changes": [], "reason": reason}
    if not answers(client("eks"), cluster_name):
        return {"done": True, "running": 0, "changes": [], "reason": "the cluster is not there: nothing runs in it"}
    kubernetes = Kubernetes(cluster_connection(client("eks"), boto3.Session(), cluster_name))
    pods = user_pods(list(kubernetes.list("Pod", NAMESPACE)))
    step = next_step(hub_seen(kubernetes.get("Deployment", HUB_DEPLOYMENT, NAMESPACE)), pods)
    servers = [pod for pod in pods if not pod.is_hub]
    changes = []
    if step is QuietStep.ASK_HUB:
        asked = ask_hub(cluster_name, clusters.read(cluster_name).hub_url or "", servers, seconds_left)
        step, changes = (step, asked) if asked is not None else (QuietStep.STOP_HUB, changes)
    if step is QuietStep.STOP_HUB:
        kubernetes.apply(hub_of_size_zero())
        changes = ["stopped the hub: nobody starts a server any more"]
    elif step is QuietStep.END_PODS:
        changes = [f"ended the pod {pod.name}" for pod in servers if not pod.ending and end(kubernetes, pod)]
    reason = "nothing mounts a home" if step is QuietStep.DONE else f"{len(servers)} server(s) to stop; now: {step}"
    return {"done": step is QuietStep.DONE, "running": len(servers), "changes": changes, "reason": reason}


def ask_hub(cluster_name: str, url: str, servers: list[UserPod], seconds_left: SecondsLeft) -> list[str] | None:
    """Ask the hub to stop each server that it knows; the next call looks whether they have, and asks for those that there was
    no time for. None: it knows none of them."""
    name = service_token_secret_name(cluster_name)
    secrets = SecretsManager(client("secretsmanager"))
    text = secrets.read(name)
    if text is None:
        raise ServerRuns(
            f"{len(servers)} server(s) run, and secret {name}, by which the hub would be asked to stop them, is not there: stop "
            f"the hub (`kubectl -n {NAMESPACE} scale deployment {HUB_DEPLOYMENT} --replicas 0`) and start again; Kubernetes ends "
            "them then"
        )
    token = checked_service_token(text, name)
    hub = Hub(cluster_name, url, token, CONNECT_TO, lambda: checked_service_token(secrets.read_newest(name, NEXT), name))
    asked, knows = [], False
    for username in sorted({pod.username for pod in servers if pod.username is not None}):
        if seconds_left() < ENOUGH_FOR_A_PERSON:
            return asked
        for server in hub.running_servers(username):
            knows = True
            hub.stop(username, server)
            asked.append(f"asked the hub to stop the server {server or 'of'} {username}")
    return asked if knows else None


def end(kubernetes: Kubernetes, pod: UserPod) -> bool:
    """End a pod that its hub has left behind, with the grace that Kubernetes gives it."""
    return kubernetes.delete("Pod", pod.name, NAMESPACE)


def hub_of_size_zero() -> dict[str, Any]:
    """The one field of the hub's Deployment that is changed."""
    metadata = {"name": HUB_DEPLOYMENT, "namespace": NAMESPACE}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"replicas": 0}}
