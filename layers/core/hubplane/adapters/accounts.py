"""Cognito: the accounts of people in one user pool. (App clients are ``adapters.cognito``.)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubplane.domain.provider_errors import error_code, translated


@dataclass(frozen=True, slots=True)
class Account:
    """An account as AdminGetUser tells of it; ``username`` as Cognito writes it. Only "true" makes an address verified."""

    username: str
    sub: str
    email: str
    email_verified: bool
    enabled: bool


class Accounts:
    """Accounts of one pool; ``client`` is a boto3 ``cognito-idp`` client. A name that is no name is nobody's."""

    def __init__(self, client: Any, user_pool_id: str) -> None:
        self._client = client
        self._user_pool_id = user_pool_id

    def find(self, username: str) -> Account | None:
        """The account of this name; None where the pool has none."""
        with translated(f"ask for account {username}"):
            try:
                answer = self._client.admin_get_user(UserPoolId=self._user_pool_id, Username=username)
            except Exception as error:
                if error_code(error) in ("UserNotFoundException", "InvalidParameterException"):
                    return None
                raise
        return _account(answer, "UserAttributes")

    def find_by_sub(self, sub: str) -> Account | None:
        """The account with this sub; None where the pool has none (Cognito API reference, ListUsers: ``sub`` can be searched)."""
        with translated(f"ask for the account of {sub}"):
            quoted = sub.replace("\\", "\\\\").replace('"', '\\"')
            answer = self._client.list_users(UserPoolId=self._user_pool_id, Filter=f'sub = "{quoted}"')
        found = [_account(item, "Attributes") for item in answer.get("Users", [])]
        return next((account for account in found if account.sub == sub), None)

    def is_enabled(self, username: str, sub: str) -> bool | None:
        """Whether the account of this name and sub may sign in; None where the pool has none such."""
        found = self.find(username)
        return found.enabled if found is not None and found.sub == sub else None

    def name_of(self, sub: str) -> str | None:
        """The name of the account with this sub; None where the pool has none."""
        found = self.find_by_sub(sub)
        return None if found is None else found.username

    def enable(self, username: str) -> None:
        """Let the account sign in. Repeatable. Raises ``ProviderError`` where there is none."""
        with translated(f"enable account {username}"):
            self._client.admin_enable_user(UserPoolId=self._user_pool_id, Username=username)

    def disable(self, username: str) -> bool:
        """Let the account sign in no more. False: there is none. Repeatable."""
        return self._unless_gone(f"disable account {username}", self._client.admin_disable_user, username)

    def sign_out(self, username: str) -> bool:
        """Revoke every refresh and access token of the account. False: there is none. Repeatable."""
        return self._unless_gone(f"sign {username} out everywhere", self._client.admin_user_global_sign_out, username)

    def delete(self, username: str) -> bool:
        """Delete the account, which frees its name in the pool. False: there is none. Repeatable."""
        return self._unless_gone(f"delete account {username}", self._client.admin_delete_user, username)

    def _unless_gone(self, doing: str, call: Any, username: str) -> bool:
        with translated(doing):
            try:
                call(UserPoolId=self._user_pool_id, Username=username)
            except Exception as error:
                if error_code(error) == "UserNotFoundException":
                    return False
                raise
        return True


def _account(answer: Mapping[str, Any], attributes_key: str) -> Account:
    attributes = {item["Name"]: item.get("Value", "") for item in answer.get(attributes_key, [])}
    return Account(
        username=answer["Username"],
        sub=attributes.get("sub", ""),
        email=attributes.get("email", ""),
        email_verified=attributes.get("email_verified") == "true",
        enabled=answer.get("Enabled") is True,
    )
