"""Watches: what is told, in which order, and to whom."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.local.kubernetes.running import Cluster

PATH = "/api/v1/namespaces/watched/configmaps"


@pytest.fixture(scope="module")
def watched(make_cluster: Callable[..., Cluster]) -> Cluster:
    """A cluster without nodes and with a namespace to watch."""
    cluster = make_cluster()
    cluster.namespace("watched")
    return cluster


def watch(cluster: Cluster, during: Callable[[], None] | None = None, **query: str) -> list[dict[str, Any]]:
    """The events of a watch of one second, while ``during`` runs."""
    told: list[dict[str, Any]] = []

    def follow() -> None:
        answer = cluster.ask("GET", f"{PATH}?{urlencode({'watch': 'true', 'timeoutSeconds': '1', **query})}")
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        told.extend(json.loads(line) for line in text.splitlines())

    thread = threading.Thread(target=follow)
    thread.start()
    if during:
        during()
    thread.join()
    return told


def now(cluster: Cluster) -> str:
    """The list's current resourceVersion."""
    return str(cluster.get(PATH)["metadata"]["resourceVersion"])


def kinds(told: list[dict[str, Any]], name: str) -> list[str]:
    """The types of the events about one object."""
    return [event["type"] for event in told if event["object"]["metadata"].get("name") == name]


def live(cluster: Cluster, name: str) -> None:
    """A config map is made, changed, relabelled, deleted."""
    cluster.create(PATH, {"metadata": {"name": name, "labels": {"app": "w"}}})
    merge = "application/merge-patch+json"
    cluster.ask("PATCH", f"{PATH}/{name}", {"data": {"q": "1"}}, content_type=merge)
    cluster.ask("PATCH", f"{PATH}/{name}", {"metadata": {"labels": {"app": "left"}}}, content_type=merge)
    cluster.ask("DELETE", f"{PATH}/{name}")


def test_what_happened_since_a_version_is_replayed(watched: Cluster) -> None:
    since = now(watched)
    live(watched, "old")
    told = watch(watched, resourceVersion=since)
    assert kinds(told, "old") == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in told]
    assert versions == sorted(set(versions))


def test_what_happens_now_is_told(watched: Cluster) -> None:
    told = watch(watched, lambda: live(watched, "new"), resourceVersion=now(watched))
    assert kinds(told, "new") == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]


def test_an_object_that_leaves_the_selector_counts_as_deleted(watched: Cluster) -> None:
    since = now(watched)
    live(watched, "leaver")
    told = watch(watched, resourceVersion=since, labelSelector="app=w")
    assert kinds(told, "leaver") == ["ADDED", "MODIFIED", "DELETED"]
    assert told[-1]["object"]["metadata"]["labels"] == {"app": "w"}


def test_without_a_version_everything_is_told_first(watched: Cluster) -> None:
    watched.create(PATH, {"metadata": {"name": "there"}})
    assert kinds(watch(watched), "there") == ["ADDED"]
    assert kinds(watch(watched, fieldSelector="metadata.name=there"), "there") == ["ADDED"]


def test_initial_events_end_with_a_bookmark(watched: Cluster) -> None:
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    told = watch(watched, **query)
    assert told[-1]["type"] == "BOOKMARK"
    assert told[-1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert {event["type"] for event in told[:-1]} == {"ADDED"}
