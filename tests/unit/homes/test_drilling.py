"""Which copies a drill tries, what it makes of them, and what counts as a finding."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hubplane.domain.homes.drill_pods import canary_pod, reading_pod
from hubplane.domain.homes.drilling import (
    CANARY,
    DRILL_NAMESPACE,
    Pick,
    drill_volume,
    is_drill_s,
    judge_read,
    judge_volume,
    pick_from_json,
    pick_homes,
    told,
)
from hubplane.domain.homes.marks import home_tags, set_aside_tags
from hubplane.domain.report.drill import Drill, drill_from_json, drill_problems, drill_report, drill_to_json
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Snapshot
from hubplane.domain.storage.snapshotting import plan_snapshots
from hubplane.domain.storage.volume_pruning import plan_volume_pruning
from tests.unit.storage.builders import ACCOUNT, CLUSTER, NOW, ago, inventory, snapshot, tags, volume


def home(person: str, days_old: float = 1, **fields: Any) -> Snapshot:
    more = fields.pop("more", {})
    claim = fields.pop("claim", f"claim-{person}")
    return snapshot(f"snap-{person}-{days_old}", f"vol-{person}", days_old, tags={**tags(claim), **more}, **fields)


CANARY_COPY = home("c", claim=CANARY, more={"kubernetes.io/created-for/pvc/namespace": DRILL_NAMESPACE})
PEOPLE = tuple(home(person, days) for person in "abdefghij" for days in (1, 2, 3))


def picks(*snapshots: Snapshot, count: int = 3, seed: str = "run-1") -> tuple[Pick, ...]:
    return pick_homes(snapshots, CLUSTER, ACCOUNT, count, seed)


def test_the_canary_and_some_homes_by_their_newest_copy() -> None:
    found = picks(*PEOPLE, CANARY_COPY)
    assert [pick.is_canary for pick in found] == [True, False, False, False]
    assert [pick.number for pick in found] == [0, 1, 2, 3]
    assert len({pick.claim_name for pick in found}) == 4
    assert all(pick.snapshot_id.endswith("-1") for pick in found)
    assert [pick_from_json(pick.to_json()) for pick in found] == list(found)


def test_a_run_can_be_repeated_and_another_one_takes_others() -> None:
    assert picks(*PEOPLE) == picks(*reversed(PEOPLE))
    assert len({tuple(pick.claim_name for pick in picks(*PEOPLE, seed=f"run-{number}")) for number in range(20)}) > 5


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(home("z", state="pending"), id="pending"),
        pytest.param(home("z", state="error"), id="failed"),
        pytest.param(home("z", owner_id="9" * 12), id="another-aws-account's"),
        pytest.param(home("z", more=set_aside_tags("claim-z", NOW)), id="set-aside"),
        pytest.param(home("z", claim="hub-db-dir"), id="the-hub's-database"),
        pytest.param(home("z", claim=CANARY), id="a-canary-of-another-namespace"),
        pytest.param(replace(home("z"), tags={"kubernetes.io/created-for/pvc/name": "claim-z"}), id="of-no-cluster"),
    ],
)
def test_what_is_no_home_s_copy_is_not_tried(other: Snapshot) -> None:
    assert picks(other) == ()


def test_fewer_homes_than_asked_for_are_all_of_them() -> None:
    assert len(picks(*PEOPLE[:3], count=20)) == 1
    assert picks(*PEOPLE, count=0) == ()


def made(**fields: Any) -> Any:
    (pick,) = picks(home("a"))
    wanted = drill_volume(pick, home("a"), CLUSTER, "us-east-1d", "run-1", "token", "do-not-delete")
    return volume("vol-drill", tags=dict(wanted.tags), created_at=ago(90), size_gib=wanted.size_gib, **fields)


def test_what_a_drill_makes_is_in_no_plan_and_proves_nothing() -> None:
    standing = volume("vol-a", more={})
    found = inventory(standing, home("a"), made())
    for plan in (plan_snapshots(found, StoragePolicy(), NOW), plan_volume_pruning(found, StoragePolicy(prune=True), NOW)):
        assert {action.resource_id for action in plan.actions} == {"vol-a"}


def test_only_what_a_drill_made_and_nobody_else_uses_is_swept() -> None:
    assert is_drill_s(made(), CLUSTER)
    assert not is_drill_s(made(), "other")
    assert not is_drill_s(volume(), CLUSTER)
    became_a_home = replace(made(), tags={**made().tags, **home_tags(CLUSTER, "claim-a", "sub-a", "pv")})
    assert not is_drill_s(became_a_home, CLUSTER)


(A_PICK,) = picks(home("a"))
THE_CANARY = replace(A_PICK, is_canary=True, claim_name=CANARY)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        pytest.param(None, "no volume came", id="none"),
        pytest.param(made(state="error"), "is error", id="failed"),
        pytest.param(replace(made(), size_gib=8), "8 GiB", id="too-small"),
        pytest.param(made(), None, id="whole"),
    ],
)
def test_size_and_state_are_looked_at(found: Any, word: str | None) -> None:
    said = judge_volume(A_PICK, found)
    assert (said is None) if word is None else word in str(said)


@pytest.mark.parametrize(
    ("pick", "phase", "log", "word"),
    [
        pytest.param(A_PICK, "Succeeded", "12\n", None, id="a-home-that-can-be-read"),
        pytest.param(A_PICK, "Failed", "ls: I/O error", "I/O error", id="a-home-that-cannot"),
        pytest.param(A_PICK, "Failed", "", "said nothing", id="a-pod-without-a-word"),
        pytest.param(A_PICK, "Succeeded", "the stand-in only pretends", "could not be counted", id="a-pod-that-pretends"),
        pytest.param(THE_CANARY, "Succeeded", "marker\n", None, id="what-was-written"),
        pytest.param(THE_CANARY, "Succeeded", "mark", "something else", id="something-else"),
        pytest.param(THE_CANARY, "Succeeded", "", "something else", id="nothing"),
    ],
)
def test_what_the_pod_says_is_compared(pick: Pick, phase: str, log: str, word: str | None) -> None:
    said = judge_read(pick, phase, log, "marker")
    assert (said is None) if word is None else word in str(said)
    assert word is None or told(pick, said, mounted=True) == said


def test_a_canary_without_a_record_is_a_finding() -> None:
    assert "not on record" in str(judge_read(THE_CANARY, "Succeeded", "marker", None))


def test_people_s_homes_are_mounted_read_only_and_nothing_of_them_is_shown() -> None:
    pod = reading_pod("drill-1", "busybox", is_canary=False)
    (container,) = pod["spec"]["containers"]
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"]["readOnly"] is True
    assert "fsGroup" not in pod["spec"]["securityContext"], "it would change every file's group"
    assert container["command"][-1].endswith("| wc -l")
    assert pod["metadata"]["namespace"] == canary_pod("busybox", "x")["metadata"]["namespace"] == DRILL_NAMESPACE


def result(finding: str | None = None) -> dict[str, Any]:
    return {"finding": finding, "sentence": finding or "it came back"}


@pytest.mark.parametrize(
    ("results", "summary", "findings"),
    [
        pytest.param([result(), result()], "All 2 homes came back whole.", 0, id="all"),
        pytest.param([result(), result("broken")], "1 of 2 homes came back whole.", 1, id="one-not"),
        pytest.param([], "0 of 0 homes came back whole.", 1, id="a-drill-of-nothing-is-no-success"),
    ],
)
def test_the_report_of_a_drill(results: list[dict[str, Any]], summary: str, findings: int) -> None:
    drill = drill_report("run-1", results, ["a note"], NOW)
    assert (drill.summary, len(drill.findings)) == (summary, findings)
    assert drill_from_json(drill_to_json(drill)) == drill


@pytest.mark.parametrize(
    ("drill", "word"),
    [
        pytest.param(None, "", id="none-yet"),
        pytest.param(Drill("r", NOW, 1, "All 1 home came back whole."), "", id="passed"),
        pytest.param(Drill("r", NOW, 1, "0 of 1 home came back whole.", ("broken",)), "broken", id="failed"),
        pytest.param(Drill("r", NOW - timedelta(days=41), 1, "All 1 home came back whole."), "was on", id="long-ago"),
    ],
)
def test_what_a_storage_report_says_of_it_first(drill: Drill | None, word: str) -> None:
    assert (word in " ".join(drill_problems(drill, NOW))) if word else drill_problems(drill, NOW) == []
