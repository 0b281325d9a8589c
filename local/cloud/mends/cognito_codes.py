"""Cognito checks what it is given: names, secrets, codes, and whether an account is enabled."""

from __future__ import annotations

import secrets
from typing import Any

from ministack.app import AUTH
from ministack.services import cognito

from local.cloud import control
from local.cloud.cloud import Cloud
from local.cloud.gateway import Gateway
from local.cloud.mends import mend, replace_action

Handler = Any


@mend
def cognito_checks_without_auth(cloud: Cloud, gateway: Gateway) -> None:
    """Only with AUTH are secret hashes, auth flows and confirmation codes checked; without it any code confirms.

    And a disabled user can refresh. With this they are always checked, and disabling an account ends its sessions: the
    refresh tokens made before stay revoked when it is enabled again.
    """
    run, refresh, disable, token = (
        cognito._run_idp_handler,
        cognito._refresh_auth_user,
        cognito._admin_disable_user,
        cognito._oauth2_token,
    )
    if AUTH:
        return

    def run_checked(handler: Handler, action: str, data: dict[str, Any]) -> Any:
        if action in cognito._UNSIGNED_IDP_ACTIONS:
            cognito._pin_unsigned_idp_scope(data)
        error = (
            cognito._validate_client_secret_hash(action, data)
            or cognito._auth_flow_error(action, data)
            or cognito._confirmation_code_error(action, data)
        )
        return error or run(handler, action, data)

    def refresh_enabled(pool: Any, pool_id: str, client_id: str, refresh_token: str) -> Any:
        user, error = refresh(pool, pool_id, client_id, refresh_token)
        if error:
            return user, error
        if not user.get("Enabled", True):
            return None, cognito.error_response_json("NotAuthorizedException", "User is disabled.", 400)
        if cognito._token_claims(refresh_token).get("origin_jti") in cognito._revoked_tokens:
            return None, cognito.error_response_json("NotAuthorizedException", "Refresh Token has been revoked", 400)
        return user, None

    def disable_and_revoke(data: dict[str, Any]) -> Any:
        answer = disable(data)
        pool = cognito._user_pools.get(data.get("UserPoolId"))
        user = cognito._resolve_user(pool, data.get("Username"))[0] if pool else None
        if answer[0] == 200 and user:
            cognito._revoked_tokens.update(user.pop("_origin_jtis", []))
            forget = [key for key, entry in cognito._refresh_tokens.items() if entry.get("username") == user["Username"]]
            for key in forget:
                del cognito._refresh_tokens[key]
        return answer

    def token_of_enabled(data: Any, query: Any, body: bytes = b"", headers: Any = None) -> Any:
        form = cognito.parse_qs((body or b"").decode("utf-8", "replace"))
        entry = cognito._authorization_codes.get(form.get("code", [""])[0])
        pool = cognito._get_pool_unscoped(entry["pool_id"]) if entry else None
        user = pool["_users"].get(entry["username"]) if pool and entry else None
        if user and not user.get("Enabled", True):
            return cognito._oauth2_error("invalid_grant", "User is disabled.")
        return token(data, query, body, headers)

    cognito._run_idp_handler = run_checked
    cognito._refresh_auth_user = refresh_enabled
    cognito._oauth2_token = token_of_enabled
    replace_action(cognito, disable, disable_and_revoke)


@mend
def codes_are_secret(cloud: Cloud, gateway: Gateway) -> None:
    """Every sign-up has the code 123456 and every forgotten password 654321.

    With this each code is six random digits, anew with each mail. Tests read them in the mail at ``/_ministack/ses/messages``
    or with ``GET /_hubplane/cognito/codes``.
    """
    send = cognito._send_verification_email

    def send_fresh(pool: dict[str, Any], username: str, attributes: Any, code: str, attribute_name: str = "email") -> Any:
        user = cognito._resolve_user(pool, username)[0]
        fresh = f"{secrets.randbelow(10**6):06}"
        if user:
            user["_reset_code" if attribute_name == "password" else "_confirmation_code"] = fresh
        return send(pool, username, attributes, fresh, attribute_name)

    cognito._send_verification_email = send_fresh
    control.ACTIONS["GET", "cognito/codes"] = lambda _cloud, _given: {"codes": codes()}


def codes() -> list[dict[str, str]]:
    """Every code that waits to be used."""
    return [
        {"user_pool_id": pool["Id"], "username": user["Username"], "kind": kind, "code": user[key]}
        for pool in cognito._user_pools.all_values()
        for user in pool["_users"].values()
        for kind, key in (("sign_up", "_confirmation_code"), ("password", "_reset_code"))
        if user.get(key) and (kind == "password" or user["UserStatus"] == "UNCONFIRMED")
    ]


@mend
def usernames_ignore_case(cloud: Cloud, gateway: Gateway) -> None:
    """``UsernameConfiguration: {CaseSensitive: false}`` is stored and ignored: Ada and ada are two accounts.

    With this names, and the addresses that stand for them, are one whatever their case, and kept in lower case
    (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-case-sensitivity.html).
    """
    run, resolve, hosted = cognito._run_idp_handler, cognito._resolve_user, cognito._authenticate_hosted_ui_user

    def run_lowered(handler: Handler, action: str, data: dict[str, Any]) -> Any:
        def lowered(given: dict[str, Any]) -> Any:
            pool = cognito._user_pools.get(given.get("UserPoolId")) or cognito._pool_for_client(given.get("ClientId"))[0]
            return handler(_lowered(given) if pool and not case_matters(pool) else given)

        # Inside the checks of secret hashes, which are made over the name as it was typed.
        return run(lowered, action, data)

    def resolve_any_case(pool: dict[str, Any], username: Any) -> Any:
        return resolve(pool, username if case_matters(pool) or username is None else username.lower())

    cognito._run_idp_handler = run_lowered
    cognito._resolve_user = resolve_any_case
    cognito._authenticate_hosted_ui_user = lambda pool, username, password: hosted(
        pool, username if case_matters(pool) else username.lower(), password
    )


def case_matters(pool: dict[str, Any]) -> bool:
    """Whether a pool tells Ada from ada; the API's default is that it does."""
    return str((pool.get("UsernameConfiguration") or {}).get("CaseSensitive", True)).lower() != "false"


def _lowered(given: dict[str, Any]) -> dict[str, Any]:
    result = {**given, **({"Username": given["Username"].lower()} if isinstance(given.get("Username"), str) else {})}
    for group in ("AuthParameters", "ChallengeResponses"):
        values = given.get(group) or {}
        if isinstance(values.get("USERNAME"), str):
            result[group] = {**values, "USERNAME": values["USERNAME"].lower()}
    return result


@mend
def password_policies_have_types(cloud: Cloud, gateway: Gateway) -> None:
    """A policy whose length is a template's parameter keeps it as text, and the first password ends in a TypeError.

    CloudFormation gives each property the type of its schema, whether it was written or referred to.
    """
    check = cognito._validate_password

    def check_typed(pool: dict[str, Any], password: str) -> Any:
        policy = (pool.get("Policies") or {}).get("PasswordPolicy") or {}
        typed = {name: _typed(value) for name, value in policy.items()}
        return check({**pool, "Policies": {**(pool.get("Policies") or {}), "PasswordPolicy": typed}}, password)

    cognito._validate_password = check_typed


def _typed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return int(value) if value.isdecimal() else value.lower() == "true"
