"""StageSecrets: new values of a hub's secrets, kept beside the current ones, which stay what they are. Repeatable.

Event: ``cluster_name``, ``spec``, ``secrets`` (of oauth-client, proxy-token, hub-token). Result: ``staged``, those that have a
new value now, ``notes``. A value that an earlier run staged is taken, so that a rotation that was interrupted goes on. Calls of
Cognito: AddUserPoolClientSecret; both of a client's secrets let in until the older one is deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cognito import UserPool
from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.domain.cluster_spec.model import ClusterSpec, spec_from_json
from hubplane.domain.errors import MendRefused
from hubplane.domain.oauth_client import rotated_secret, same_domain, secret_name, secret_text, unused_secrets
from hubplane.domain.releases.hub_secrets import (
    NEXT,
    new_proxy_token,
    new_service_token,
    oauth_client_from_secret,
    proxy_token_secret_name,
    service_token_secret_name,
)
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    user_pool_id: str
    user_pool_domain_url: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    spec, asked = spec_from_json(event["spec"]), event["secrets"]
    secrets = SecretsManager(client("secretsmanager"))
    staged: list[str] = []
    changes: list[str] = []
    notes: list[str] = []
    for short, name, make in (
        ("proxy-token", proxy_token_secret_name(spec.cluster_name), new_proxy_token),
        ("hub-token", service_token_secret_name(spec.cluster_name), new_service_token),
    ):
        if short in asked:
            if secrets.read(name, NEXT) is None:
                secrets.stage(name, make(), NEXT)
                changes.append(f"made a new value of secret {name}")
            staged.append(short)
    if "oauth-client" in asked and same_domain(spec.oauth.domain_url, SETTINGS.user_pool_domain_url):
        changes += stage_client(spec, secrets)
        staged.append("oauth-client")
    elif "oauth-client" in asked:
        notes.append(
            f"people sign in at {spec.oauth.domain_url}, whose client only its owner can renew: put the new secret into "
            f"{spec.oauth.client_secret_secret_arn} and start build_cluster"
        )
    if not staged:
        raise MendRefused("; ".join(notes))
    reason = f"new values of {', '.join(staged)} are kept beside those that the hub runs with"
    return {"staged": staged, "changes": changes, "notes": notes, "reason": reason}


def stage_client(spec: ClusterSpec, secrets: SecretsManager) -> list[str]:
    """A new secret of the hub's app client, beside the one in use; what was done."""
    name, pool = secret_name(spec.cluster_name), UserPool(client("cognito-idp"), SETTINGS.user_pool_id)
    if secrets.read(name, NEXT) is not None:
        return []
    text = secrets.read(name)
    client_id = oauth_client_from_secret(text, name).client_id
    if pool.find(client_id) is None:
        raise MendRefused(
            f"user pool {SETTINGS.user_pool_id} has no app client {client_id}, which secret {name} names: start build_cluster, "
            "which makes one"
        )
    rotated = rotated_secret(text, client_id)
    changes = []
    for unused in unused_secrets(pool.secret_ids(client_id), rotated[1] if rotated else None):
        # Of a run that died before it could store the value: nobody knows it, and Cognito takes no third one.
        pool.delete_secret(client_id, unused)
        changes.append(f"deleted secret {unused} of app client {client_id}, which nothing used")
    secret_id, value = pool.add_secret(client_id)
    secrets.stage(name, secret_text(client_id, value, secret_id), NEXT)
    return [*changes, f"added secret {secret_id} to app client {client_id}"]
