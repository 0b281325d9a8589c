"""Which app client a hub uses and what changes about it."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.oauth_client import (
    SETTINGS_AT_BIRTH,
    Create,
    Keep,
    Update,
    WantedClient,
    callback_url,
    choose_owned,
    decide_client,
    same_domain,
    secret_text,
    stored_client_id,
)

OWNED = WantedClient("lab", "https://lab.example", ("openid",), is_owned=True)
ADOPTED = OWNED._replace(is_owned=False)
RIGHT: dict[str, Any] = {
    "ClientName": "lab",
    "PreventUserExistenceErrors": "ENABLED",
    "CallbackURLs": ["https://lab.example/hub/oauth_callback"],
    "LogoutURLs": ["https://lab.example"],
    "AllowedOAuthFlowsUserPoolClient": True,
    "AllowedOAuthFlows": ["code"],
    "AllowedOAuthScopes": ["openid"],
    "SupportedIdentityProviders": ["COGNITO"],
}


def test_a_new_client_has_all_that_the_hub_needs() -> None:
    assert decide_client(OWNED, None) == Create({**SETTINGS_AT_BIRTH, **RIGHT})


def test_a_new_client_without_url_allows_no_code_flow_yet() -> None:
    decision = decide_client(OWNED._replace(hub_url=None), None)
    assert decision == Create({**SETTINGS_AT_BIRTH, "ClientName": "lab", "PreventUserExistenceErrors": "ENABLED"})


@pytest.mark.parametrize(
    ("wanted", "existing"),
    [
        pytest.param(OWNED, RIGHT, id="owned"),
        pytest.param(ADOPTED, RIGHT, id="adopted"),
        pytest.param(OWNED._replace(hub_url="https://lab.example/"), RIGHT, id="slash-at-the-end-of-the-url"),
        pytest.param(OWNED._replace(hub_url=None), RIGHT, id="url-not-known-yet"),
        pytest.param(
            ADOPTED, {**RIGHT, "CallbackURLs": ["https://z.example/x", *RIGHT["CallbackURLs"]]}, id="adopted-with-more-urls"
        ),
        pytest.param(ADOPTED, {**RIGHT, "AllowedOAuthScopes": ["profile", "openid"]}, id="adopted-with-more-scopes"),
        pytest.param(OWNED, {**RIGHT, "SupportedIdentityProviders": ["Earthdata"]}, id="another-identity-provider"),
        pytest.param(
            OWNED._replace(scopes=("openid", "email")), {**RIGHT, "AllowedOAuthScopes": ["email", "openid"]}, id="order-of-scopes"
        ),
    ],
)
def test_a_client_that_is_right_is_kept(wanted: WantedClient, existing: dict[str, Any]) -> None:
    assert decide_client(wanted, existing) == Keep()


@pytest.mark.parametrize(
    ("wanted", "existing", "differences"),
    [
        pytest.param(OWNED._replace(hub_url="https://new.example"), RIGHT, {"CallbackURLs", "LogoutURLs"}, id="hub-moved"),
        pytest.param(
            OWNED, {**RIGHT, "PreventUserExistenceErrors": "LEGACY"}, {"PreventUserExistenceErrors"}, id="existence-errors"
        ),
        pytest.param(
            OWNED, {**RIGHT, "AllowedOAuthFlows": ["code", "implicit"]}, {"AllowedOAuthFlows"}, id="owned-allows-only-code"
        ),
        pytest.param(OWNED._replace(scopes=("openid", "email")), RIGHT, {"AllowedOAuthScopes"}, id="scope-added"),
        pytest.param(
            OWNED,
            {"ClientName": "lab", "PreventUserExistenceErrors": "ENABLED"},
            set(RIGHT) - {"ClientName", "PreventUserExistenceErrors"},
            id="url-known-at-last",
        ),
        pytest.param(
            OWNED,
            {**RIGHT, "CallbackURLs": ["https://old.example/cb"], "DefaultRedirectURI": "https://old.example/cb"},
            {"CallbackURLs", "DefaultRedirectURI"},
            id="default-redirect-goes-with-its-callback",
        ),
    ],
)
def test_an_update_names_what_differs(wanted: WantedClient, existing: dict[str, Any], differences: set[str]) -> None:
    decision = decide_client(wanted, existing)
    assert isinstance(decision, Update)
    assert set(decision.differences) == differences


def test_an_update_never_sends_an_empty_text() -> None:
    existing = {"ClientName": "lab", "DefaultRedirectURI": "", "CallbackURLs": []}
    decision = decide_client(OWNED, existing)
    assert isinstance(decision, Update)
    assert "DefaultRedirectURI" not in decision.settings


def test_an_update_carries_every_setting_that_was_there() -> None:
    existing = {**RIGHT, "LogoutURLs": [], "ReadAttributes": ["email"], "RefreshTokenValidity": 30, "AuthSessionValidity": 3}
    assert decide_client(OWNED, existing) == Update(("LogoutURLs",), {**existing, "LogoutURLs": ["https://lab.example"]})


def test_an_adopted_client_keeps_the_urls_of_other_applications() -> None:
    existing = {**RIGHT, "CallbackURLs": ["https://other.example/cb"], "LogoutURLs": ["https://other.example"]}
    decision = decide_client(ADOPTED, existing)
    assert isinstance(decision, Update)
    assert decision.settings["CallbackURLs"] == ["https://other.example/cb", "https://lab.example/hub/oauth_callback"]
    assert decision.settings["LogoutURLs"] == ["https://other.example", "https://lab.example"]


def test_an_owned_client_forgets_the_hubs_former_url() -> None:
    decision = decide_client(OWNED._replace(hub_url="https://new.example"), RIGHT)
    assert isinstance(decision, Update)
    assert decision.settings["CallbackURLs"] == ["https://new.example/hub/oauth_callback"]


@pytest.mark.parametrize(
    ("candidates", "stored", "chosen", "others"),
    [
        pytest.param([], None, None, (), id="none"),
        pytest.param([("b", "2026-02"), ("a", "2026-03")], None, "b", ("a",), id="oldest-after-a-crash"),
        pytest.param([("b", "2026-02"), ("a", "2026-03")], "a", "a", ("b",), id="the-stored-one-goes-on"),
        pytest.param([("b", "2026-02")], "gone", "b", (), id="the-stored-one-is-gone"),
    ],
)
def test_the_client_of_an_earlier_build_is_found(
    candidates: list[tuple[str, str]], stored: str | None, chosen: str | None, others: tuple[str, ...]
) -> None:
    assert choose_owned(candidates, stored) == (chosen, others)


@pytest.mark.parametrize(
    ("text", "client_id"),
    [
        pytest.param(secret_text("abc", "s"), "abc", id="own-form"),
        pytest.param(None, None, id="absent"),
        pytest.param("not json", None, id="text"),
        pytest.param('["abc"]', None, id="list"),
        pytest.param('{"client_id": ""}', None, id="empty"),
    ],
)
def test_the_stored_id_is_read_or_missing_never_an_error(text: str | None, client_id: str | None) -> None:
    assert stored_client_id(text) == client_id


def test_domains_are_compared_as_people_write_them() -> None:
    assert same_domain("https://Lab.auth.us-east-1.amazoncognito.com/", "https://lab.auth.us-east-1.amazoncognito.com")
    assert not same_domain("https://lab.auth.us-east-1.amazoncognito.com", "https://lab.auth.us-west-2.amazoncognito.com")
    assert callback_url("https://lab.example/") == "https://lab.example/hub/oauth_callback"
