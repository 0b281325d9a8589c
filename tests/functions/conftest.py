"""Worlds that several test modules of the functions share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from moto import mock_aws

from tests.functions.change_stack_world import Machine
from tests.functions.people_world import People
from tests.functions.sign_up_world import World, sign_up_world


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


@pytest.fixture(scope="module")
def all_sign_ups() -> Iterator[World]:
    """What the triggers act on; making it takes seconds, so a module has one."""
    with sign_up_world() as made:
        yield made


@pytest.fixture
def sign_ups(all_sign_ups: World) -> World:
    """The same, with nobody signed up."""
    all_sign_ups.clear()
    return all_sign_ups


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The functions of the ChangeStack stage."""
    return Machine(monkeypatch)
