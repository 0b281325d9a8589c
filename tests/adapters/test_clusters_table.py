"""The Clusters table: conditional writes decide who works on a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hubplane.adapters.clusters_table import ClustersTable
from hubplane.domain.errors import LockLost, ProviderError

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
LEASE = timedelta(hours=1)
ME, OTHER = "arn:execution:me", "arn:execution:other"


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName="clusters",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "cluster_name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "cluster_name", "KeyType": "HASH"}],
        )
        yield client


@pytest.fixture
def clusters(dynamodb: Any) -> ClustersTable:
    return ClustersTable(dynamodb, "clusters")


def test_a_cluster_never_seen_is_empty(clusters: ClustersTable) -> None:
    record = clusters.read("opensarlab")
    assert (record.status, record.lock, record.availability_zone) == (None, None, None)


def test_a_lock_taken_is_read_back(clusters: ClustersTable) -> None:
    assert clusters.take_lock("opensarlab", ME, None, NOW, LEASE)
    lock = clusters.read("opensarlab").lock
    assert lock is not None
    assert (lock.execution_arn, lock.acquired_at, lock.lease_expires_at) == (ME, NOW, NOW + LEASE)
    assert clusters.read("opensarlab").status == "BUILDING"


def test_of_two_that_saw_the_lock_free_one_gets_it(clusters: ClustersTable) -> None:
    assert clusters.take_lock("opensarlab", ME, None, NOW, LEASE)
    assert not clusters.take_lock("opensarlab", OTHER, None, NOW, LEASE)


def test_of_two_that_saw_the_same_dead_holder_one_gets_it(clusters: ClustersTable) -> None:
    clusters.take_lock("opensarlab", "arn:execution:dead", None, NOW, LEASE)
    dead = clusters.read("opensarlab").lock
    assert clusters.take_lock("opensarlab", ME, dead, NOW, LEASE)
    assert not clusters.take_lock("opensarlab", OTHER, dead, NOW, LEASE)


def test_a_release_frees_the_lock_and_may_be_repeated(clusters: ClustersTable) -> None:
    clusters.take_lock("opensarlab", ME, None, NOW, LEASE)
    for _ in range(2):
        clusters.record_release("opensarlab", ME, {"hub_url": "https://x"}, NOW)
    record = clusters.read("opensarlab")
    assert (record.status, record.lock) == ("ACTIVE", None)


def test_a_release_by_somebody_else_is_refused_and_changes_nothing(clusters: ClustersTable) -> None:
    clusters.take_lock("opensarlab", ME, None, NOW, LEASE)
    with pytest.raises(LockLost, match="no longer holds the lock"):
        clusters.record_release("opensarlab", OTHER, {}, NOW)
    assert clusters.read("opensarlab").status == "BUILDING"


def test_a_failure_frees_only_its_own_lock(clusters: ClustersTable) -> None:
    failure = {"stage": "CheckHub", "error": "HubUnhealthy", "cause": "502"}
    clusters.take_lock("opensarlab", ME, None, NOW, LEASE)
    assert not clusters.record_failure("opensarlab", OTHER, failure, NOW)
    assert clusters.read("opensarlab").lock is not None
    assert clusters.record_failure("opensarlab", ME, failure, NOW)
    assert clusters.read("opensarlab").lock is None
    assert clusters.read("opensarlab").status == "FAILED"


def test_a_question_needs_the_lock(clusters: ClustersTable) -> None:
    with pytest.raises(LockLost):
        clusters.record_approval_request("opensarlab", ME, {"task_token": "t"})
    clusters.take_lock("opensarlab", ME, None, NOW, LEASE)
    clusters.record_approval_request("opensarlab", ME, {"task_token": "t"})


def test_a_missing_table_says_what_was_being_done(dynamodb: Any) -> None:
    with pytest.raises(ProviderError, match="read the record of cluster opensarlab"):
        ClustersTable(dynamodb, "absent").read("opensarlab")
