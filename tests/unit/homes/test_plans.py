"""Every home that there can be and its plan, cell by cell of plans.md, which a person reads and changes by hand.

``python -m tests.unit.homes.test_plans`` prints the table as the planner has it now.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubplane.domain.homes.facts import HomeAction, HomePlan
from hubplane.domain.homes.planning import plan_home
from tests.unit.homes.homes import CLAIMS, SNAPSHOTS, VOLUMES, facts

TABLE = Path(__file__).with_name("plans.md")


def told(plan: HomePlan) -> str:
    """A cell: the action, and what it is done with."""
    mark = " and mark" if plan.mark_owner and plan.action is not HomeAction.RESTORE else ""
    return " ".join(filter(None, (plan.action, plan.snapshot_id or plan.volume_id))) + mark


def row(words: Iterator[str]) -> list[str]:
    return [cell.strip() for cell in next(words).strip().strip("|").split("|")]


def cells() -> Iterator[tuple[str, str, str, str]]:
    """Claim, volume, snapshots and the expected plan of each cell."""
    lines = iter(TABLE.read_text().splitlines())
    for line in lines:
        if line.startswith("## "):
            next(lines)
            heads = row(lines)
            next(lines)
            for _ in VOLUMES:
                first, *plans = row(lines)
                yield from ((line.removeprefix("## "), first, head, plan) for head, plan in zip(heads[1:], plans, strict=True))


CELLS = tuple(cells())


@pytest.mark.parametrize(("claim", "volume", "snapshots", "expected"), CELLS, ids=["; ".join(cell[:3]) for cell in CELLS])
def test_a_home_in_this_state_gets_this_plan(claim: str, volume: str, snapshots: str, expected: str) -> None:
    plan = plan_home(facts(claims=CLAIMS[claim], volumes=VOLUMES[volume], snapshots=SNAPSHOTS[snapshots]))
    assert told(plan) == expected, plan.sentence
    assert plan.sentence.endswith(".")
    assert (plan.retry_seconds is not None) is (plan.action is HomeAction.WAIT)


def test_the_table_holds_every_combination() -> None:
    assert {cell[:3] for cell in CELLS} == {(claim, vol, snap) for claim in CLAIMS for vol in VOLUMES for snap in SNAPSHOTS}
    assert len(CELLS) >= 200


def rendered() -> Iterator[str]:
    for claim, claims in CLAIMS.items():
        yield f"## {claim}\n"
        yield f"| | {' | '.join(SNAPSHOTS)} |"
        yield "|---" * (len(SNAPSHOTS) + 1) + "|"
        for name, volumes in VOLUMES.items():
            plans = (told(plan_home(facts(claims=claims, volumes=volumes, snapshots=each))) for each in SNAPSHOTS.values())
            yield f"| {name} | {' | '.join(plans)} |"
        yield ""


if __name__ == "__main__":
    print("\n".join(rendered()))
