"""PromoteSecrets: the hub runs with the staged values, so they become the current ones; the app client's older secret ends.

Event: ``cluster_name``, ``staged`` as StageSecrets answered. Repeatable: what is promoted already stays so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cognito import UserPool
from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.domain.oauth_client import rotated_secret, secret_name, stored_client_id, unused_secrets
from hubplane.domain.releases.hub_secrets import NEXT, proxy_token_secret_name, service_token_secret_name
from hubplane.entrypoint import task
from hubplane.settings import read_settings


@dataclass(frozen=True)
class Settings:
    user_pool_id: str


SETTINGS = read_settings(Settings)
client = cache(boto3.client)  # made by the first call: a client costs as much time again as importing boto3
NAMES = {"oauth-client": secret_name, "proxy-token": proxy_token_secret_name, "hub-token": service_token_secret_name}


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    cluster_name, staged, changes = event["cluster_name"], event["staged"], []
    secrets = SecretsManager(client("secretsmanager"))
    for short in staged:
        name = NAMES[short](cluster_name)
        if secrets.promote(name, NEXT):
            changes.append(f"the new value of secret {name} is the current one")
    if "oauth-client" in staged:
        changes += end_older_secrets(cluster_name, secrets)
    return {"changes": changes, "reason": f"{', '.join(staged)} renewed"}


def end_older_secrets(cluster_name: str, secrets: SecretsManager) -> list[str]:
    """Delete the client's secrets that the hub no longer runs with; what was done. Nothing where that cannot be told."""
    text = secrets.read(secret_name(cluster_name))
    client_id = stored_client_id(text)
    rotated = rotated_secret(text, client_id) if client_id else None
    if client_id is None or rotated is None:
        return []
    pool, changes = UserPool(client("cognito-idp"), SETTINGS.user_pool_id), []
    for unused in unused_secrets(pool.secret_ids(client_id), rotated[1]):
        pool.delete_secret(client_id, unused)
        changes.append(f"deleted secret {unused} of app client {client_id}")
    return changes
