"""StageSecrets and PromoteSecrets: killed before any of their writes, people can sign in, and the next run ends the work."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.domain.errors import MendRefused
from hubplane.domain.releases.hub_secrets import NEXT
from tests.adapters.fake_aws import fake_client
from tests.functions.fake_user_pool import FakeUserPool
from tests.functions.release_clients import event

ALL = ("oauth-client", "proxy-token", "hub-token")
OAUTH, PROXY, HUB = (f"hubplane/opensarlab/{name}" for name in ALL)
POOL_ID, CLIENT_ID = "us-east-1_pool", "client1"
WRITES = ("PutSecretValue", "UpdateSecretVersionStage", "AddUserPoolClientSecret", "DeleteUserPoolClientSecret")


class Killed(Exception):
    """The function died here."""


class World:
    """A pool with the hub's client, and the three secrets as a build leaves them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        domain = event("stage_secrets")["spec"]["oauth"]["domain_url"]
        variables = {"USER_POOL_ID": POOL_ID, "USER_POOL_DOMAIN_URL": domain, "AWS_DEFAULT_REGION": "us-east-1"}
        for key, value in {**variables, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}.items():
            monkeypatch.setenv(key, value)
        self.pool = FakeUserPool(POOL_ID)
        self.pool.add(CLIENT_ID, "opensarlab", ClientSecret="secret00000000000000000001")
        self.secrets = boto3.client("secretsmanager")
        client = {"client_id": CLIENT_ID, "client_secret": "secret00000000000000000001"}
        for name, text in {OAUTH: json.dumps(client), PROXY: "a" * 64, HUB: "b" * 64}.items():
            self.secrets.create_secret(Name=name, SecretString=text)
        self.writes_left: int | None = None
        clients = {"cognito-idp": fake_client("cognito-idp", self.pool), "secretsmanager": self.secrets}
        for found in clients.values():
            for operation in WRITES:
                found.meta.events.register(f"before-call.*.{operation}", self._count, unique_id=operation)
        self.modules = {
            name: importlib.reload(importlib.import_module(f"functions.{name}.app"))
            for name in ("stage_secrets", "promote_secrets")
        }
        for module in self.modules.values():
            monkeypatch.setattr(module, "client", clients.__getitem__)

    def _count(self, **_: Any) -> None:
        if self.writes_left is not None:
            self.writes_left -= 1
            if self.writes_left < 0:
                raise Killed

    def stage(self, secrets: tuple[str, ...] = ALL, **changes: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.modules["stage_secrets"].handler(
            event("stage_secrets", secrets=list(secrets), **changes), None
        )
        return result

    def promote(self, staged: list[str]) -> dict[str, Any]:
        result: dict[str, Any] = self.modules["promote_secrets"].handler(event("promote_secrets", staged=staged), None)
        return result

    def rotate(self, secrets: tuple[str, ...] = ALL) -> None:
        self.promote(self.stage(secrets)["staged"])

    def text(self, name: str) -> str:
        found: str = self.secrets.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["SecretString"]
        return found

    def staged(self) -> list[str]:
        return [
            name
            for name in (OAUTH, PROXY, HUB)
            if any(NEXT in labels for labels in self.secrets.describe_secret(SecretId=name)["VersionIdsToStages"].values())
        ]

    def lets_in(self) -> bool:
        """Whether the pool takes the secret that Secrets Manager calls the current one, which the next build would install."""
        return json.loads(self.text(OAUTH))["client_secret"] in {
            item["ClientSecretValue"] for item in self.pool.secrets_of(CLIENT_ID)
        }


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with mock_aws():
        yield World(monkeypatch)


def test_staging_changes_nothing_that_the_hub_runs_with_and_is_done_once(world: World) -> None:
    before = {name: world.text(name) for name in (OAUTH, PROXY, HUB)}
    first, again = world.stage(), world.stage()
    assert first["staged"] == again["staged"] == ["proxy-token", "hub-token", "oauth-client"]
    assert len(first["changes"]) == 3
    assert again["changes"] == []
    assert {name: world.text(name) for name in before} == before
    assert len(world.pool.secrets_of(CLIENT_ID)) == 2


def test_promoted_values_are_current_and_the_older_secret_of_the_client_ends(world: World) -> None:
    before = {name: world.text(name) for name in (OAUTH, PROXY, HUB)}
    staged = world.stage()["staged"]
    world.promote(staged)
    assert world.promote(staged)["changes"] == []
    assert all(world.text(name) != text for name, text in before.items())
    assert world.staged() == []
    assert [item["ClientSecretId"] for item in world.pool.secrets_of(CLIENT_ID)] == [f"{CLIENT_ID}--2"]
    assert world.lets_in()
    world.rotate()
    assert [item["ClientSecretId"] for item in world.pool.secrets_of(CLIENT_ID)] == [f"{CLIENT_ID}--3"]
    assert world.lets_in()


@pytest.mark.parametrize("rotations", [0, 1], ids=["first-rotation", "second-rotation"])
@pytest.mark.parametrize("writes", range(12))
def test_killed_before_any_write_the_hub_lets_people_in_and_the_next_run_goes_on(
    world: World, writes: int, rotations: int
) -> None:
    for _ in range(rotations):
        world.rotate()
    before = {name: world.text(name) for name in (OAUTH, PROXY, HUB)}
    world.writes_left = writes
    try:
        world.rotate()
    except Killed:
        assert world.lets_in()
    world.writes_left = None
    world.rotate()
    assert world.lets_in()
    assert world.staged() == []
    assert len(world.pool.secrets_of(CLIENT_ID)) == 1
    assert all(world.text(name) != text for name, text in before.items())


def test_only_what_is_asked_for(world: World) -> None:
    before = {name: world.text(name) for name in (OAUTH, PROXY, HUB)}
    world.rotate(("hub-token",))
    assert {name for name, text in before.items() if world.text(name) != text} == {HUB}
    assert len(world.pool.secrets_of(CLIENT_ID)) == 1


def test_another_providers_client_is_for_its_owner(world: World) -> None:
    spec = event("stage_secrets")["spec"]
    oauth = {**spec["oauth"], "domain_url": "https://login.example.org"}
    told = world.stage(spec={**spec, "oauth": oauth})
    assert told["staged"] == ["proxy-token", "hub-token"]
    assert "https://login.example.org" in told["notes"][0]
    with pytest.raises(MendRefused, match="put the new secret into"):
        world.stage(("oauth-client",), spec={**spec, "oauth": oauth})


def test_a_client_that_is_gone_is_made_by_a_build(world: World) -> None:
    del world.pool.clients[CLIENT_ID]
    with pytest.raises(MendRefused, match="start build_cluster"):
        world.stage(("oauth-client",))


def test_no_answer_holds_a_secret(world: World) -> None:
    told = json.dumps([world.stage(), world.promote(list(ALL))])
    for name in (OAUTH, PROXY, HUB):
        assert world.text(name) not in told
    assert json.loads(world.text(OAUTH))["client_secret"] not in told
