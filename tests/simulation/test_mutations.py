"""Each guard is needed: without it the same simulation, within its normal budget, finds a promise broken."""

from __future__ import annotations

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation import plays
from tests.simulation.machine import StorageMachine
from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.promises import PromiseBroken
from tests.simulation.test_promises import PROFILE


@pytest.mark.parametrize("mutation", [pytest.param(item, id=item.name) for item in MUTATIONS])
def test_without_its_guard_a_promise_is_broken(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation.patch(monkeypatch)
    with pytest.raises(PromiseBroken) as broken:
        if mutation.play is not None:
            mutation.play()
        else:
            run_state_machine_as_test(StorageMachine, settings=PROFILE)
    assert broken.value.number in mutation.promises


@pytest.mark.parametrize("play", plays.ALL_PLAYS, ids=lambda play: play.__name__)
def test_with_all_guards_the_rare_plays_keep_every_promise(play: plays.Play) -> None:
    play()
