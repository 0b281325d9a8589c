"""CheckRelease from event to result, against a Kubernetes API over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.adapters.kubernetes_api import Api
from tests.functions.release_clients import event, on_fake_api
from tests.unit.releases.test_rollout import deployment, waiting

DEPLOYMENTS = "/apis/apps/v1/namespaces/jupyter/deployments"
PODS = "/api/v1/namespaces/jupyter/pods"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Api]]:
    with on_fake_api("check_release", monkeypatch) as found:
        yield found


def put_deployment(api: Api, name: str, **more: Any) -> None:
    api.put(f"{DEPLOYMENTS}/{name}", deployment(name, **more))


def test_a_release_that_runs_is_ready(cluster: tuple[Any, Api]) -> None:
    handler, api = cluster
    for name in ("hub", "proxy", "user-scheduler"):  # more than one page
        put_deployment(api, name, ready=1)
    result = handler(event("check_release"), None)
    assert (result["ready"], result["hopeless"], result["changes"]) == (True, False, [])
    assert result["reason"] == "ready: deployment hub, deployment proxy, deployment user-scheduler"


def test_what_is_not_ready_is_told_with_its_own_pods_trouble(cluster: tuple[Any, Api]) -> None:
    handler, api = cluster
    put_deployment(api, "hub")
    put_deployment(api, "proxy", ready=1)
    trouble = {"containerStatuses": [waiting("ImagePullBackOff", "manifest unknown")]}
    api.put(
        f"{PODS}/hub-1",
        {"kind": "Pod", "metadata": {"name": "hub-1", "labels": {"app": "jupyterhub", "component": "hub"}}, "status": trouble},
    )
    api.put(
        f"{PODS}/jupyter-bob",
        {"kind": "Pod", "metadata": {"name": "jupyter-bob", "labels": {"app": "jupyterhub"}}, "status": trouble},
    )
    result = handler(event("check_release"), None)
    assert (result["ready"], result["hopeless"]) == (False, True)
    assert result["reason"] == "deployment hub: 0 of 1 ready: ImagePullBackOff in pod hub-1, container hub: manifest unknown"


def test_another_releases_workload_does_not_count(cluster: tuple[Any, Api]) -> None:
    handler, api = cluster
    put_deployment(api, "hub", ready=1)
    stranger = deployment("stranger")
    stranger["metadata"]["annotations"]["meta.helm.sh/release-name"] = "other"
    api.put(f"{DEPLOYMENTS}/stranger", stranger)
    assert handler(event("check_release"), None)["ready"] is True


def test_a_release_without_workloads_is_not_ready_and_not_hopeless(cluster: tuple[Any, Api]) -> None:
    result = cluster[0](event("check_release"), None)
    assert (result["ready"], result["hopeless"]) == (False, False)
