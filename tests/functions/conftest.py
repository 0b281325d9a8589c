"""Worlds that several test modules of the functions share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from moto import mock_aws

from tests.functions.people_world import People


@pytest.fixture
def new_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., People]]:
    """Makes worlds of people, each empty and apart from those before."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    mock = mock_aws()

    def make(*clusters: str) -> People:
        mock.reset()
        return People(monkeypatch, clusters or ("sar",))

    with mock:
        yield make


@pytest.fixture
def people(new_world: Callable[..., People]) -> People:
    return new_world()
