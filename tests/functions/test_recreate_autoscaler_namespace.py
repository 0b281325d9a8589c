"""RecreateAutoscalerNamespace from event to result, against a Kubernetes API over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hubplane.domain.errors import ReleaseFailed
from tests.adapters.kubernetes_api import Api
from tests.functions.release_clients import event, on_fake_api

NAMESPACE = "/api/v1/namespaces/autoscaler"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Api]]:
    with on_fake_api("recreate_autoscaler_namespace", monkeypatch) as found:
        yield found


def test_called_until_it_is_gone_it_deletes_once(cluster: tuple[Any, Api]) -> None:
    handler, api = cluster
    api.put(NAMESPACE, {"kind": "Namespace", "metadata": {"name": "autoscaler"}})
    first, second = (handler(event("recreate_autoscaler_namespace"), None) for _ in range(2))
    assert (first["gone"], first["changes"]) == (False, ["deleted namespace autoscaler"])
    assert (second["gone"], second["changes"]) == (False, [])
    del api.objects[NAMESPACE]
    last = handler(event("recreate_autoscaler_namespace"), None)
    assert (last["gone"], last["changes"]) == (True, [])
    assert [method for method, path, _ in api.requests if method == "DELETE"] == ["DELETE"]


def test_a_namespace_with_somebodys_volume_is_left_alone(cluster: tuple[Any, Api]) -> None:
    handler, api = cluster
    api.put(NAMESPACE, {"kind": "Namespace", "metadata": {"name": "autoscaler"}})
    api.put(f"{NAMESPACE}/persistentvolumeclaims/data", {"kind": "PersistentVolumeClaim", "metadata": {"name": "data"}})
    with pytest.raises(ReleaseFailed, match="holds the volume claims data"):
        handler(event("recreate_autoscaler_namespace"), None)
    assert "deletionTimestamp" not in api.objects[NAMESPACE]["metadata"]
