"""Each guard of a spawn is needed: without it the simulation, or a play of it, finds a promise broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.machine import StorageMachine
from tests.simulation.mutations import Mutation
from tests.simulation.promises import PromiseBroken
from tests.simulation.spawn_mutations import SPAWN_MUTATIONS
from tests.simulation.spawn_plays import ALL_SPAWN_PLAYS
from tests.simulation.test_promises import PROFILE


@pytest.mark.parametrize("mutation", [pytest.param(item, id=item.name) for item in SPAWN_MUTATIONS])
def test_without_its_guard_a_promise_is_broken(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation.patch(monkeypatch)
    with pytest.raises(PromiseBroken) as broken:
        if mutation.play is not None:
            mutation.play()
        else:
            run_state_machine_as_test(StorageMachine, settings=PROFILE)
    assert broken.value.number in mutation.promises


@pytest.mark.parametrize("play", ALL_SPAWN_PLAYS, ids=lambda play: play.__name__)
def test_with_all_guards_the_plays_keep_every_promise(play: Callable[[], None]) -> None:
    play()
