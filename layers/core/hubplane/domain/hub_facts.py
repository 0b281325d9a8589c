"""What is seen of a hub from outside: its load balancer, the targets behind it, and its replies.

Named tuples, not dataclasses: eight frozen dataclasses would take 7 ms of the cold start of every function that looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

LOGIN_PATH = "/hub/oauth_login"
HEALTH_PATH = "/hub/health"
CALLBACK_PATH = "/hub/oauth_callback"

Failure = Literal["name", "timeout", "refused", "certificate_name", "certificate", "tls", "closed"]


class Url(NamedTuple):
    """A URL in parts: ``host`` in lower case, ``port`` the scheme's own where none was written, first value of each query key."""

    scheme: str
    host: str
    port: int | None
    path: str = "/"
    query: Mapping[str, str] = MappingProxyType({})

    def place(self) -> str:
        """The URL without its query, which in a sign-in redirect holds what logs must not."""
        written = "" if self.port in (None, {"http": 80, "https": 443}.get(self.scheme)) else f":{self.port}"
        return f"{self.scheme}://{self.host}{written}{self.path}"


class Answer(NamedTuple):
    """An HTTP response: header names in lower case, the body's first characters, and where a redirect leads."""

    status: int
    headers: Mapping[str, str] = MappingProxyType({})
    body: str = ""
    location: Url | None = None


class NoAnswer(NamedTuple):
    """No HTTP response came; ``detail`` has the words of the operating system or of the TLS library."""

    failure: Failure
    detail: str


class Target(NamedTuple):
    """One registered target and what the load balancer thinks of it."""

    target_id: str
    port: int
    state: str
    reason: str = ""
    description: str = ""


class LoadBalancer(NamedTuple):
    """A load balancer's name in DNS and its state: active, provisioning, active_impaired or failed."""

    dns_name: str
    state: str
    state_reason: str = ""


class Expectation(NamedTuple):
    """How the hub should answer. ``client_id`` or ``jupyterhub_version`` None: not known, so not compared."""

    cluster_name: str
    hub_url: Url
    node_port: int
    load_balancer_cidr: str
    authorize_url: Url
    scopes: tuple[str, ...]
    client_id: str | None = None
    jupyterhub_version: str | None = None

    @property
    def redirect_uri(self) -> str:
        """Where the OAuth provider sends people back to."""
        return f"{self.hub_url.place().rstrip('/')}{CALLBACK_PATH}"


class HubFacts(NamedTuple):
    """What was seen. A reply None was not asked for."""

    load_balancer: LoadBalancer | None
    targets: tuple[Target, ...]
    health: Answer | NoAnswer | None = None
    login: Answer | NoAnswer | None = None
    plain_http: Answer | NoAnswer | None = None


class Listener(NamedTuple):
    """A listener of the load balancer: its port, and the target groups that its default action forwards to."""

    port: int
    protocol: str
    certificate_arn: str | None = None
    target_group_arns: tuple[str, ...] = ()
    redirects: bool = False


WEB_PORTS: Final = (80, 443)
"""On which a load balancer lets people in."""


class PortRules(NamedTuple):
    """What the security groups let through: from the world to the load balancer, and from it to the nodes.

    ``group_ids`` are those of the nodes; None for a group that is gone.
    """

    balancer_ports: frozenset[int]
    node_port_open: bool
    node_group_id: str | None
    balancer_group_id: str | None
