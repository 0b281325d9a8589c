"""InstallAutoscaler from event to result: helm in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hubplane.domain.errors import PodDisruptionBudgetImmutable
from tests.adapters.kubernetes_api import Api, running_api
from tests.functions.release_clients import connect, event, load
from tests.unit.releases.fake_helm import FakeHelm

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@pytest.fixture
def api() -> Iterator[Api]:
    with running_api() as found:
        yield found


@pytest.fixture
def installed(api: Api, monkeypatch: pytest.MonkeyPatch) -> tuple[Handler, FakeHelm]:
    module = load("install_autoscaler", monkeypatch, AUTOSCALER_CHART_SOURCE="", AUTOSCALER_CHART_VERSION="")
    helm = FakeHelm()
    connect(module, api.connection, monkeypatch)
    monkeypatch.setattr(module, "find_helm", lambda configured: configured)
    monkeypatch.setattr(module, "Helm", lambda binary, connection: helm)
    return module.handler, helm


def test_installed_once_for_this_cluster_and_region(installed: tuple[Handler, FakeHelm]) -> None:
    handler, helm = installed
    first, again = (handler(event("install_autoscaler"), None) for _ in range(2))
    assert (first["release"], first["namespace"], first["revision"], first["previous_revision"]) == (
        "autoscaler",
        "autoscaler",
        1,
        None,
    )
    assert first["changes"] == [
        "created Namespace autoscaler for the autoscaler",
        "created Role hubplane:cluster-reader for the autoscaler",
        "created RoleBinding hubplane:cluster-reader for the autoscaler",
        "installed release autoscaler with chart version 9.59.1 (revision 1)",
    ]
    assert again["changes"] == []
    assert helm.stored[0].values["awsRegion"] == "us-east-1"
    assert helm.stored[0].values["autoDiscovery"]["clusterName"] == "opensarlab"


def test_the_budgets_error_reaches_the_state_machine_by_its_name(installed: tuple[Handler, FakeHelm]) -> None:
    handler, helm = installed
    helm.refuse = PodDisruptionBudgetImmutable("spec: Forbidden: updates to poddisruptionbudget spec are forbidden")
    with pytest.raises(PodDisruptionBudgetImmutable):
        handler(event("install_autoscaler"), None)
    assert handler(event("install_autoscaler"), None)["revision"] == 2
