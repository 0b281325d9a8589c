"""StopUserServers: asks each cluster's hub which servers of a person run, and to stop them. Called until none runs.

Event: ``username``, ``clusters``; or ``input`` as a person gave it to ``stop_server``, which may name one server and is answered
with its fields. Result: ``done`` and what still runs. Raises ``ServerRuns`` where a hub does not say: a server that nobody can
see may still write; ``HomeInputInvalid`` and ``ClusterUnknown`` for an ``input``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.adapters.hub_http import parse_connect_to
from hubplane.adapters.jupyterhub import Hub
from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.domain.errors import ClusterUnknown, ServerRuns
from hubplane.domain.homes.operator_inputs import read_stop
from hubplane.domain.releases.hub_secrets import NEXT, checked_service_token, service_token_secret_name
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    clusters_table_name: str
    hub_connect_to: str = ""


SETTINGS = read_settings(Settings)
CONNECT_TO = {port: (address.host, address.port) for port, address in parse_connect_to(SETTINGS.hub_connect_to).items()}
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    asked = read_stop(event["input"]) if "input" in event else None
    username = asked.username if asked else event["username"]
    only = asked.server_name if asked else None
    changes, running = [], []
    urls = {
        cluster.cluster_name: cluster.hub_url
        for cluster in ClustersTable(client("dynamodb"), SETTINGS.clusters_table_name).built()
    }
    if asked and asked.cluster_name not in urls:
        raise ClusterUnknown(f"cluster {asked.cluster_name} was never built here: mend the name, or start build_cluster first")
    for cluster_name in [asked.cluster_name] if asked else event["clusters"]:
        if cluster_name not in urls:
            continue  # deleted since the plan, and its pods with it
        hub = hub_of(cluster_name, urls[cluster_name])
        for server in wanted(hub.running_servers(username), only):
            hub.stop(username, server)
            changes.append(f"asked the hub of {cluster_name} to stop the server {server or 'of'} {username}")
        running += [f"{cluster_name}/{server}" for server in wanted(hub.running_servers(username), only)]
    reason = f"{', '.join(running)} still runs" if running else f"no server of {username} runs"
    if asked and not running and not changes and not hub.knows(username):
        reason = (
            f"the hub of {asked.cluster_name} knows nobody called {username} (is the name right?), so no server of theirs runs"
        )
    answer = {"done": not running, "running": running, "changes": changes, "reason": reason}
    return {**answer, **asdict(asked)} if asked else answer


def wanted(servers: tuple[str, ...], only: str | None) -> tuple[str, ...]:
    """Those of the servers that are meant: all, or the one of this name."""
    return servers if only is None else tuple(server for server in servers if server == only)


def hub_of(cluster_name: str, url: str) -> Hub:
    """The hub with the token of the control plane's service."""
    name = service_token_secret_name(cluster_name)
    secrets = SecretsManager(client("secretsmanager"))
    text = secrets.read(name)
    if text is None:
        raise ServerRuns(
            f"the hub of cluster {cluster_name} was built before the control plane was a service of it: build the cluster once "
            f'more, or stop the server by hand and start again with "servers_stopped_in": ["{cluster_name}"]'
        )
    token = checked_service_token(text, name)
    return Hub(cluster_name, url, token, CONNECT_TO, lambda: checked_service_token(secrets.read_newest(name, NEXT), name))
