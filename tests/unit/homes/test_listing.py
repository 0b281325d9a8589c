"""The table of homes: a row for every state a home can be in, and what is said beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hubplane.domain.homes.listing import COLUMNS, HomeState, count_states, homes_of, row_to_csv, row_to_json
from hubplane.domain.report.pricing import prices_of
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Owner
from hubplane.domain.storage.view import view_of
from tests.unit.storage.builders import ANN, NOW, ago, claim, inventory, sighting, snapshot, tags, volume

PRICES = prices_of("us-east-1")


def rows(*things: Any, **fields: Any) -> Any:
    return homes_of(view_of(inventory(*things, **fields), StoragePolicy(), NOW), PRICES)


STATES = {
    "a pod mounts it": ((volume(), snapshot(), claim(in_use=True)), HomeState.IN_USE),
    "a claim holds it": ((volume(), snapshot(), claim()), HomeState.BOUND),
    "no claim": ((volume(), snapshot()), HomeState.UNCLAIMED),
    "a claim holds another volume": ((volume(), snapshot(), claim("vol-9")), HomeState.UNCLAIMED),
    "only a snapshot": ((snapshot(),), HomeState.SNAPSHOT_ONLY),
    "a snapshot and an empty claim": ((snapshot(), claim(None)), HomeState.SNAPSHOT_ONLY),
    "an empty claim": ((claim(None),), HomeState.EMPTY_CLAIM),
    "two volumes": ((volume(), volume("vol-2"), snapshot(), claim()), HomeState.TWO_VOLUMES),
    "an error is no copy": ((snapshot(state="error"),), HomeState.LOST),
    "another account's snapshot is no copy": ((snapshot(owner_id="999999999999"),), HomeState.LOST),
    "its volume is being deleted": ((volume(state="deleting"), snapshot()), HomeState.SNAPSHOT_ONLY),
}


@pytest.mark.parametrize(("things", "state"), STATES.values(), ids=STATES)
def test_every_home_has_one_state(things: tuple[Any, ...], state: HomeState) -> None:
    (row,) = rows(*things)
    assert (row.claim_name, row.state) == ("claim-ann", state)


def test_a_cluster_that_cannot_be_asked_leaves_the_state_unknown() -> None:
    (row,) = rows(volume(), snapshot(), claims=None)
    assert row.state is HomeState.UNKNOWN


def test_a_row_says_size_use_copies_and_cost() -> None:
    (row,) = rows(volume(stopped=ago(10)), snapshot("snap-1", days_old=9), snapshot("snap-2", days_old=2), sighting(), claim())
    assert (row.usernames, row.size_gib, row.copies) == (("ann",), 500, 2)
    assert (row.newest_copy_at, row.oldest_copy_at, row.last_used_at) == (ago(2), ago(9), ago(9.5))
    assert (row.usd_volumes, row.usd_copies) == (40.0, 50.0)
    assert row.notes == ()


def test_the_last_use_of_a_pruned_home_is_what_its_copy_says() -> None:
    (row,) = rows(snapshot(tags=tags(**{"server-stop-time": str(ago(40))})))
    assert row.last_used_at == ago(40)
    assert rows(snapshot(days_old=9))[0].last_used_at == ago(9)


NOTES = {
    "set aside": (
        (volume(tags=tags("kept-ann", **{"hubplane:set-aside": "claim-ann"})),),
        (ANN,),
        "set aside: it was the home of claim-ann",
    ),
    "nobody": ((volume(tags=tags("claim-old")), snapshot(tags=tags("claim-old"))), (ANN,), "nobody in the Users table"),
    "two names": ((volume(), snapshot()), (ANN, replace(ANN, username="ANN2")), "2 names lead to this claim: ANN2, ann"),
    "another's mark": ((volume(more={"hubplane:owner-sub": "sub-eve"}), snapshot()), (ANN,), "another account's owner mark"),
    "two marks": (
        (volume(more={"hubplane:owner-sub": "sub-ann"}), snapshot(tags=tags(**{"hubplane:owner-sub": "sub-eve"}))),
        (ANN,),
        "2 different owners",
    ),
    "no copy": ((volume(),), (ANN,), "no completed copy"),
    "errors": ((volume(), snapshot(), snapshot("snap-2", state="error")), (ANN,), "1 of its snapshots ended in error"),
}


@pytest.mark.parametrize(("things", "owners", "note"), NOTES.values(), ids=NOTES)
def test_what_is_odd_is_said(things: tuple[Any, ...], owners: tuple[Owner, ...], note: str) -> None:
    (row,) = rows(*things, owners=owners)
    assert [text for text in row.notes if note in text] != []


def test_protection_counts_wherever_it_is_written() -> None:
    assert rows(volume(more={"Do-Not-Delete": "no"}))[0].protected
    assert rows(volume(), snapshot(tags=tags(**{"do-not-delete": ""})))[0].protected
    assert not rows(volume(), snapshot())[0].protected


def test_the_hub_s_database_and_what_has_no_claim_s_name_are_no_homes() -> None:
    assert rows(volume(tags=tags("hub-db-dir")), volume("vol-2", tags=tags(None)), claim("vol-1", "hub-db-dir")) == ()


def test_a_claim_s_volume_without_any_tag_is_its_home() -> None:
    (row,) = rows(volume(tags={}), claim())
    assert (row.state, row.volume_ids) == (HomeState.BOUND, ("vol-1",))


def test_rows_become_json_and_cells_that_no_spreadsheet_runs() -> None:
    (row,) = rows(volume(), owners=(replace(ANN, username="=HYPERLINK(1)"),))
    assert row_to_json(row)["state"] == "unclaimed"
    cells = row_to_csv(row)
    assert len(cells) == len(COLUMNS)
    assert cells[1] == "'=HYPERLINK(1)"
    assert count_states([row, row]) == {"unclaimed": 2}
