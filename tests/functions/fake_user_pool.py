# ruff: noqa: N803 - parameters are named as the API names them
"""A Cognito user pool that behaves where it matters: updates reset what they leave out, the code flow needs a callback."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.adapters.fake_aws import Refusal

SHOWN = ("ClientSecretId", "ClientSecretCreateDate")


class FakeUserPool:
    """The app clients of one pool, two to a page."""

    def __init__(self, pool_id: str = "us-east-1_pool") -> None:
        self.pool_id = pool_id
        self.clients: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.secrets: dict[str, list[dict[str, Any]]] = {}

    def add(self, client_id: str, name: str, age_days: int = 0, **settings: Any) -> None:
        self.clients[client_id] = {
            "UserPoolId": self.pool_id,
            "ClientId": client_id,
            "ClientName": name,
            "CreationDate": datetime(2026, 11, 23, tzinfo=UTC) - timedelta(days=age_days),
            **settings,
        }

    @property
    def writes(self) -> list[str]:
        return [operation for operation, _ in self.calls if operation.startswith(("create", "update", "delete"))]

    def create_user_pool_client(self, UserPoolId: str, GenerateSecret: bool = False, **settings: Any) -> dict[str, Any]:
        self._check(UserPoolId, settings)
        client_id = f"made{len(self.clients)}"
        secret = {"ClientSecret": f"secret-of-{client_id}"} if GenerateSecret else {}
        self.add(client_id, settings.pop("ClientName"), **settings, **secret)
        return {"UserPoolClient": self.clients[client_id]}

    def update_user_pool_client(self, UserPoolId: str, ClientId: str, **settings: Any) -> dict[str, Any]:
        self._check(UserPoolId, settings)
        old = self._get(ClientId)
        kept = {key: old[key] for key in ("UserPoolId", "ClientId", "ClientName", "ClientSecret", "CreationDate") if key in old}
        self.clients[ClientId] = {**kept, **settings}
        return {"UserPoolClient": self.clients[ClientId]}

    def describe_user_pool_client(self, UserPoolId: str, ClientId: str) -> dict[str, Any]:
        self._check(UserPoolId, {})
        if not ClientId.replace("_", "").isalnum():
            raise Refusal("InvalidParameterException", "Value at 'clientId' failed to satisfy constraint: [\\w+]+")
        return {"UserPoolClient": self._get(ClientId)}

    def delete_user_pool_client(self, UserPoolId: str, ClientId: str) -> None:
        self._check(UserPoolId, {})
        del self.clients[self._get(ClientId)["ClientId"]]

    def list_user_pool_clients(self, UserPoolId: str, NextToken: str = "0", **_: Any) -> dict[str, Any]:
        self._check(UserPoolId, {})
        start, ids = int(NextToken), list(self.clients)
        more = {"NextToken": str(start + 2)} if start + 2 < len(ids) else {}
        keys = ("UserPoolId", "ClientId", "ClientName")
        return {"UserPoolClients": [{key: self.clients[item][key] for key in keys} for item in ids[start : start + 2]], **more}

    def list_user_pool_client_secrets(self, UserPoolId: str, ClientId: str) -> dict[str, Any]:
        self._check(UserPoolId, {})
        return {"ClientSecrets": [{key: item[key] for key in SHOWN} for item in self.secrets_of(ClientId)]}

    def add_user_pool_client_secret(self, UserPoolId: str, ClientId: str) -> dict[str, Any]:
        self._check(UserPoolId, {})
        found = self.secrets_of(ClientId)
        if len(found) > 1:
            raise Refusal("LimitExceededException", "the client has two secrets")
        number = max(int(item["ClientSecretId"].rpartition("--")[2]) for item in found) + 1
        at = datetime(2026, 11, 25, tzinfo=UTC) + timedelta(seconds=number)
        added = {
            "ClientSecretId": f"{ClientId}--{number}",
            "ClientSecretValue": f"secret{number:020}",
            "ClientSecretCreateDate": at,
        }
        found.append(added)
        return {"ClientSecretDescriptor": added}

    def delete_user_pool_client_secret(self, UserPoolId: str, ClientId: str, ClientSecretId: str) -> dict[str, Any]:
        self._check(UserPoolId, {})
        found = self.secrets_of(ClientId)
        if [item["ClientSecretId"] for item in found] == [ClientSecretId]:
            raise Refusal("InvalidParameterException", "the last secret stays")
        if all(item["ClientSecretId"] != ClientSecretId for item in found):
            raise Refusal("ResourceNotFoundException", "there is no such secret")
        found[:] = [item for item in found if item["ClientSecretId"] != ClientSecretId]
        return {}

    def secrets_of(self, client_id: str) -> list[dict[str, Any]]:
        """The active secrets of a client, oldest first; the one it was born with is what Describe tells, for good."""
        client = self._get(client_id)
        born = {
            "ClientSecretId": f"{client_id}--1",
            "ClientSecretValue": client.get("ClientSecret"),
            "ClientSecretCreateDate": client["CreationDate"],
        }
        return self.secrets.setdefault(client_id, [born])

    def _get(self, client_id: str) -> dict[str, Any]:
        if client_id not in self.clients:
            raise Refusal("ResourceNotFoundException", f"User pool client {client_id} does not exist.")
        return self.clients[client_id]

    def _check(self, pool_id: str, settings: dict[str, Any]) -> None:
        if pool_id != self.pool_id:
            raise Refusal("ResourceNotFoundException", f"User pool {pool_id} does not exist.")
        if "code" in settings.get("AllowedOAuthFlows", ()) and not settings.get("CallbackURLs"):
            raise Refusal("InvalidOAuthFlowException", "code flow needs at least one callback URL")
        if settings.get("AllowedOAuthFlowsUserPoolClient") and not settings.get("AllowedOAuthFlows"):
            raise Refusal("InvalidOAuthFlowException", "AllowedOAuthFlows and AllowedOAuthScopes are required")
        default = settings.get("DefaultRedirectURI")
        if default and default not in settings.get("CallbackURLs", ()):
            raise Refusal("InvalidParameterException", "default redirect URI must be in the list of callback URLs")
