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


Standing = set[tuple[str, str]]


@pytest.fixture(scope="module")
def standing(hubplane: Hubplane, built_2019: Built) -> Standing:
    """The troubles that other tests have left (two volumes of one home, say), by check and sentence."""
    return {(item["check"], item["sentence"]) for item in diagnosis(hubplane)["findings"]}


def new_findings(hubplane: Hubplane, standing: Standing, **more: Any) -> list[dict[str, Any]]:
    """The findings of a diagnosis beside those that were there before."""
    found = diagnosis(hubplane, **more)["findings"]
    return [item for item in found if (item["check"], item["sentence"]) not in standing]


def test_a_healthy_cluster_has_no_findings(hubplane: Hubplane, built_2019: Built) -> None:
    result = diagnosis(hubplane)
    assert result["findings"] == []
    assert result["healthy"] is True
    assert result["reason"].endswith("nothing is wrong")


def test_a_cluster_that_was_never_built_is_named(hubplane: Hubplane, built_2019: Built) -> None:
    outcome = hubplane.follow(hubplane.start_machine("DiagnoseCluster", {"cluster_name": "opensarlap"}))
    assert outcome.error == "ClusterUnknown"
    assert "opensarlap was never built here" in outcome.cause
