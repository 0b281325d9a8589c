"""InstallJupyterHub from event to result: secrets in moto, helm in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.domain.errors import OAuthClientUnusable, ProviderError
from tests.functions.release_clients import UNREACHED, connect, event, load
from tests.unit.releases.example import SPAWN_FUNCTIONS
from tests.unit.releases.fake_helm import FakeHelm

CLIENT_SECRET = "planted-client-secret"
TOKEN_NAME = "hubplane/opensarlab/proxy-token"
SERVICE_TOKEN_NAME = "hubplane/opensarlab/hub-token"
FUNCTIONS = {
    "ENSURE_HOME_FUNCTION_ARN": SPAWN_FUNCTIONS.ensure_home_arn,
    "RECORD_SERVER_STOP_FUNCTION_ARN": SPAWN_FUNCTIONS.record_server_stop_arn,
}


class World:
    """The function, its secrets and its release."""

    def __init__(self, module: ModuleType) -> None:
        self.module, self.helm, self.secrets_given = module, FakeHelm(), ()
        self.secrets: Any = boto3.client("secretsmanager", region_name="us-east-1")

    def store_client(self, text: str) -> str:
        arn: str = self.secrets.create_secret(Name="hubplane/opensarlab/oauth-client", SecretString=text)["ARN"]
        return arn

    def run(self, arn: str, **changes: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.module.handler(event("install_jupyterhub", oauth_secret_arn=arn, **changes), None)
        return result

    def make_helm(self, binary: Any, connection: Any, secrets: Any = ()) -> FakeHelm:
        self.secrets_given = secrets
        return self.helm

    @property
    def values(self) -> dict[str, Any]:
        return self.helm.stored[-1].values


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with mock_aws():
        module = load("install_jupyterhub", monkeypatch, **FUNCTIONS)
        made = World(module)
        connect(module, UNREACHED, monkeypatch)
        monkeypatch.setattr(module, "find_helm", lambda configured: configured)
        monkeypatch.setattr(module, "Helm", made.make_helm)
        yield made


GOOD_CLIENT = json.dumps({"client_id": "client1234", "client_secret": CLIENT_SECRET})


def test_a_first_build_makes_the_token_and_the_release(world: World) -> None:
    result = world.run(world.store_client(GOOD_CLIENT))
    token = world.secrets.get_secret_value(SecretId=TOKEN_NAME)["SecretString"]
    assert re.fullmatch("[0-9a-f]{64}", token)
    assert world.values["proxy"]["secretToken"] == token
    assert world.values["hub"]["config"]["GenericOAuthenticator"]["client_secret"] == CLIENT_SECRET
    assert world.values["hub"]["image"]["tag"] == "4.4.0-1a2b3c4d5e6f"
    assert world.values["hub"]["extraEnv"]["HUBPLANE_ENSURE_HOME_ARN"] == FUNCTIONS["ENSURE_HOME_FUNCTION_ARN"]
    assert {key: result[key] for key in ("release", "namespace", "revision", "previous_revision", "chart_version")} == {
        "release": "jupyterhub",
        "namespace": "jupyter",
        "revision": 1,
        "previous_revision": None,
        "chart_version": "4.4.0",
    }
    assert result["changes"][:2] == [f"created secret {TOKEN_NAME}", f"created secret {SERVICE_TOKEN_NAME}"]
    tags = {tag["Key"]: tag["Value"] for tag in world.secrets.describe_secret(SecretId=TOKEN_NAME)["Tags"]}
    assert tags == {"hubplane:cluster": "opensarlab", "kubernetes.io/cluster/opensarlab": "owned"}


def test_a_repeated_build_keeps_the_token_and_reports_no_change(world: World) -> None:
    arn = world.store_client(GOOD_CLIENT)
    world.run(arn)
    values = world.values
    result = world.run(arn)
    assert result["changes"] == []
    assert (result["revision"], result["previous_revision"]) == (1, 1)
    assert world.values == values


def test_another_hub_url_is_one_upgrade(world: World) -> None:
    arn = world.store_client(GOOD_CLIENT)
    world.run(arn)
    result = world.run(arn, hub_url="https://lab.example.org")
    assert (result["revision"], result["previous_revision"]) == (2, 1)
    assert "hub.config.GenericOAuthenticator.oauth_callback_url" in result["reason"]


def test_the_chart_is_the_one_that_was_checked(world: World) -> None:
    chart = {"source": "charts/jupyterhub", "version": "9.9.9"}
    assert world.run(world.store_client(GOOD_CLIENT), hub_chart=chart)["chart_version"] == "9.9.9"


def test_no_secret_is_in_the_result_and_helm_is_told_what_to_redact(world: World) -> None:
    result = world.run(world.store_client(GOOD_CLIENT))
    tokens = {world.values["proxy"]["secretToken"], world.values["hub"]["services"]["hubplane"]["apiToken"]}
    assert len(tokens) == 2
    assert set(world.secrets_given) == {CLIENT_SECRET, *tokens}
    assert not [secret for secret in (CLIENT_SECRET, *tokens) if secret in json.dumps(result)]


def test_an_unusable_client_changes_nothing(world: World) -> None:
    with pytest.raises(OAuthClientUnusable):
        world.run(world.store_client('{"client_id": "x"}'))
    assert world.helm.stored == []
    assert [item["Name"] for item in world.secrets.list_secrets()["SecretList"]] == ["hubplane/opensarlab/oauth-client"]


def test_a_token_that_somebody_broke_is_refused(world: World) -> None:
    world.secrets.create_secret(Name=TOKEN_NAME, SecretString="planted-short")
    with pytest.raises(ProviderError, match="openssl rand -hex 32") as refused:
        world.run(world.store_client(GOOD_CLIENT))
    assert "planted-short" not in str(refused.value)
