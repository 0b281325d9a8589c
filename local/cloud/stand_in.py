"""Client of the Kubernetes stand-in's control API: what EKS would do behind its own API.

Each method is one request. ``StandInUnreachable`` says that the stand-in is not there or failed; a 404 of ``node_port`` is an
answer, not an error.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 15


class StandInUnreachable(Exception):
    """The Kubernetes stand-in did not do what it was asked; the message says which request and why."""


@dataclass(frozen=True)
class NodePort:
    """Where a ready node port answers, or why it does not."""

    host: str = ""
    port: int = 0
    reason: str = ""

    @property
    def reachable(self) -> bool:
        """Whether something answers behind the node port."""
        return bool(self.port)


class StandIn:
    """The stand-in behind ``base_url``."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")

    def create_cluster(self, name: str, version: str, region: str, account: str) -> dict[str, str]:
        """Start a cluster's API; answers ``endpoint`` and ``certificate_authority_data``."""
        body = {"name": name, "version": version, "region": region, "account": account}
        return self._ask("POST", "/clusters", body)

    def upgrade_cluster(self, name: str, version: str) -> None:
        """Let the cluster's API tell this version from now on; new nodes have it too."""
        self._ask("PUT", f"/clusters/{_quoted(name)}/version", {"version": version})

    def delete_cluster(self, name: str) -> None:
        """Stop a cluster's API. A cluster that is not there counts as deleted."""
        self._ask("DELETE", f"/clusters/{_quoted(name)}", missing_is_fine=True)

    def put_node_group(self, cluster: str, group: str, wanted: dict[str, Any]) -> None:
        """Make the group's nodes so: ``desired``, ``instance_type``, ``zone``, ``labels``, ``taints``, ``instance_ids``,
        ``version``."""
        self._ask("PUT", f"/clusters/{_quoted(cluster)}/nodegroups/{_quoted(group)}", wanted)

    def delete_node_group(self, cluster: str, group: str) -> None:
        """Remove the group's nodes. A group that is not there counts as deleted."""
        self._ask("DELETE", f"/clusters/{_quoted(cluster)}/nodegroups/{_quoted(group)}", missing_is_fine=True)

    def held_on(self, cluster: str, instance_id: str) -> list[str]:
        """The pods on a node that a PodDisruptionBudget lets nobody evict now, as ``namespace/name``."""
        return list(self._ask("GET", f"/clusters/{_quoted(cluster)}/nodes/{_quoted(instance_id)}/held").get("pods", []))

    def put_access(self, cluster: str, entry: dict[str, Any]) -> None:
        """Let a principal in: ``principal_arn``, ``policies``, ``groups``, ``namespaces`` (None: everywhere), ``scoped``."""
        self._ask("PUT", f"/clusters/{_quoted(cluster)}/access", entry)

    def delete_access(self, cluster: str, principal_arn: str) -> None:
        """Shut a principal out again."""
        query = urllib.parse.urlencode({"principal_arn": principal_arn})
        self._ask("DELETE", f"/clusters/{_quoted(cluster)}/access?{query}", missing_is_fine=True)

    def put_identities(self, cluster: str, associations: list[dict[str, str]]) -> None:
        """All Pod Identity associations as they are now: ``namespace``, ``serviceAccount``, ``roleArn``."""
        self._ask("PUT", f"/clusters/{_quoted(cluster)}/identities", {"associations": associations})

    def node_port(self, cluster: str, port: int) -> NodePort:
        """Where ``port`` of the cluster's nodes leads to, or the reason why nothing answers there."""
        try:
            answer = self._ask("GET", f"/clusters/{_quoted(cluster)}/nodeports/{port}")
        except _NotFound as error:
            return NodePort(reason=str(error))
        except StandInUnreachable as error:
            return NodePort(reason=str(error))
        return NodePort(host=str(answer["host"]), port=int(answer["port"]))

    def _ask(self, method: str, path: str, body: Any = None, *, missing_is_fine: bool = False) -> dict[str, Any]:
        request = urllib.request.Request(
            self.base_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        try:
            with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            words = error.read().decode("utf-8", "replace")
            if error.code == 404:
                if missing_is_fine:
                    return {}
                raise _NotFound(_reason(words)) from error
            raise StandInUnreachable(f"{method} {path} at the Kubernetes stand-in: {error.code} {words}") from error
        except OSError as error:
            raise StandInUnreachable(f"{method} {path} at the Kubernetes stand-in {self.base_url}: {error}") from error
        return json.loads(text) if text else {}


class _NotFound(StandInUnreachable):
    pass


# Never through a proxy: it is on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")


def _reason(words: str) -> str:
    try:
        return str(json.loads(words)["reason"])
    except (ValueError, KeyError, TypeError):
        return words
