"""What functions hand on in S3 comes back as it was, and a plan lies there in the order in which it is to be done."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubplane.domain.storage.actions import Action, BlastRadiusStop, ClaimReference, Plan, PlannedAction, PlannedWarning
from hubplane.domain.storage.documents import (
    SweptCluster,
    action_from_json,
    action_to_json,
    cluster_from_json,
    cluster_to_json,
    record_from_json,
    record_to_json,
    snapshot_from_json,
    volume_from_json,
    warning_from_json,
    warning_to_json,
)
from hubplane.domain.storage.jsonlines import LineWriter, read_lines
from hubplane.domain.storage.planning import BATCH_SIZE, Things, action_counts, batches_of, plan_step, stop_hash
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import AcceptedWarning, Claim, Inventory, Owner, Sighting, Snapshot, UseEvent, Volume
from hubplane.domain.storage.sharing import Sharing
from hubplane.domain.storage.tags import carries_cluster, is_for_planners, read_tags
from hubplane.domain.storage.view import view_of
from tests.unit.storage.builders import NOW, inventory, snapshot, tags, volume

TIMES = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is beside it
TEXTS = st.text(max_size=8)


def built(kind: type, **given_fields: Any) -> st.SearchStrategy[Any]:
    """Any record of this kind; its times are in UTC."""
    hints = {item.name: str(item.type) for item in fields(kind)}
    times = {name: TIMES if hint == "datetime" else st.none() | TIMES for name, hint in hints.items() if "datetime" in hint}
    return st.builds(kind, **{**times, **given_fields})


def through_text(document: Any) -> Any:
    return json.loads(json.dumps(document))


@pytest.mark.parametrize("kind", [Claim, Owner, Sighting, UseEvent, AcceptedWarning], ids=lambda kind: kind.__name__)
def test_a_record_comes_back(kind: type) -> None:
    @given(built(kind))
    def check(record: Any) -> None:
        assert record_from_json(kind, through_text(record_to_json(record))) == record

    check()


@given(built(Snapshot, tags=st.dictionaries(TEXTS, TEXTS, max_size=4)))
def test_a_snapshot_comes_back(item: Snapshot) -> None:
    assert snapshot_from_json(through_text(record_to_json(item)), Sharing()) == item


@given(built(Volume, tags=st.dictionaries(TEXTS, TEXTS, max_size=4)))
def test_a_volume_comes_back(item: Volume) -> None:
    assert volume_from_json(through_text(record_to_json(item)), Sharing()) == item


@given(st.builds(PlannedAction, tags=st.dictionaries(TEXTS, TEXTS, max_size=4), claim=st.none() | st.builds(ClaimReference)))
def test_an_action_comes_back_whatever_is_told_beside_it(action: PlannedAction) -> None:
    line = action_to_json(action, size_gib=5, claim_name="claim-ann", volume_id=None)
    assert action_from_json(through_text(line)) == action
    assert "volume_id" not in line


@given(built(PlannedWarning))
def test_a_warning_comes_back(warning: PlannedWarning) -> None:
    assert warning_from_json(through_text(warning_to_json(warning))) == warning


@given(
    built(
        Inventory,
        volumes=st.just(()),
        snapshots=st.just(()),
        claims=st.none() | st.lists(st.builds(Claim), max_size=2).map(tuple),
        owners=st.lists(built(Owner), max_size=2).map(tuple),
        sightings=st.lists(built(Sighting), max_size=2).map(tuple),
        events=st.lists(built(UseEvent), max_size=2).map(tuple),
        warnings=st.lists(built(AcceptedWarning), max_size=2).map(tuple),
    )
)
def test_the_rest_of_an_inventory_comes_back(rest: Inventory) -> None:
    swept = SweptCluster(rest, NOW, 3, 4, None if rest.claims is not None else "it does not answer")
    assert cluster_from_json(through_text(cluster_to_json(swept))) == swept


def test_lines_are_packed_as_they_come_and_the_same_lines_are_the_same_bytes() -> None:
    documents = [{"n": number, "text": "ü\n\u2028"} for number in range(1000)]
    bodies = []
    for _ in range(2):
        lines = LineWriter()
        for document in documents:
            lines.add(document)
        bodies.append(lines.body())
    assert bodies[0] == bodies[1]
    assert list(read_lines(bodies[0])) == documents
    assert len(bodies[0]) < 10_000
    with pytest.raises(EOFError):
        list(read_lines(bodies[0][:-20]))


@given(st.dictionaries(st.sampled_from(["KubernetesCluster", "kubernetes.io/cluster/lab", "Do-Not-Delete", "x"]) | TEXTS, TEXTS))
def test_what_a_sweep_keeps_of_tags_says_the_same_to_planners(found: dict[str, str]) -> None:
    kept = {key: value for key, value in found.items() if is_for_planners(key, "do-not-delete")}
    assert read_tags(kept, "do-not-delete") == read_tags(found, "do-not-delete")
    for cluster in ("lab", "owned"):
        assert carries_cluster(found, cluster) == (cluster in read_tags(found, "do-not-delete").clusters)


def test_a_snapshot_that_two_pages_show_counts_once() -> None:
    seen = inventory(volume(), snapshot("snap-1", days_old=1), snapshot("snap-2", days_old=2), snapshot("snap-1", days_old=1))
    assert [item.snapshot_id for item in view_of(seen, StoragePolicy(), NOW).snapshots_of_volume["vol-1"]] == ["snap-1", "snap-2"]
    plan = plan_step("prune_snapshots", seen, StoragePolicy(), NOW)
    assert [action.resource_id for action in plan.actions] == ["snap-2", "snap-1"]


def test_equal_tags_of_two_snapshots_that_are_two_objects_are_read_alike() -> None:
    first, second = snapshot("snap-1", tags=tags()), snapshot("snap-2", tags=dict(tags()))
    view = view_of(inventory(first, second), StoragePolicy(), NOW)
    assert view.snapshot_facts["snap-1"] == view.snapshot_facts["snap-2"]
    assert view.snapshot_facts["snap-1"].claim_name == "claim-ann"


def deletion(name: str, last_copy: bool = False) -> PlannedAction:
    return PlannedAction(name, Action.DELETE_SNAPSHOT, "Deleted.", last_copy=last_copy)


def test_batches_keep_the_snapshots_of_a_volume_together_and_last_copies_at_the_end() -> None:
    of = {"snap-a": "vol-2", "snap-b": "vol-1", "snap-c": "vol-2", "snap-d": "vol-0"}
    seen = inventory(*(snapshot(name, volume_id) for name, volume_id in of.items()))
    actions = (deletion("snap-a"), deletion("snap-b"), deletion("snap-d", last_copy=True), deletion("snap-c"))
    held = PlannedAction("snap-e", Action.HOLD, "Held.")
    kept = PlannedAction("vol-9", Action.KEEP, "Kept.", attention=True)
    plan = Plan((held, *actions, kept))
    (batch,) = batches_of(plan, Things(seen))
    assert [(line["resource_id"], line["volume_id"]) for line in batch] == [
        ("snap-b", "vol-1"),
        ("snap-a", "vol-2"),
        ("snap-c", "vol-2"),
        ("snap-d", "vol-0"),
    ]
    counts = action_counts(plan)
    assert (counts["hold"], counts["delete_snapshot"], counts["keep"], counts["defer"], counts["attention"]) == (1, 4, 1, 0, 1)


def test_a_batch_is_full_before_the_next_begins() -> None:
    plan = Plan(tuple(deletion(f"snap-{number}") for number in range(2 * BATCH_SIZE + 1)))
    assert [len(batch) for batch in batches_of(plan, Things(inventory()))] == [BATCH_SIZE, BATCH_SIZE, 1]
    assert list(batches_of(Plan(()), Things(inventory()))) == []


def test_a_stop_has_the_name_of_its_ids() -> None:
    stop = BlastRadiusStop(("snap-1", "snap-2"), "too many")
    assert stop_hash(stop) == stop_hash(replace(stop, reason="said otherwise"))
    assert stop_hash(stop) != stop_hash(replace(stop, resource_ids=("snap-1", "snap-3")))
    assert stop_hash(stop) != stop_hash(replace(stop, resource_ids=("snap-1snap-2",)))


def test_a_step_without_a_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="step = 'run_storage_day': must be snapshot_volumes"):
        plan_step("run_storage_day", inventory(), StoragePolicy(), NOW + timedelta(days=1))
