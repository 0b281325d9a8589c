"""One stand-in process per test session; clusters are cheap and made per module or per test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.local.kubernetes.aws import Sts, running_sts
from tests.local.kubernetes.running import Cluster, Commands, StandIn, running_stand_in


@pytest.fixture(scope="session")
def sts() -> Iterator[Sts]:
    """The STS that tokens are checked with."""
    with running_sts() as running:
        yield running


@pytest.fixture(scope="session")
def stand_in(sts: Sts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """The stand-in; every pod pretends to run."""
    with running_stand_in(sts, tmp_path_factory.mktemp("stand-in")) as running:
        yield running


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def make_cluster(stand_in: StandIn) -> Callable[..., Cluster]:
    """Makes a cluster of its own: ``make_cluster(nodes=2)``."""
    return lambda **options: stand_in.cluster(f"test-{next(_numbers)}", **options)


@pytest.fixture(scope="module")
def cluster(make_cluster: Callable[..., Cluster]) -> Cluster:
    """A cluster with two nodes in us-east-1d."""
    return make_cluster(nodes=2)


@pytest.fixture(scope="module")
def commands(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """kubectl and helm as the admin of ``cluster``."""
    directory: Path = tmp_path_factory.mktemp("home")
    return Commands(cluster, directory)
