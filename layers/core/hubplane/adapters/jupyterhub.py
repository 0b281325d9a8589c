"""The hub's REST API, as far as the control plane is a service of it: whose servers run, and stopping them.

Paths and codes: JupyterHub 5 REST API. A request goes where people's go, through the load balancer, with the hub's name in TLS
and in ``Host``; ``connect_to`` leads it elsewhere than DNS would. Redirects are not followed: the token goes to nobody else.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

from hubplane.domain.errors import ServerRuns

TIMEOUT_SECONDS: Final = 20.0
BODY_BYTES: Final = 1_000_000
PORTS: Final = {"http": 80, "https": 443}
FORBIDDEN: Final = 403
"""What the hub answers to a token that it does not know (jupyterhub/scopes.py, ``needs_scope``)."""


@dataclass(frozen=True, slots=True)
class Hub:
    """One hub. ``connect_to`` maps a port asked for to another (host, port); the token stays out of ``repr``.

    ``newest_token`` reads the one that a rotation may have given the hub since ``token`` was read; it is asked with where the hub
    refuses ``token``.
    """

    cluster_name: str
    url: str
    token: str = field(repr=False)
    connect_to: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    newest_token: Callable[[], str | None] = field(default=lambda: None, repr=False)

    def running_servers(self, username: str) -> tuple[str, ...]:
        """Names of the person's servers that run, start or stop, the default one as empty text; none where the hub knows
        nobody of the name. Raises ``ServerRuns`` where the hub does not say.
        """
        status, text = self._ask("GET", f"users/{quote(username, safe='')}")
        if status == 404:
            return ()
        if status != 200:
            raise self._unsaid(f"it answered {status}")
        try:
            servers = json.loads(text)["servers"]
            return tuple(sorted(servers))
        except (ValueError, KeyError, TypeError) as error:
            raise self._unsaid("its answer names no servers") from error

    def knows(self, username: str) -> bool:
        """Whether the hub has an account of this name. Raises ``ServerRuns`` where it does not say."""
        status, _ = self._ask("GET", f"users/{quote(username, safe='')}")
        if status not in (200, 404):
            raise self._unsaid(f"it answered {status}")
        return status == 200

    def stop(self, username: str, server_name: str) -> None:
        """Ask the hub to stop a server, which takes up to minutes. Repeatable: what has stopped already is success."""
        person = quote(username, safe="")
        path = f"users/{person}/servers/{quote(server_name, safe='')}" if server_name else f"users/{person}/server"
        status, text = self._ask("DELETE", path)
        # 202 it is stopping, 204 it has stopped, 404 there is none; 400 it does not run, or is just being stopped.
        if status not in (202, 204, 400, 404):
            raise self._unsaid(f"it answered {status} to stopping {username}'s server: {text[:200]}")

    def _ask(self, method: str, path: str) -> tuple[int, str]:
        status, text = self._ask_with(self.token, method, path)
        newest = self.newest_token() if status == FORBIDDEN else None
        return (status, text) if newest is None or newest == self.token else self._ask_with(newest, method, path)

    def _ask_with(self, token: str, method: str, path: str) -> tuple[int, str]:
        parts = urlsplit(self.url)
        port = parts.port or PORTS.get(parts.scheme, 443)
        host = parts.hostname or ""
        try:
            with socket.create_connection(self.connect_to.get(port, (host, port)), TIMEOUT_SECONDS) as plain:
                if parts.scheme != "https":
                    return self._exchange(plain, token, method, path, parts.netloc)
                with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure:
                    return self._exchange(secure, token, method, path, parts.netloc)
        except (OSError, http.client.HTTPException) as error:
            raise self._unsaid(f"it does not answer ({error})") from error

    def _exchange(self, connected: socket.socket, token: str, method: str, path: str, netloc: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(netloc, timeout=TIMEOUT_SECONDS)
        connection.sock = connected
        headers: dict[str, Any] = {"Host": netloc, "Authorization": f"token {token}", "User-Agent": "hubplane"}
        connection.request(method, f"/hub/api/{path}", headers={**headers, "Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read(BODY_BYTES).decode(errors="replace")

    def _unsaid(self, why: str) -> ServerRuns:
        return ServerRuns(
            f"the hub of cluster {self.cluster_name} ({self.url}) does not say whether a server runs: {why}. Nothing was "
            "deleted; mend the hub, or build the cluster once more if it was built before the control plane was a service of it"
        )
