"""A diagnosis on the embedded cloud: a healthy cluster has no findings."""

from __future__ import annotations

from typing import Any

import pytest

from local.guide.follow import Outcome
from tests.e2e.conftest import Hubplane

pytestmark = pytest.mark.e2e

Built = tuple[dict[str, Any], Outcome]
NAME = "opensarlab"


def diagnosis(hubplane: Hubplane, **more: Any) -> dict[str, Any]:
    """The result of a diagnosis that ended well."""
    outcome = hubplane.follow(hubplane.start_machine("DiagnoseCluster", {"cluster_name": NAME, **more}))
    assert outcome.status == "SUCCEEDED", f"{outcome.error}: {outcome.cause}"
    result: dict[str, Any] = outcome.result
    return result


def test_a_healthy_cluster_has_no_findings(hubplane: Hubplane, built_2019: Built) -> None:
    result = diagnosis(hubplane)
    assert result["findings"] == []
    assert result["healthy"] is True
    assert result["reason"].endswith("nothing is wrong")


def test_a_cluster_that_was_never_built_is_named(hubplane: Hubplane, built_2019: Built) -> None:
    outcome = hubplane.follow(hubplane.start_machine("DiagnoseCluster", {"cluster_name": "opensarlap"}))
    assert outcome.error == "ClusterUnknown"
    assert "opensarlap was never built here" in outcome.cause
