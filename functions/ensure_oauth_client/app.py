"""EnsureOAuthClient: the client that signs people in, and the secret that the hub reads it from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from hubplane.adapters.cognito import UserPool
from hubplane.adapters.secretsmanager import SecretsManager
from hubplane.domain.cluster_spec.model import spec_from_json
from hubplane.domain.oauth_ensuring import OwnPool, ensure_client
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
    spec, secrets = spec_from_json(event["spec"]), SecretsManager(client("secretsmanager"))
    pool = OwnPool(SETTINGS.user_pool_id, SETTINGS.user_pool_domain_url, open_pool)
    ensured = ensure_client(spec, event.get("hub_url"), pool, secrets)
    return {
        "oauth_secret_arn": ensured.secret_arn,
        "client_id_is_managed": ensured.is_managed,
        "changes": ensured.changes,
        "notes": ensured.notes,
        "reason": ensured.reason,
    }


def open_pool() -> UserPool:
    return UserPool(client("cognito-idp"), SETTINGS.user_pool_id)
