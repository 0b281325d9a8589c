"""The OAuth client that signs people in to a hub: which one it is, and what has to change about it.

An app client of the control plane's own user pool is either *owned* (Hubplane made it, under the cluster's name: its URLs
are exactly the hub's) or *adopted* (the specification names it: it may serve other applications, so that what is
there stays and what is missing is added). Any other provider is *external*: its client is only copied.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

CALLBACK_PATH = "/hub/oauth_callback"

# The hub asks for tokens once, at sign-in, and keeps a session of its own (Authenticator.auth_refresh_age), so that
# short-lived tokens cost people nothing. Bounds: 5 minutes to 1 day for access and id tokens, 60 minutes to 10 years for
# refresh tokens (CreateUserPoolClient in the Cognito API reference).
SETTINGS_AT_BIRTH: Mapping[str, Any] = {
    "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"],
    "AccessTokenValidity": 60,
    "IdTokenValidity": 60,
    "RefreshTokenValidity": 24,
    "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "hours"},
    "EnableTokenRevocation": True,
}


@dataclass(frozen=True)
class AppClient:
    """An app client as Cognito has it. ``secret`` is None for a public client; it stays out of ``repr``."""

    client_id: str
    name: str
    created_at: str
    secret: str | None = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)


class WantedClient(NamedTuple):
    """What the hub needs of its client. ``hub_url`` None: not known yet, so URLs and the code flow are left as they are."""

    name: str
    hub_url: str | None
    scopes: tuple[str, ...]
    is_owned: bool


class Create(NamedTuple):
    """Make a client with these settings."""

    settings: Mapping[str, Any]


class Update(NamedTuple):
    """Write ``settings``: everything that Describe told, with the ``differences`` (names of settings) made right."""

    differences: tuple[str, ...]
    settings: Mapping[str, Any]


class Keep(NamedTuple):
    """The client is as it should be."""


def callback_url(hub_url: str) -> str:
    """Where the provider sends people back to."""
    return hub_url.rstrip("/") + CALLBACK_PATH


def same_domain(one: str, other: str) -> bool:
    """Whether two URLs of a sign-in domain mean the same one."""
    return one.strip().rstrip("/").lower() == other.strip().rstrip("/").lower()


def decide_client(wanted: WantedClient, existing: Mapping[str, Any] | None) -> Create | Update | Keep:
    """What to do, given the settings that DescribeUserPoolClient tells of the client, or None where there is none.

    UpdateUserPoolClient resets every setting that a call leaves out, so an update carries all of them.
    """
    if existing is None:
        return Create({"ClientName": wanted.name, **SETTINGS_AT_BIRTH, **_needed(wanted, {})})
    needed = _needed(wanted, existing)
    differences = tuple(key for key, value in needed.items() if not _equal(existing.get(key), value))
    if not differences:
        return Keep()
    # An empty text means "not set" and may not be sent: Cognito's shapes ask for one character at least.
    present = {key: value for key, value in existing.items() if value != ""}
    return Update(differences, {**present, **{key: needed[key] for key in differences}})


def _needed(wanted: WantedClient, existing: Mapping[str, Any]) -> dict[str, Any]:
    needed: dict[str, Any] = {"PreventUserExistenceErrors": "ENABLED"}
    if wanted.hub_url is None:
        return needed

    def listed(key: str, values: Sequence[str]) -> list[str]:
        kept = [] if wanted.is_owned else existing.get(key) or []
        return list(dict.fromkeys([*kept, *values]))

    callbacks = listed("CallbackURLs", [callback_url(wanted.hub_url)])
    needed |= {
        "CallbackURLs": callbacks,
        "LogoutURLs": listed("LogoutURLs", [wanted.hub_url.rstrip("/")]),
        "AllowedOAuthFlowsUserPoolClient": True,
        "AllowedOAuthFlows": listed("AllowedOAuthFlows", ["code"]),
        "AllowedOAuthScopes": listed("AllowedOAuthScopes", wanted.scopes),
        "SupportedIdentityProviders": existing.get("SupportedIdentityProviders") or ["COGNITO"],
    }
    if existing.get("DefaultRedirectURI") and existing["DefaultRedirectURI"] not in callbacks:
        needed["DefaultRedirectURI"] = callbacks[0]
    return needed


def _equal(found: Any, needed: Any) -> bool:
    if isinstance(needed, list):
        return sorted(found or []) == sorted(needed)
    return bool(found == needed)


def choose_owned(candidates: Sequence[tuple[str, str]], stored_client_id: str | None) -> tuple[str | None, tuple[str, ...]]:
    """(client id, the others) among clients of the cluster's name, given as (id, creation time), oldest first.

    The stored one goes on; without it the oldest, which an interrupted build made before it could store it.
    """
    ids = [client_id for client_id, _ in sorted(candidates, key=lambda item: (item[1], item[0]))]
    chosen = stored_client_id if stored_client_id in ids else next(iter(ids), None)
    return chosen, tuple(client_id for client_id in ids if client_id != chosen)


def secret_name(cluster_name: str) -> str:
    """The secret that the hub's release reads."""
    return f"hubplane/{cluster_name}/oauth-client"


def secret_text(client_id: str, client_secret: str, client_secret_id: str | None = None) -> str:
    """The secret's content. ``client_secret_id``: which of the client's secrets it is, known of those that a rotation made."""
    told = {} if client_secret_id is None else {"client_secret_id": client_secret_id}
    return json.dumps({"client_id": client_id, "client_secret": client_secret, **told}, sort_keys=True)


def rotated_secret(text: str | None, client_id: str) -> tuple[str, str] | None:
    """(secret, its id) that a rotation made for this client and stored as ``text``; None for a text that tells of none."""
    try:
        document = json.loads(text or "{}")
    except ValueError:
        return None
    match document:
        case {"client_id": str(of), "client_secret": str(value), "client_secret_id": str(secret_id)} if of == client_id:
            return value, secret_id
    return None


def unused_secrets(secret_ids: Sequence[str], in_use: str | None) -> tuple[str, ...]:
    """Those of a client's secrets, given oldest first, that the hub does not run with. ``in_use`` None: no rotation ever ended,
    so the hub has the one that the client was born with."""
    used = in_use if in_use in secret_ids else next(iter(secret_ids), None)
    return tuple(item for item in secret_ids if item != used)


def stored_client_id(text: str | None) -> str | None:
    """The client id in the secret's content; None for one that holds none."""
    try:
        document = json.loads(text or "{}")
    except ValueError:
        return None
    client_id = document.get("client_id") if isinstance(document, dict) else None
    return client_id if isinstance(client_id, str) and client_id else None
