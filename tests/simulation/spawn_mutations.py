"""Guards of a spawn taken away, one at a time: what the simulation must notice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hubplane.domain.homes import giving, making, planning, seen
from hubplane.domain.homes.facts import HomeAction, HomePlan
from hubplane.domain.homes.making import Step
from tests.simulation import spawn_plays
from tests.simulation.mutations import Mutation, Patch
from tests.simulation.spawning import HoldsPort, MakingsPort

WITHOUT_CLAIM = planning._without_claim


def _replaced(module: Any, name: str, by: Any) -> Patch:
    getattr(module, name)
    return lambda patch: patch.setattr(module, name, by)


def _swallowed(_plan: HomePlan, _why: str, _cause: str = "") -> HomePlan:
    """The hook of 2019: a failed restore is logged, and the hub goes on."""
    return HomePlan(HomeAction.CREATE, "Your home is new.")


def _nothing(*_: Any) -> tuple[str, ...]:
    return ()


def _owners_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(planning, "_about_ownership", _nothing)
    patch.setattr(seen.SeenHome, "is_foreign", lambda _self, _thing: False)


def _any_volume(facts: Any, home: Any) -> HomePlan:
    if len(home.volumes) > 1:
        return HomePlan(HomeAction.ADOPT, "Your home is there.", home.volumes[0].volume_id)
    return WITHOUT_CLAIM(facts, home)


def _chosen_by_chance(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(planning, "_about_the_volumes", _nothing)
    patch.setattr(planning, "_without_claim", _any_volume)


def _newest_complete(facts: Any, home: Any) -> HomePlan:
    best = max((each for each in home.snapshots if each.state == "completed"), key=lambda each: each.started_at)
    return HomePlan(HomeAction.RESTORE, "Your home comes back.", None, best.snapshot_id, best.size_gib)


def _a_token_each(last: Any, _snapshot_id: str, _now: Any) -> tuple[Step, int]:
    return Step.BEGIN, 1


def _not_together(patch: pytest.MonkeyPatch) -> None:
    """Both locks on one door: the hold, and the number that is given once."""
    patch.setattr(HoldsPort, "hold", lambda *_: None)
    patch.setattr(MakingsPort, "begin", _written_over)
    patch.setattr(giving, "step_to_restore", _a_token_each)


def _written_over(self: Any, _cluster_name: str, made: Any) -> bool:
    self._line.call("PutMaking", lambda: self._makings[made.claim_name].append(made))
    return True


def _at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(making, "SETTLES", timedelta(0))


def _for_ever(patch: pytest.MonkeyPatch) -> None:
    """A generation never ends by itself: its token is used on, and what it made is waited for."""
    patch.setattr(making, "TOKEN_LASTS", timedelta(days=99))
    patch.setattr(making.Making, "lasts", lambda self, _now: self.is_open)


SPAWN_MUTATIONS = (
    Mutation("a failed restore is swallowed", frozenset({7}), _replaced(giving, "_failed", _swallowed)),
    Mutation("owners are not asked", frozenset({8}), _owners_forgotten),
    Mutation("one of two volumes", frozenset({7}), _chosen_by_chance, spawn_plays.two_volumes),
    Mutation(
        "an older copy in silence",
        frozenset({7}),
        _replaced(planning, "_with_snapshots", _newest_complete),
        spawn_plays.newest_is_pending,
    ),
    Mutation(
        "a token for each try",
        frozenset({7}),
        _replaced(giving, "step_to_restore", _a_token_each),
        spawn_plays.killed_while_ec2_hides_the_volume,
    ),
    Mutation("neither hold nor number", frozenset({7}), _not_together, spawn_plays.two_starts),
    Mutation("a generation for ever", frozenset({7}), _for_ever, spawn_plays.token_of_long_ago),
    Mutation("what EC2 shows is there", frozenset({7}), _at_once, spawn_plays.shown_and_gone),
)
