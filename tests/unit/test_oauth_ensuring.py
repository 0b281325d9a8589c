"""What becomes of a hub's client and its secret, step by step, with a pool and secrets in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from hubplane.domain.cluster_spec.model import ClusterSpec, Hub, Network, NotebookImage, OAuth
from hubplane.domain.errors import OAuthClientUnusable
from hubplane.domain.oauth_client import AppClient, secret_text
from hubplane.domain.oauth_ensuring import EnsuredClient, OwnPool, ensure_client

OWN, FOREIGN, URL = "https://people.example", "https://elsewhere.example", "https://lab.example"
ID_ARN, SECRET_ARN, STORED = "arn:id", "arn:secret", "hubplane/lab/oauth-client"
SPEC = ClusterSpec(
    cluster_name="lab",
    network=Network("vpc-1", ("subnet-a", "subnet-d"), ("subnet-d",)),
    hub=Hub("arn:aws:acm:us-east-1:111122223333:certificate/c", ("admin",)),
    oauth=OAuth(OWN),
    notebook_image=NotebookImage("quay.io/jupyter/base-notebook", "2026-11-01"),
)


class Pool:
    """Clients by id; ``opened`` counts how often it was asked for."""

    def __init__(self, *clients: AppClient) -> None:
        self.clients = {item.client_id: item for item in clients}
        self.rotated: dict[str, list[str]] = {}
        self.opened = 0

    def open(self) -> Pool:
        self.opened += 1
        return self

    def find(self, client_id: str) -> AppClient | None:
        return self.clients.get(client_id)

    def named(self, name: str) -> list[AppClient]:
        return [item for item in self.clients.values() if item.name == name]

    def create(self, settings: Mapping[str, Any]) -> AppClient:
        made = AppClient(f"made{len(self.clients)}", settings["ClientName"], "2026-11-25", "s-made", dict(settings))
        self.clients[made.client_id] = made
        return made

    def update(self, client_id: str, settings: Mapping[str, Any]) -> None:
        self.clients[client_id] = replace(self.clients[client_id], settings=dict(settings))

    def secret_ids(self, client_id: str) -> list[str]:
        return self.rotated.get(client_id, [])


class Secrets:
    """Texts by name; ``fails`` refuses every write, as where a build is killed before it."""

    def __init__(self, **texts: str) -> None:
        self.texts = {name.replace("_", ":"): text for name, text in texts.items()}
        self.fails = False

    def read(self, arn_or_name: str) -> str | None:
        return self.texts.get(arn_or_name)

    def create_once(self, name: str, make: Callable[[], str], tags: Mapping[str, str]) -> tuple[str, bool]:
        if self.fails:
            raise InterruptedError
        assert tags["kubernetes.io/cluster/lab"] == "owned"
        is_new = name not in self.texts
        if is_new:
            self.texts[name] = make()
        return name, is_new

    def put(self, name_or_arn: str, value: str) -> None:
        self.texts[name_or_arn] = value


def ensure(pool: Pool, secrets: Secrets, hub_url: str | None = URL, **oauth: Any) -> EnsuredClient:
    spec = replace(SPEC, oauth=replace(SPEC.oauth, **oauth))
    return ensure_client(spec, hub_url, OwnPool("pool-1", OWN, pool.open), secrets)


def test_a_build_that_was_killed_before_it_stored_its_client_goes_on_with_that_one() -> None:
    pool, secrets = Pool(), Secrets()
    secrets.fails = True
    with pytest.raises(InterruptedError):
        ensure(pool, secrets)
    secrets.fails = False
    again = ensure(pool, secrets)
    assert list(pool.clients) == ["made0"]
    assert again.changes == [f"stored the OAuth client in secret {STORED}"]
    assert secrets.texts[STORED] == secret_text("made0", "s-made")


@pytest.mark.parametrize(
    ("still_there", "expected"),
    [
        pytest.param(["made0--1", "made0--2"], secret_text("made0", "s-rotated", "made0--2"), id="a-rotation-goes-on"),
        pytest.param(["made0--1"], secret_text("made0", "s-made"), id="a-secret-that-was-ended-is-not-handed-out"),
    ],
)
def test_what_a_rotation_stored_is_kept_as_long_as_the_pool_has_it(still_there: list[str], expected: str) -> None:
    pool, secrets = Pool(), Secrets()
    ensure(pool, secrets)
    pool.rotated["made0"] = still_there
    secrets.texts[STORED] = secret_text("made0", "s-rotated", "made0--2")
    ensure(pool, secrets)
    assert secrets.texts[STORED] == expected


@pytest.mark.parametrize(
    ("secrets", "oauth", "words"),
    [
        pytest.param({}, {}, "oauth.client_id_secret_arn is not given; oauth.client_secret_secret_arn is not given", id="none"),
        pytest.param(
            {"arn_id": "abc", "arn_secret": " "},
            {"client_id_secret_arn": ID_ARN, "client_secret_secret_arn": SECRET_ARN},
            r"^oauth.client_secret_secret_arn \(arn:secret\) does not exist, is empty or waits for its deletion: https://else",
            id="an-empty-secret",
        ),
    ],
)
def test_another_providers_client_is_asked_for_and_our_pool_left_alone(
    secrets: dict[str, str], oauth: dict[str, str], words: str
) -> None:
    pool = Pool()
    with pytest.raises(OAuthClientUnusable, match=words):
        ensure(pool, Secrets(**secrets), domain_url=FOREIGN, **oauth)
    assert pool.opened == 0


def test_a_public_client_is_refused_with_the_way_out() -> None:
    public = AppClient("given", "theirs", "2020-01-01", None, {"ClientName": "theirs"})
    secrets = Secrets(arn_id="given")
    with pytest.raises(OAuthClientUnusable, match=r"the app client that arn:id names has no secret"):
        ensure(Pool(public), secrets, client_id_secret_arn=ID_ARN)
    assert STORED not in secrets.texts
