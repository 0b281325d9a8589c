"""Cognito: the app clients of one user pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubplane.domain.oauth_client import AppClient
from hubplane.domain.provider_errors import error_code, translated

# DescribeUserPoolClient tells these, UpdateUserPoolClient takes none of them as a setting.
NOT_SETTINGS = frozenset({"UserPoolId", "ClientId", "ClientSecret", "CreationDate", "LastModifiedDate"})


class UserPool:
    """App clients of one pool; ``client`` is a boto3 ``cognito-idp`` client."""

    def __init__(self, client: Any, user_pool_id: str) -> None:
        self._client = client
        self._user_pool_id = user_pool_id

    def find(self, client_id: str) -> AppClient | None:
        """The app client of this id; None where the pool has none, also for text that is no client id at all."""
        with translated(f"describe an app client of user pool {self._user_pool_id}"):
            try:
                answer = self._client.describe_user_pool_client(UserPoolId=self._user_pool_id, ClientId=client_id)
            except Exception as error:
                if error_code(error) in ("ResourceNotFoundException", "InvalidParameterException"):
                    return None
                raise
        return _app_client(answer["UserPoolClient"])

    def named(self, name: str) -> list[AppClient]:
        """All app clients of this name: Cognito allows any number of them."""
        with translated(f"list the app clients of user pool {self._user_pool_id}"):
            pages = self._client.get_paginator("list_user_pool_clients").paginate(UserPoolId=self._user_pool_id)
            ids = [item["ClientId"] for page in pages for item in page["UserPoolClients"] if item["ClientName"] == name]
        found = (self.find(client_id) for client_id in ids)
        return [item for item in found if item is not None]

    def create(self, settings: Mapping[str, Any]) -> AppClient:
        """A new app client with a secret. Not repeatable: a second call makes a second client of the same name."""
        with translated(f"create app client {settings['ClientName']}"):
            answer = self._client.create_user_pool_client(UserPoolId=self._user_pool_id, GenerateSecret=True, **settings)
        return _app_client(answer["UserPoolClient"])

    def update(self, client_id: str, settings: Mapping[str, Any]) -> None:
        """Make ``settings`` the client's own; those that are left out are reset. Repeatable."""
        with translated(f"update app client {settings['ClientName']}"):
            self._client.update_user_pool_client(UserPoolId=self._user_pool_id, ClientId=client_id, **settings)

    def secret_ids(self, client_id: str) -> list[str]:
        """The ids of the client's secrets, oldest first; Cognito keeps two at most, and both let in."""
        with translated(f"list the secrets of app client {client_id}"):
            found = self._client.list_user_pool_client_secrets(UserPoolId=self._user_pool_id, ClientId=client_id)["ClientSecrets"]
        return [item["ClientSecretId"] for item in sorted(found, key=lambda item: item["ClientSecretCreateDate"])]

    def add_secret(self, client_id: str) -> tuple[str, str]:
        """(id, value) of a new secret beside the present one. Not repeatable: look at ``secret_ids`` first."""
        with translated(f"add a secret to app client {client_id}"):
            added = self._client.add_user_pool_client_secret(UserPoolId=self._user_pool_id, ClientId=client_id)
        return added["ClientSecretDescriptor"]["ClientSecretId"], added["ClientSecretDescriptor"]["ClientSecretValue"]

    def delete_secret(self, client_id: str, secret_id: str) -> None:
        """End a secret; one that is gone is success. Cognito refuses to end the last one."""
        with translated(f"delete a secret of app client {client_id}"):
            if secret_id in self.secret_ids(client_id):
                self._client.delete_user_pool_client_secret(
                    UserPoolId=self._user_pool_id, ClientId=client_id, ClientSecretId=secret_id
                )


def _app_client(description: Mapping[str, Any]) -> AppClient:
    created_at = description.get("CreationDate")
    return AppClient(
        client_id=description["ClientId"],
        name=description["ClientName"],
        created_at=created_at.isoformat() if created_at is not None else "",
        secret=description.get("ClientSecret"),
        settings={key: value for key, value in description.items() if key not in NOT_SETTINGS},
    )
