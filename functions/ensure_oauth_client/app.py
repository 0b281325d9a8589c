"""EnsureOAuthClient: the client that signs people in, and the secret that the hub reads it from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cognito import AppClient, UserPool
from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.domain.cluster_spec.model import ClusterSpec, spec_from_json
from hubplane.domain.errors import OAuthClientUnusable
from hubplane.domain.oauth_client import (
    Create,
    Keep,
    WantedClient,
    callback_url,
    choose_owned,
    decide_client,
    rotated_secret,
    same_domain,
    secret_name,
    secret_text,
    stored_client_id,
)
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    user_pool_id: str
    user_pool_domain_url: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # a client costs 0.1 s, so each is made when it is first asked for


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    spec, hub_url = spec_from_json(event["spec"]), event.get("hub_url")
    changes: list[str] = []
    notes: list[str] = []
    secrets = SecretsManager(client("secretsmanager"))
    client_id, client_secret = given_id, given_secret = read_given(spec, secrets)
    is_managed = False
    is_own_pool = same_domain(spec.oauth.domain_url, SETTINGS.user_pool_domain_url)
    if is_own_pool:
        app_client, is_managed = ensure_app_client(spec, hub_url, secrets, given_id, changes, notes)
        client_id, client_secret = app_client.client_id, app_client.secret
        if not is_managed and given_secret != client_secret:
            notes.append("the given client secret is not the one of its app client; the app client's own is used")
    else:
        target = callback_url(hub_url) if hub_url else "<the hub's URL>/hub/oauth_callback"
        notes.append(f"people sign in at {spec.oauth.domain_url}: its client must allow the callback {target}")
    rotated_id = None
    rotated = rotated_secret(secrets.read(secret_name(spec.cluster_name)), client_id) if is_own_pool and client_id else None
    # A client has up to two secrets, and DescribeUserPoolClient tells one of them: what a rotation stored goes on.
    if client_id and rotated and rotated[1] in UserPool(client("cognito-idp"), SETTINGS.user_pool_id).secret_ids(client_id):
        client_secret, rotated_id = rotated
    if not client_id or not client_secret:
        raise OAuthClientUnusable(unusable(spec, is_own_pool, client_id, client_secret))
    arn = store(spec, secrets, secret_text(client_id, client_secret, rotated_id), changes)
    return {
        "oauth_secret_arn": arn,
        "client_id_is_managed": is_managed,
        "changes": changes,
        "notes": notes,
        "reason": f"people sign in at {spec.oauth.domain_url} through {'an' if is_managed else 'the given'} app client"
        + (" that Hubplane keeps" if is_managed else ""),
    }


def read_given(spec: ClusterSpec, secrets: SecretsManager) -> tuple[str | None, str | None]:
    """Client id and secret behind the specification's ARNs; None for what is not given, absent or empty."""
    arns = (spec.oauth.client_id_secret_arn, spec.oauth.client_secret_secret_arn)
    values = [(secrets.read(arn) or "").strip() if arn else "" for arn in arns]
    return values[0] or None, values[1] or None


def ensure_app_client(
    spec: ClusterSpec, hub_url: str | None, secrets: SecretsManager, given_id: str | None, changes: list[str], notes: list[str]
) -> tuple[AppClient, bool]:
    """The app client as the hub needs it, and whether it is Hubplane's own. Appends what was done and what to know."""
    pool = UserPool(client("cognito-idp"), SETTINGS.user_pool_id)
    found = pool.find(given_id) if given_id else None
    is_managed = found is None
    if found is None:
        found = find_owned(spec, pool, secrets, notes)
        if given_id:
            # A domain prefix is unique in a Region: whoever had the client under this domain has it no more.
            notes.append(
                f"the given client id is not a client of user pool {SETTINGS.user_pool_id}, which now has the domain "
                f"{spec.oauth.domain_url}; Hubplane uses an app client {spec.cluster_name} of its own instead"
            )
        elif spec.oauth.client_id_secret_arn:
            notes.append(
                f"secret {spec.oauth.client_id_secret_arn} (oauth.client_id_secret_arn) does not exist or is empty; "
                "Hubplane uses an "
                f"app client {spec.cluster_name} of its own instead"
            )
    wanted = WantedClient(spec.cluster_name, hub_url, spec.oauth.scopes, is_managed)
    decision = decide_client(wanted, found.settings if found else None)
    if isinstance(decision, Create):
        found = pool.create(decision.settings)
        changes.append(f"made the app client {spec.cluster_name} in user pool {SETTINGS.user_pool_id}")
    elif found is not None and not isinstance(decision, Keep):
        pool.update(found.client_id, decision.settings)
        changes.append(f"set {', '.join(decision.differences)} of app client {found.name}")
    assert found is not None  # noqa: S101 - Create is decided exactly where none was found
    return found, is_managed


def find_owned(spec: ClusterSpec, pool: UserPool, secrets: SecretsManager, notes: list[str]) -> AppClient | None:
    """Hubplane's own app client of this cluster from an earlier build; None where there is none."""
    candidates = {item.client_id: item for item in pool.named(spec.cluster_name)}
    stored = stored_client_id(secrets.read(secret_name(spec.cluster_name)))
    chosen, others = choose_owned([(key, item.created_at) for key, item in candidates.items()], stored)
    if others:
        notes.append(
            f"user pool {SETTINGS.user_pool_id} has {len(others)} more app client(s) of the name {spec.cluster_name}, left by "
            f"interrupted builds: delete {', '.join(others)} when nothing uses them"
        )
    return candidates[chosen] if chosen else None


def store(spec: ClusterSpec, secrets: SecretsManager, text: str, changes: list[str]) -> str:
    """The ARN of the secret that the hub reads, holding ``text``."""
    name = secret_name(spec.cluster_name)
    tags = {**spec.tags, "hubplane:cluster": spec.cluster_name, f"kubernetes.io/cluster/{spec.cluster_name}": "owned"}
    arn, is_new = secrets.create_once(name, lambda: text, tags)
    if is_new:
        changes.append(f"stored the OAuth client in secret {name}")
    elif secrets.read(arn) != text:
        secrets.put(arn, text)
        changes.append(f"renewed the OAuth client in secret {name}")
    return arn


def unusable(spec: ClusterSpec, is_own_pool: bool, client_id: str | None, client_secret: str | None) -> str:
    """Why there is no usable client, and what to do about it."""
    if is_own_pool:
        return (
            f"the app client that {spec.oauth.client_id_secret_arn or spec.cluster_name} names has no secret: the hub needs a "
            "confidential client, so make one with a secret, or leave the client out and Hubplane makes it"
        )
    missing = [
        f"{field} ({arn}) does not exist, is empty or waits for its deletion" if arn else f"{field} is not given"
        for field, arn, value in (
            ("oauth.client_id_secret_arn", spec.oauth.client_id_secret_arn, client_id),
            ("oauth.client_secret_secret_arn", spec.oauth.client_secret_secret_arn, client_secret),
        )
        if not value
    ]
    return (
        f"{'; '.join(missing)}: {spec.oauth.domain_url} is not the sign-in domain of this control plane "
        f"({SETTINGS.user_pool_domain_url}), so store the id and the secret of a client there in Secrets Manager"
    )
