"""EnsureOAuthClient on a user pool that resets what an update leaves out."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.domain.errors import OAuthClientUnusable
from tests.adapters.fake_aws import fake_client
from tests.functions.fake_user_pool import FakeUserPool

EVENT = json.loads(Path("events/ensure_oauth_client.json").read_text())
POOL_DOMAIN = EVENT["spec"]["oauth"]["domain_url"]
URL = "https://opensarlab.asf.alaska.edu"
PLANTED = ("planted-client-secret", "plantedid")


class World:
    """The function with a fake pool and moto's Secrets Manager."""

    def __init__(self, module: Any, pool: FakeUserPool, secrets: Any) -> None:
        self.module, self.pool, self.secrets = module, pool, secrets

    def run(self, hub_url: str | None = URL, **oauth: Any) -> dict[str, Any]:
        none_given = {"client_id_secret_arn": None, "client_secret_secret_arn": None}
        spec = {**EVENT["spec"], "oauth": {**EVENT["spec"]["oauth"], **none_given, **oauth}}
        result: dict[str, Any] = self.module.handler({**EVENT, "spec": spec, "hub_url": hub_url}, None)
        return result

    def give(self, client_id: str, client_secret: str) -> dict[str, str]:
        """Secrets of the operator, as the fields of the specification that name them."""
        arns = [self.secrets.create_secret(Name=f"given-{key}", SecretString=key)["ARN"] for key in (client_id, client_secret)]
        return {"client_id_secret_arn": arns[0], "client_secret_secret_arn": arns[1]}

    def stored(self) -> dict[str, str]:
        text = self.secrets.get_secret_value(SecretId="hubplane/opensarlab/oauth-client")["SecretString"]
        document: dict[str, str] = json.loads(text)
        return document


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("USER_POOL_ID", "us-east-1_pool")
    monkeypatch.setenv("USER_POOL_DOMAIN_URL", POOL_DOMAIN)
    for key, value in {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        module = importlib.reload(importlib.import_module("functions.ensure_oauth_client.app"))
        pool, secrets = FakeUserPool(), boto3.client("secretsmanager")
        clients = {"cognito-idp": fake_client("cognito-idp", pool), "secretsmanager": secrets}
        monkeypatch.setattr(module, "client", clients.__getitem__)
        yield World(module, pool, secrets)


def test_the_first_build_makes_and_stores_a_client_and_the_second_changes_nothing(world: World) -> None:
    first = world.run()
    assert first["client_id_is_managed"] is True
    assert world.stored() == {"client_id": "made0", "client_secret": "secret-of-made0"}
    assert len(first["changes"]) == 2
    second = world.run()
    assert (second["changes"], second["oauth_secret_arn"]) == ([], first["oauth_secret_arn"])
    assert world.pool.writes == ["create_user_pool_client"]


def test_a_url_that_comes_later_is_set_by_the_second_call_and_kept_by_the_next_build(world: World) -> None:
    world.run(hub_url=None)
    assert "CallbackURLs" not in world.pool.clients["made0"]
    assert len(world.run(hub_url="https://lb.example")["changes"]) == 1
    assert world.pool.clients["made0"]["CallbackURLs"] == ["https://lb.example/hub/oauth_callback"]
    assert world.pool.clients["made0"]["AccessTokenValidity"] == 60
    assert world.run(hub_url=None)["changes"] == []
    assert world.run(hub_url="https://lb.example")["changes"] == []


def test_a_given_client_of_the_pool_is_adopted_and_loses_nothing(world: World) -> None:
    world.pool.add(
        "plantedid", "old-hub", ClientSecret=PLANTED[0], ReadAttributes=["email"], CallbackURLs=["https://old.example/cb"]
    )
    given = world.give("plantedid", PLANTED[0])
    result = world.run(**given)
    assert result["client_id_is_managed"] is False
    assert world.pool.clients["plantedid"]["ReadAttributes"] == ["email"]
    assert world.pool.clients["plantedid"]["CallbackURLs"] == ["https://old.example/cb", f"{URL}/hub/oauth_callback"]
    assert world.stored() == {"client_id": "plantedid", "client_secret": PLANTED[0]}
    assert world.run(**given)["changes"] == []


def test_a_given_id_that_the_pool_does_not_know_gets_a_client_of_our_own_and_a_note(world: World) -> None:
    given = world.give("****", "x")
    result = world.run(**given)
    assert (result["client_id_is_managed"], world.stored()["client_id"]) == (True, "made0")
    assert "the given client id is not a client of user pool us-east-1_pool" in result["notes"][0]
    assert world.run(**given)["changes"] == []


def test_a_given_secret_that_is_not_there_gets_a_client_of_our_own_and_a_note(world: World) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:absent-AbCdEf"
    result = world.run(client_id_secret_arn=arn, client_secret_secret_arn=arn)
    assert (result["client_id_is_managed"], len(result["notes"])) == (True, 1)
    assert result["notes"][0].startswith(f"secret {arn} (oauth.client_id_secret_arn) does not exist or is empty")


def test_a_crash_between_making_and_storing_makes_no_second_client(world: World) -> None:
    world.pool.add("young", "opensarlab", age_days=1, ClientSecret="s-young")
    world.pool.add("other", "another-cluster", age_days=9, ClientSecret="s-other")
    world.pool.add("old", "opensarlab", age_days=2, ClientSecret="s-old")
    result = world.run()
    assert world.stored() == {"client_id": "old", "client_secret": "s-old"}
    assert "delete young when nothing uses them" in result["notes"][0]
    assert "create_user_pool_client" not in world.pool.writes


def test_a_client_removed_by_hand_is_made_again_and_the_secret_follows(world: World) -> None:
    arn = world.run()["oauth_secret_arn"]
    world.pool.clients.clear()
    world.pool.add("unrelated", "x")
    result = world.run()
    assert (result["oauth_secret_arn"], world.stored()["client_id"]) == (arn, "made1")
    assert len(result["changes"]) == 2


def test_an_external_provider_is_copied_and_its_callback_told(world: World) -> None:
    given = world.give("external-id", "external-secret")
    result = world.run(domain_url="https://login.example.org", **given)
    assert world.stored() == {"client_id": "external-id", "client_secret": "external-secret"}
    assert f"must allow the callback {URL}/hub/oauth_callback" in result["notes"][0]
    assert world.pool.calls == []
    assert world.run(domain_url="https://login.example.org", **given)["changes"] == []


def test_a_rotated_external_secret_reaches_the_hub(world: World) -> None:
    given = world.give("external-id", "external-secret")
    world.run(domain_url="https://login.example.org", **given)
    world.secrets.put_secret_value(SecretId=given["client_secret_secret_arn"], SecretString="rotated\n")
    assert world.run(domain_url="https://login.example.org", **given)["changes"] == [
        "renewed the OAuth client in secret hubplane/opensarlab/oauth-client"
    ]
    assert world.stored()["client_secret"] == "rotated"


def test_an_external_provider_without_secrets_is_refused_with_all_that_is_missing(world: World) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:absent-AbCdEf"
    with pytest.raises(OAuthClientUnusable) as refusal:
        world.run(domain_url="https://login.example.org", client_id_secret_arn=arn)
    assert f"oauth.client_id_secret_arn ({arn}) does not exist" in str(refusal.value)
    assert "oauth.client_secret_secret_arn is not given" in str(refusal.value)


def test_a_public_client_is_refused(world: World) -> None:
    world.pool.add("public", "opensarlab")
    with pytest.raises(OAuthClientUnusable, match="the hub needs a confidential client"):
        world.run()


def test_no_id_and_no_secret_leaves_the_function(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.pool.add("plantedid", "old-hub", ClientSecret=PLANTED[0])
    result = world.run(**world.give("plantedid", "another-planted-secret"))
    spoken = json.dumps(result) + capsys.readouterr().out
    assert [value for value in (*PLANTED, "another-planted-secret") if value in spoken] == []
    assert "is not the one of its app client" in " ".join(result["notes"])


def test_a_secret_that_a_rotation_made_goes_on_whatever_the_pool_describes(world: World) -> None:
    first = world.run()
    client_id = world.stored()["client_id"]
    added = world.pool.add_user_pool_client_secret("us-east-1_pool", client_id)["ClientSecretDescriptor"]
    rotated = {"client_id": client_id, "client_secret": added["ClientSecretValue"], "client_secret_id": added["ClientSecretId"]}
    world.secrets.put_secret_value(SecretId="hubplane/opensarlab/oauth-client", SecretString=json.dumps(rotated, sort_keys=True))
    assert world.run()["changes"] == []
    assert world.stored() == rotated
    world.pool.delete_user_pool_client_secret("us-east-1_pool", client_id, added["ClientSecretId"])
    assert world.run()["changes"] == ["renewed the OAuth client in secret hubplane/opensarlab/oauth-client"]
    assert "client_secret_id" not in world.stored()
    assert first["oauth_secret_arn"] == world.run()["oauth_secret_arn"]
