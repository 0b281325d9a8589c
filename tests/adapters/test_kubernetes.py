"""The Kubernetes adapter over real TLS and HTTP."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import trustme

from hubplane.adapters.kubernetes import RESOURCES, Kubernetes
from hubplane.domain.errors import NotYet, ProviderError, Throttled
from tests.adapters.kubernetes_api import TOKEN, Api, running_api, status

CONFIG = "/api/v1/namespaces/jupyter/configmaps"


@pytest.fixture
def api() -> Iterator[Api]:
    with running_api() as started:
        yield started


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "jupyter"}, "data": data}


def test_an_apply_creates_then_leaves_alone_then_changes(api: Api) -> None:
    kubernetes = Kubernetes(api.connection)
    outcomes = [kubernetes.apply(config_map("a", x=x)).outcome for x in ("1", "1", "2")]
    assert outcomes == ["created", "unchanged", "changed"]
    assert api.objects[f"{CONFIG}/a"]["data"] == {"x": "2"}
    applies = [query for method, _, query in api.requests if method == "PATCH"]
    assert applies[0] == {"fieldManager": "hubplane", "force": "true", "fieldValidation": "Strict"}


def test_a_list_follows_every_page_and_names_the_kind_of_its_items(api: Api) -> None:
    for number in range(5):
        api.put(f"{CONFIG}/c{number}", config_map(f"c{number}"))
    found = list(Kubernetes(api.connection).list("ConfigMap", "jupyter"))
    assert [item["metadata"]["name"] for item in found] == ["c0", "c1", "c2", "c3", "c4"]
    assert {(item["apiVersion"], item["kind"]) for item in found} == {("v1", "ConfigMap")}
    assert [query.get("continue") for _, path, query in api.requests if path == CONFIG] == [None, "2", "4"]


def test_a_list_asks_the_server_to_select(api: Api) -> None:
    for name, app in (("a", "hub"), ("b", "proxy")):
        api.put(f"{CONFIG}/{name}", {"metadata": {"name": name, "labels": {"app": app}}})
    found = Kubernetes(api.connection).list("ConfigMap", "jupyter", label_selector="app=hub")
    assert [item["metadata"]["name"] for item in found] == ["a"]


def test_what_is_not_there_is_none_and_already_deleted(api: Api) -> None:
    kubernetes = Kubernetes(api.connection)
    assert kubernetes.get("ConfigMap", "absent", "jupyter") is None
    api.put(f"{CONFIG}/a", config_map("a"))
    assert kubernetes.delete("ConfigMap", "a", "jupyter") is True
    assert kubernetes.delete("ConfigMap", "a", "jupyter") is False


REFUSALS: dict[str, tuple[tuple[int, Any], type[Exception], str]] = {
    "access entry not known yet": (status(401, "Unauthorized", "Unauthorized"), NotYet, "access entry"),
    "its policy not known yet": (
        status(403, "Forbidden", 'configmaps "a" is forbidden: User "u" cannot get resource "configmaps" in API group ""'),
        NotYet,
        'User "u" cannot get resource',
    ),
    "namespace still going": (
        status(403, "Forbidden", "unable to create new content in namespace x", causes=[{"reason": "NamespaceTerminating"}]),
        NotYet,
        "unable to create",
    ),
    "forbidden for good": (
        status(403, "Forbidden", "only dynamically provisioned pvc can be resized"),
        ProviderError,
        "only dynamically provisioned",
    ),
    "too many requests": (status(429, "TooManyRequests", "please slow down"), Throttled, "please slow down"),
    "changed meanwhile": (status(409, "Conflict", "the object has been modified"), NotYet, "has been modified"),
    "list moved on": (status(410, "Expired", "The provided continue parameter is too old"), NotYet, "too old"),
    "invalid": (status(422, "Invalid", "spec.size: Invalid value"), ProviderError, "spec.size: Invalid value"),
    "a proxy's page": ((502, b"<html>Bad Gateway</html>"), ProviderError, "HTTP 502"),
    "starting up": (status(503, "ServiceUnavailable", "not ready"), NotYet, "not ready"),
}


@pytest.mark.parametrize(("answer", "kind", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_keeps_the_servers_words(api: Api, answer: tuple[int, Any], kind: type[Exception], words: str) -> None:
    api.refusals["GET", f"{CONFIG}/a"] = answer
    with pytest.raises(Exception) as refused:
        Kubernetes(api.connection).get("ConfigMap", "a", "jupyter")
    assert type(refused.value) is kind
    assert words in str(refused.value)
    assert str(refused.value).startswith("read ConfigMap a on cluster opensarlab: ")


def test_a_token_that_the_server_does_not_know(api: Api) -> None:
    stranger = replace(api.connection, token="other")
    with pytest.raises(NotYet, match="Unauthorized"):
        Kubernetes(stranger).get("Namespace", "jupyter")


def test_a_server_of_another_authority_is_not_talked_to(api: Api) -> None:
    other = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    with pytest.raises(ProviderError, match="certificate verify failed"):
        Kubernetes(replace(api.connection, certificate_authority_data=other)).get("Namespace", "jupyter")
    assert api.requests == []


def test_an_endpoint_that_does_not_answer_yet() -> None:
    with running_api() as gone:
        connection = gone.connection
    with pytest.raises(NotYet, match="does not answer"):
        Kubernetes(connection).get("Namespace", "jupyter")


def test_no_log_and_no_message_carries_the_token(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api.refusals["GET", f"{CONFIG}/a"] = status(422, "Invalid", "no")
    kubernetes = Kubernetes(api.connection)
    with pytest.raises(ProviderError) as refused:
        kubernetes.get("ConfigMap", "a", "jupyter")
    assert TOKEN not in caplog.text + str(refused.value) + repr(refused.value.__context__)


def test_the_paths_of_kinds() -> None:
    assert RESOURCES["Deployment"].path("jupyter", "hub") == "/apis/apps/v1/namespaces/jupyter/deployments/hub"
    assert RESOURCES["Pod"].path(None) == "/api/v1/pods"
    assert RESOURCES["Namespace"].path(None, "jupyter") == "/api/v1/namespaces/jupyter"
    assert RESOURCES["StorageClass"].path(None, "gp3") == "/apis/storage.k8s.io/v1/storageclasses/gp3"
