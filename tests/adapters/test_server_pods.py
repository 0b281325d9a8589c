"""Which pods are a person's servers: by the hub's annotations and by the claims they mount."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hubplane.adapters.server_pods import ServerPods


def pod(name: str, user: str | None = None, server: str | None = None, claim: str | None = None) -> dict[str, Any]:
    annotations = {"hub.jupyter.org/username": user, "hub.jupyter.org/servername": server}
    volumes: list[dict[str, Any]] = [{"name": "config", "configMap": {}}]
    volumes += [{"name": "home", "persistentVolumeClaim": {"claimName": claim}}] if claim else []
    set_ones = {key: value for key, value in annotations.items() if value is not None}
    return {"metadata": {"name": name, **({"annotations": set_ones} if set_ones else {})}, "spec": {"volumes": volumes}}


PODS = [
    pod("hub", claim="hub-db-dir"),
    pod("proxy"),
    pod("jupyter-ada", "ada", claim="claim-ada"),
    pod("jupyter-ada-two", "ADA", "two", claim="claim-ada--two"),
    pod("copy-of-ada", claim="claim-ada"),
    pod("jupyter-adam", "adam", claim="claim-adam"),
]


class Api:
    def list(self, kind: str, namespace: str | None = None) -> Iterator[dict[str, Any]]:
        assert (kind, namespace) == ("Pod", "jupyter")
        return iter(PODS)


@pytest.mark.parametrize(
    ("username", "server", "found"),
    [
        ("ada", None, ("copy-of-ada", "jupyter-ada", "jupyter-ada-two")),
        ("ada", "", ("jupyter-ada",)),
        ("ada", "two", ("jupyter-ada-two",)),
        ("ada", "three", ()),
        ("adam", None, ("jupyter-adam",)),
        ("eve", "", ()),
    ],
)
def test_pods_of_a_person(username: str, server: str | None, found: tuple[str, ...]) -> None:
    assert ServerPods(Api()).of(username, {f"claim-{username}"}, server) == found
