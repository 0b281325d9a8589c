"""The hub's secrets: read or refused, never quoted."""

from __future__ import annotations

import re

import pytest

from hubplane.domain.errors import OAuthClientUnusable, ProviderError
from hubplane.domain.releases.charts import DEFAULT_JUPYTERHUB_CHART, ChartReference, choose_chart
from hubplane.domain.releases.hub_secrets import checked_proxy_token, new_proxy_token, oauth_client_from_secret


def test_the_client_of_a_secret() -> None:
    client = oauth_client_from_secret('{"client_id": "abc", "client_secret": "planted", "more": 1}', "hubplane/x/oauth-client")
    assert (client.client_id, client.client_secret) == ("abc", "planted")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "planted",
        "[]",
        '{"client_id": "abc"}',
        '{"client_id": "", "client_secret": "planted"}',
        '{"client_id": 7, "client_secret": "planted"}',
    ],
    ids=["absent", "not-json", "a-list", "no-secret", "empty-id", "number-for-an-id"],
)
def test_an_unusable_client_is_refused_without_being_quoted(text: str | None) -> None:
    with pytest.raises(OAuthClientUnusable, match=r"secret hubplane/x/oauth-client .*client_secret") as refused:
        oauth_client_from_secret(text, "hubplane/x/oauth-client")
    assert "planted" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_new_token_is_what_the_chart_asks_for_and_never_the_same() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", new_proxy_token())
    assert new_proxy_token() != new_proxy_token()
    assert checked_proxy_token("0" * 64, "t") == "0" * 64


@pytest.mark.parametrize(
    "text", [None, "", "planted", "A" * 64, "0" * 64 + "\n"], ids=["absent", "empty", "short", "capitals", "newline"]
)
def test_a_token_that_the_proxy_would_refuse(text: str | None) -> None:
    with pytest.raises(ProviderError, match="openssl rand -hex 32") as refused:
        checked_proxy_token(text, "hubplane/x/proxy-token")
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize(
    ("of_cluster", "source", "version", "wanted"),
    [
        (None, "", "", DEFAULT_JUPYTERHUB_CHART),
        (None, "charts/jupyterhub", "", ChartReference("charts/jupyterhub")),
        (None, "", "4.3.2", ChartReference(DEFAULT_JUPYTERHUB_CHART.source, "4.3.2")),
        (ChartReference("oci://r/c", "1"), "charts/jupyterhub", "", ChartReference("oci://r/c", "1")),
    ],
    ids=["pinned-default", "deployment's-folder", "deployment's-version", "cluster's-own-wins"],
)
def test_which_chart(of_cluster: ChartReference | None, source: str, version: str, wanted: ChartReference) -> None:
    assert choose_chart(of_cluster, source, version, DEFAULT_JUPYTERHUB_CHART) == wanted
