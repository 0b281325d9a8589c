"""What the release functions' tests share: their events, and their modules wired to a fake cluster."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hubplane.domain.kubernetes_access import ClusterConnection
from tests.adapters.kubernetes_api import Api, running_api

EVENTS = Path(__file__).resolve().parents[2] / "events"
UNREACHED = ClusterConnection("opensarlab", "https://127.0.0.1:1", "", "planted-token")


def event(name: str, **changes: Any) -> dict[str, Any]:
    """The real input of a function, with some fields changed."""
    return {**json.loads((EVENTS / f"{name}.json").read_text()), **changes}


def load(name: str, monkeypatch: pytest.MonkeyPatch, **variables: str) -> ModuleType:
    """The function's module, initialised as Lambda does it, with only these variables of its own."""
    settings = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1", **variables}
    for key, value in settings.items():
        monkeypatch.setenv(key, value)
    return importlib.reload(importlib.import_module(f"functions.{name}.app"))


def connect(module: ModuleType, connection: ClusterConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the module reach ``connection`` instead of asking EKS; refuses a cluster that the event does not name."""

    def cluster_connection(eks_client: Any, session: Any, cluster_name: str) -> ClusterConnection:
        assert cluster_name == "opensarlab"
        assert eks_client.meta.service_model.service_name == "eks"
        return connection

    monkeypatch.setattr(module, "cluster_connection", cluster_connection)


@contextmanager
def on_fake_api(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Api]]:
    """(handler, API server) of a function that talks to Kubernetes."""
    with running_api() as api:
        module = load(name, monkeypatch)
        connect(module, api.connection, monkeypatch)
        yield module.handler, api
