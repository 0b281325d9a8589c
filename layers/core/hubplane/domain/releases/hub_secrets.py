"""The secrets that the hub runs with: its OAuth client, and the tokens of its proxy and of the control plane."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field

from hubplane.domain.errors import OAuthClientUnusable, ProviderError

PROXY_TOKEN_BYTES = 32
"""What `openssl rand -hex 32` of the chart's guide makes."""

NEXT = "HUBPLANE_NEXT"
"""The staging label in Secrets Manager of a value that a rotation made and the hub does not run with for certain yet."""

SERVICE_NAME = "hubplane"
"""The control plane as a service of the hub."""

SERVICE_SCOPES = ("read:servers", "delete:servers")
"""See whose servers run and stop them, nothing else: it can neither start one, nor act as a person (JupyterHub 5, "Scopes")."""


@dataclass(frozen=True)
class OAuthClient:
    """The client that the hub signs people in with. The secret stays out of ``repr``."""

    client_id: str
    client_secret: str = field(repr=False)


def oauth_client_from_secret(text: str | None, secret_name: str) -> OAuthClient:
    """The client in a secret's JSON (``client_id``, ``client_secret``). Raises ``OAuthClientUnusable`` without quoting it."""
    rule = 'it must hold the JSON object {"client_id": "…", "client_secret": "…"}'
    if text is None:
        raise OAuthClientUnusable(
            f"secret {secret_name} does not exist or has no value: {rule}; start the build again to make it"
        )
    try:
        document = json.loads(text)
    except ValueError:
        raise OAuthClientUnusable(f"secret {secret_name} is not JSON: {rule}") from None
    match document:
        case {"client_id": str(client_id), "client_secret": str(client_secret)} if client_id and client_secret:
            return OAuthClient(client_id, client_secret)
    raise OAuthClientUnusable(f"secret {secret_name} lacks a client id or a client secret: {rule}")


def proxy_token_secret_name(cluster_name: str) -> str:
    """``hubplane/<cluster>/proxy-token``."""
    return f"hubplane/{cluster_name}/proxy-token"


def service_token_secret_name(cluster_name: str) -> str:
    """``hubplane/<cluster>/hub-token``."""
    return f"hubplane/{cluster_name}/hub-token"


def new_service_token() -> str:
    """64 hexadecimal characters. Made once per cluster and kept, so that a build does not restart the hub for it."""
    return secrets.token_hex(PROXY_TOKEN_BYTES)


def new_proxy_token() -> str:
    """64 hexadecimal characters. Made once per cluster and kept: another one would sign everybody out."""
    return secrets.token_hex(PROXY_TOKEN_BYTES)


def checked_proxy_token(text: str | None, secret_name: str) -> str:
    """The token of a secret. Raises ``ProviderError`` for one that the chart would refuse, without quoting it."""
    return _checked_token(text, secret_name, " (everybody has to sign in again then)")


def checked_service_token(text: str | None, secret_name: str) -> str:
    """The token of a secret. Raises ``ProviderError`` for one that is none, without quoting it."""
    return _checked_token(text, secret_name, " and build the cluster once more")


def _checked_token(text: str | None, secret_name: str, consequence: str) -> str:
    if text is None or not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ProviderError(
            f"secret {secret_name} is {'empty' if not text else 'not 64 hexadecimal characters'}: put the output of "
            f"`openssl rand -hex 32` into it{consequence}"
        )
    return text
