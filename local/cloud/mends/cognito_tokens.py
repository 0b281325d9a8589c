"""The PreTokenGeneration trigger and what it changes in tokens."""

from __future__ import annotations

import contextvars
from typing import Any

from ministack.services import cognito

from local.cloud.cloud import Cloud
from local.cloud.cognito_lambda import attributes_of, call_trigger, function_of
from local.cloud.gateway import Gateway
from local.cloud.mends import mend

# What no trigger may set or take away: https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
RESERVED = frozenset(
    {
        *("acr", "amr", "at_hash", "auth_time", "azp", "exp", "iat", "identities", "iss", "jti", "nbf", "nonce"),
        *("origin_jti", "sub", "token_use", "aud", "client_id", "event_id", "device_key", "version"),
        *("username", "cognito:username"),
    }
)

# The trigger's answer for the tokens of one call: they are made one by one, the function is asked once.
_ANSWERS: contextvars.ContextVar[dict[tuple[str, str], Any] | None] = contextvars.ContextVar("token_answers", default=None)


@mend
def tokens_as_the_trigger_says(cloud: Cloud, gateway: Gateway) -> None:
    """PreTokenGeneration is called once per token, its failures are ignored, and its groups are looked for in the wrong place.

    And a refresh on the hosted pages loses the user's groups. With this a failure fails the sign-in, and the groups it names
    stand in the ID token and in the access token, in the first form of the event and in the second.
    """
    make, build, token = cognito._fake_token, cognito._build_auth_result, cognito._oauth2_token

    def once(call: Any) -> Any:
        def calling(*args: Any, **kwargs: Any) -> Any:
            _ANSWERS.set({})
            return call(*args, **kwargs)

        return calling

    def make_whole(sub: str, pool_id: str, client_id: str, kind: str = "access", username: str = "", **kwargs: Any) -> Any:
        user = (cognito._get_pool_unscoped(pool_id) or {"_users": {}})["_users"].get(username)
        if user and kind in ("access", "id"):
            kwargs = {**kwargs, "groups": list(user.get("_groups", [])), "user_attrs": attributes_of(user)}
        return make(sub, pool_id, client_id, kind, username, **kwargs)

    cognito._fake_token = make_whole
    cognito._build_auth_result = once(build)
    cognito._oauth2_token = once(token)
    cognito._apply_pretoken_trigger = _changed


def _changed(
    pool_id: str,
    claims: dict[str, Any],
    token_type: str,
    trigger_source: str,
    client_id: str,
    username: str,
    user_attrs: dict[str, Any],
    groups: list[str],
    client_metadata: dict[str, str] | None = None,
    scope: str = "",
) -> dict[str, Any]:
    claims.pop("cognito:user_status", None)
    pool = cognito._get_pool_unscoped(pool_id)
    version = function_of(pool or {}, "PreTokenGeneration")[1]
    if pool is None or (trigger_source == "TokenGeneration_ClientCredentials" and version != "3"):
        return claims
    answers = _ANSWERS.get()
    answers = {} if answers is None else answers
    key = (pool_id, username)
    if key not in answers:
        event = cognito._build_pretoken_event(
            pool_id, client_id, username, user_attrs, groups, trigger_source, f"V{version}_0", client_metadata, scope
        )
        answers[key] = call_trigger(
            pool, "PreTokenGeneration", trigger_source, event["userName"], client_id, event["request"], event["response"]
        )
    return applied(claims, token_type, version, answers[key] or {})


def applied(claims: dict[str, Any], token_type: str, version: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Claims of a token after a trigger's answer: the first form changes claims of ID tokens only, groups in both."""
    if version == "1":
        details = answer.get("claimsOverrideDetails") or {}
        own = details if token_type == "id" else {}
    else:
        details = answer.get("claimsAndScopeOverrideDetails") or {}
        own = details.get("accessTokenGeneration" if token_type == "access" else "idTokenGeneration") or {}
    added = {name: value for name, value in (own.get("claimsToAddOrOverride") or {}).items() if name not in RESERVED}
    taken = set(own.get("claimsToSuppress") or []) - RESERVED
    result = {name: value for name, value in {**claims, **added}.items() if name not in taken}
    if "scope" in result:
        kept = [name for name in result["scope"].split() if name not in (own.get("scopesToSuppress") or [])]
        result["scope"] = " ".join(dict.fromkeys([*kept, *(own.get("scopesToAdd") or [])]))
    if "groupOverrideDetails" in details:
        result.pop("cognito:groups", None)
        named = (details["groupOverrideDetails"] or {}).get("groupsToOverride")
        if named:
            result["cognito:groups"] = list(named)
    return result
