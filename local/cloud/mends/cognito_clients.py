"""Cognito app clients: replaced as a whole by an update, and checked."""

from __future__ import annotations

import json
import re
import secrets
import string
import time
from typing import Any
from urllib.parse import urlsplit

from ministack.core.responses import error_response_json, json_response
from ministack.services import cognito

from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway, Request, Response
from local.cloud.mends import mend, replace_action

STANDARD_SCOPES = frozenset({"phone", "email", "openid", "profile", "aws.cognito.signin.user.admin"})
SECRET_CHARACTERS = string.ascii_lowercase + string.digits
# What a client has that names nothing, from CreateUserPoolClient in the Cognito API reference.
DEFAULTS: dict[str, Any] = {
    "RefreshTokenValidity": 30,
    "AccessTokenValidity": None,
    "IdTokenValidity": None,
    "TokenValidityUnits": {},
    "ReadAttributes": [],
    "WriteAttributes": [],
    "ExplicitAuthFlows": [],
    "SupportedIdentityProviders": [],
    "CallbackURLs": [],
    "LogoutURLs": [],
    "DefaultRedirectURI": "",
    "AllowedOAuthFlows": [],
    "AllowedOAuthScopes": [],
    "AllowedOAuthFlowsUserPoolClient": False,
    "PreventUserExistenceErrors": "LEGACY",
    "EnableTokenRevocation": True,
    "EnablePropagateAdditionalUserContextData": False,
    "AuthSessionValidity": 3,
}


@mend
def updates_replace_app_clients(cloud: Cloud, gateway: Gateway) -> None:
    """An update keeps what it does not mention, and any URL, flow or scope is taken.

    AWS sets what is left out back to its default (UpdateUserPoolClient in the Cognito API reference), refuses sign-in URLs
    that are neither https nor localhost, and OAuth settings that do not go together. Secrets are 51 lower-case characters.
    """
    create, update = cognito._create_user_pool_client, cognito._update_user_pool_client

    def create_checked(given: dict[str, Any]) -> Any:
        return _refused(given) or create(given)

    def update_whole(given: dict[str, Any]) -> Any:
        pool, error = cognito._resolve_pool(given.get("UserPoolId"))
        present = None if error else pool["_clients"].get(given.get("ClientId"))
        if present is None:
            return update(given)
        return _refused(given) or update({**DEFAULTS, **given})

    replace_action(cognito, create, create_checked)
    replace_action(cognito, update, update_whole)
    cognito._client_secret = lambda: "".join(secrets.choice(SECRET_CHARACTERS) for _ in range(51))


class Secret(str):
    """A client's secret as the emulator compares it: equal to each of the active ones."""

    others: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) is True or other in self.others

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


@mend
def app_clients_have_two_secrets(cloud: Cloud, gateway: Gateway) -> None:
    """AddUserPoolClientSecret, ListUserPoolClientSecrets and DeleteUserPoolClientSecret do not exist.

    With this a client has up to two secrets, both of which let in, and the last one cannot be deleted (botocore's model of
    cognito-idp and its documentation).
    """
    active: dict[str, list[dict[str, Any]]] = {}

    def listed(client: dict[str, Any]) -> list[dict[str, Any]]:
        born = {"id": f"{client['ClientId']}--{int(client['CreationDate'])}", "value": str(client["ClientSecret"])}
        return active.setdefault(client["ClientId"], [{**born, "at": client["CreationDate"]}])

    def keep(client: dict[str, Any], found: list[dict[str, Any]]) -> None:
        secret = Secret(found[0]["value"])
        secret.others = tuple(item["value"] for item in found[1:])
        client["ClientSecret"] = secret

    def add(client: dict[str, Any], given: dict[str, Any]) -> Any:
        found = listed(client)
        if len(found) > 1:
            return error_response_json("LimitExceededException", "The app client has two secrets already.", 400)
        at = time.time()
        added = {"id": f"{client['ClientId']}--{int(at * 1000)}", "value": cognito._client_secret(), "at": at}
        found.append(added)
        keep(client, found)
        return json_response({"ClientSecretDescriptor": {**_described(added), "ClientSecretValue": added["value"]}})

    def list_all(client: dict[str, Any], given: dict[str, Any]) -> Any:
        return json_response({"ClientSecrets": [_described(item) for item in listed(client)]})

    def delete(client: dict[str, Any], given: dict[str, Any]) -> Any:
        found = listed(client)
        staying = [item for item in found if item["id"] != given.get("ClientSecretId")]
        if len(staying) == len(found):
            return error_response_json("ResourceNotFoundException", "Client secret does not exist.", 400)
        if not staying:
            return error_response_json("InvalidParameterException", "The last secret cannot be deleted.", 400)
        found[:] = staying
        keep(client, found)
        return json_response({})

    actions = {"Add": add, "List": list_all, "Delete": delete}

    async def answer(request: Request) -> Response | None:
        named = re.search(r"\.(Add|List|Delete)UserPoolClientSecrets?$", request.headers.get("x-amz-target", ""))
        if request.service != "cognito-idp" or named is None:
            return None
        given = json.loads(request.body or b"{}")
        pool, error = cognito._resolve_pool(given.get("UserPoolId"))
        client = None if error else pool["_clients"].get(given.get("ClientId"))
        if client is None or not client.get("ClientSecret"):
            refused: Response = error or error_response_json("ResourceNotFoundException", "User pool client does not exist.", 400)
            return refused
        done: Response = actions[named[1]](client, given)
        return done

    gateway.intercept(answer)


def _described(item: dict[str, Any]) -> dict[str, Any]:
    return {"ClientSecretId": item["id"], "ClientSecretCreateDate": item["at"]}


def _refused(given: dict[str, Any]) -> Any:
    reason = fault_of(given)
    return None if reason is None else error_response_json(*reason, 400)


def fault_of(given: dict[str, Any]) -> tuple[str, str] | None:
    """Code and message with which Cognito refuses a client's settings, or None."""
    for field in ("CallbackURLs", "LogoutURLs"):
        for url in given.get(field) or []:
            parts = urlsplit(url)
            local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
            if not (parts.scheme == "https" and parts.netloc) and not local and parts.scheme in ("http", ""):
                return (
                    "InvalidParameterException",
                    f"{url} can not use http protocol." if parts.scheme else f"{url} is not a valid URL.",
                )
    unknown = [scope for scope in given.get("AllowedOAuthScopes") or [] if scope not in STANDARD_SCOPES and "/" not in scope]
    if unknown:
        return "ScopeDoesNotExistException", f"Invalid scope requested: {unknown[0]}"
    if not given.get("AllowedOAuthFlowsUserPoolClient"):
        return None
    if not given.get("AllowedOAuthFlows") or not given.get("AllowedOAuthScopes"):
        return (
            "InvalidOAuthFlowException",
            "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows.",
        )
    if not given.get("CallbackURLs") and set(given["AllowedOAuthFlows"]) & {"code", "implicit"}:
        return "InvalidOAuthFlowException", "At least one callback url is required for code and implicit flows."
    return None
