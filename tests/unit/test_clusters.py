"""What a cluster's record says before its first release, after it, and at its end."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.clusters import ClusterRecord
from hubplane.domain.errors import ClusterBusy, ClusterUnknown
from hubplane.domain.storage.policy import StoragePolicy

POLICY = StoragePolicy(protection_tag="keep")


def record(status: str | None = "CREATED", **fields: Any) -> ClusterRecord:
    return ClusterRecord("lab", status, None, None, **fields)


def test_before_the_first_release_the_usual_holds_and_nothing_of_its_storage_is_begun() -> None:
    assert (record().protection_tag, record().home_class) == ("do-not-delete", "gp3")
    with pytest.raises(ClusterUnknown, match="cluster lab was never built here"):
        record().policy()


def test_after_it_the_release_holds() -> None:
    built = record(storage_policy=POLICY, storage_class_name="fast")
    assert (built.protection_tag, built.home_class, built.policy()) == ("keep", "fast", POLICY)


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        pytest.param(None, False, id="unknown"),
        pytest.param("CREATED", False, id="built"),
        pytest.param("FAILED", False, id="a-build-that-failed"),
        pytest.param("DELETING", True, id="being-deleted"),
        pytest.param("DELETION_FAILED", True, id="half-deleted"),
        pytest.param("DELETED", True, id="deleted"),
    ],
)
def test_no_home_of_a_cluster_that_ends_is_changed(status: str | None, ends: bool) -> None:
    if ends:
        with pytest.raises(ClusterBusy, match=f"cluster lab is {status}: build it again"):
            record(status).refuse_where_ending()
    else:
        record(status).refuse_where_ending()
