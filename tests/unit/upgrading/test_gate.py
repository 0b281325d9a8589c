"""The gate before a step: open only where everything is known and nothing speaks against it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Inventory, Sighting, Snapshot, Volume
from hubplane.domain.storage.view import view_of
from hubplane.domain.upgrading.draining import Budget, Drains, RunningServer
from hubplane.domain.upgrading.gate import GateFacts, judge_gate, unproved
from hubplane.domain.upgrading.present import GroupVersion, Insight, Present

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ACCOUNT = "123456789012"
PASSING = Insight("insight-1", "Kubelet version skew", "PASSING", "", "1.36", NOW - timedelta(minutes=5))
PRESENT = Present("1.35", "ACTIVE", (GroupVersion("opensarlab-main", "1.35", "1.35.1-20261101", "ACTIVE", 2),))
HELD = Budget("jupyter", "hub", allowed=0, pods=1)
OPEN = GateFacts(
    "opensarlab", "1.36", PRESENT, {"healthy": True}, (PASSING,), "COMPLETED", (), 3, (), (), NOW, rolls=("opensarlab-main",)
)
GONE = replace(PASSING, name="Deprecated APIs", status="WARNING", gone_in=(("/apis/a/v1beta1/b", "1.36"),))


def finding(severity: str) -> dict[str, Any]:
    return {"severity": severity, "sentence": "The hub is down.", "runbook": "docs/runbooks/restart-hub.md"}


def test_a_well_cluster_with_fresh_copies_passes() -> None:
    gate = judge_gate(OPEN)
    assert gate.is_open, gate.against
    assert gate.notes == (
        "nobody's server runs on the nodes that will be replaced",
        "volumes with a completed snapshot since their last use or of last night: 3 of 3",
    )


def test_whose_servers_end_with_their_nodes_is_told_by_name() -> None:
    servers = (
        RunningServer("bea", "gpu", "opensarlab-main"),
        RunningServer("ann", "", "opensarlab-main"),
        RunningServer("dan", "", "opensarlab-gpu"),
        RunningServer("cai", "", None),
    )
    note = judge_gate(replace(OPEN, drains=Drains(servers))).notes[0]
    assert "3 servers run on nodes that will be replaced: ann, bea (gpu), cai;" in note
    many = tuple(RunningServer(f"p{number:02}", "", "opensarlab-main") for number in range(22))
    assert "p19 and 2 more" in judge_gate(replace(OPEN, drains=Drains(many))).notes[0]


def test_a_step_that_replaces_no_node_asks_nobody_to_leave() -> None:
    drains = Drains((RunningServer("ann", "", "opensarlab-main"),), (HELD,), unseen="Forbidden")
    gate = judge_gate(replace(OPEN, rolls=(), drains=drains))
    assert gate.is_open, gate.against
    assert not any("ann" in note or "server" in note for note in gate.notes)


def test_a_budget_that_lets_one_go_or_covers_nothing_holds_nobody() -> None:
    free = (replace(HELD, allowed=1, pods=2), replace(HELD, pods=0))
    assert judge_gate(replace(OPEN, drains=Drains(budgets=free))).is_open


def test_a_budget_holds_a_step_that_finishes_too_for_no_build_mends_it() -> None:
    unwell = replace(OPEN, finishes=True, diagnosis={"healthy": False})
    assert judge_gate(replace(unwell, drains=Drains(unseen="Forbidden"))).is_open
    assert not judge_gate(replace(unwell, drains=Drains(budgets=(HELD,)))).is_open


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"diagnosis": {}}, "does not call the cluster healthy", id="no diagnosis"),
        pytest.param({"diagnosis": {"healthy": False, "findings": [finding("critical")]}}, "The hub is down", id="critical"),
        pytest.param({"diagnosis": {"healthy": False, "findings": [finding("unknown")]}}, "unknown", id="unseen"),
        pytest.param({"insights": ()}, "no upgrade insight", id="no insight"),
        pytest.param({"insights": (replace(PASSING, status="ERROR", reason="old kubelets"),)}, "old kubelets", id="error"),
        pytest.param({"insights": (replace(PASSING, status="UNKNOWN"),)}, "UNKNOWN", id="unknown insight"),
        pytest.param({"insights": (GONE,)}, "/apis/a/v1beta1/b goes in 1.36", id="an API version that goes"),
        pytest.param({"insights": (replace(PASSING, refreshed_at=None),)}, "never", id="never looked"),
        pytest.param({"insights": (replace(PASSING, refreshed_at=NOW - timedelta(days=2)),)}, "too long ago", id="stale"),
        pytest.param({"refresh": "FAILED"}, "could not refresh", id="refresh failed"),
        pytest.param({"refresh": "IN_PROGRESS"}, "has not finished", id="refresh late"),
        pytest.param({"missing_addons": ("coredns",)}, "no version of add-on coredns", id="add-on"),
        pytest.param({"to_version": "1.99"}, "no image of the cluster autoscaler", id="autoscaler"),
        pytest.param({"drains": Drains(unseen="Forbidden")}, "is not known (Forbidden)", id="drains unseen"),
        pytest.param({"drains": Drains(budgets=(HELD,))}, "PodDisruptionBudget hub in jupyter lets none of its 1", id="budget"),
        pytest.param({"unproved": ("claim-ann: no completed snapshot of vol-1",)}, "1 of 3 volumes", id="home"),
        pytest.param({"busy": ("the storage of the cluster is busy: night",)}, "night", id="busy"),
        pytest.param({"present": replace(PRESENT, status="UPDATING")}, "UPDATING", id="cluster"),
        pytest.param(
            {"present": replace(PRESENT, groups=(replace(PRESENT.groups[0], status="DEGRADED"),))}, "DEGRADED", id="group"
        ),
    ],
)
def test_each_thing_closes_it_alone(change: dict[str, Any], words: str) -> None:
    gate = judge_gate(replace(OPEN, **change))
    assert len(gate.against) == 1
    assert words in gate.against[0]


def test_everything_against_it_is_told_at_once() -> None:
    gate = judge_gate(replace(OPEN, diagnosis={}, insights=(), unproved=("a",), missing_addons=("coredns",), busy=("b",)))
    assert len(gate.against) == 5


def test_a_warning_about_a_later_version_is_a_note() -> None:
    later = replace(GONE, kubernetes_version="1.37", gone_in=(("/apis/a/v1beta1/b", "1.37"),), reason="goes in 1.37")
    gate = judge_gate(replace(OPEN, insights=(PASSING, later)))
    assert gate.is_open
    assert any("goes in 1.37" in note for note in gate.notes)


def test_what_an_interrupted_upgrade_left_is_finished_though_the_cluster_is_not_well() -> None:
    unwell = {"healthy": False, "findings": [finding("critical")]}
    gate = judge_gate(replace(OPEN, finishes=True, diagnosis=unwell))
    assert gate.is_open
    assert "The hub is down" in gate.notes[0]
    assert not judge_gate(replace(OPEN, finishes=True, diagnosis=unwell, unproved=("claim-ann: no copy",))).is_open


def test_a_notice_does_not_close_it() -> None:
    assert judge_gate(replace(OPEN, diagnosis={"healthy": True, "findings": [finding("notice")]})).is_open


def fresh(
    hours: float | None, *, attached: bool = False, used: float | None = 100, size: int = 10, state: str = "completed"
) -> bool:
    """Whether a home of 10 GiB counts as copied: snapshot so many hours old, unattached for ``used`` hours."""
    volume = Volume(
        "vol-1",
        10,
        "in-use" if attached else "available",
        NOW - timedelta(days=90),
        {"kubernetes.io/cluster/opensarlab": "owned", "kubernetes.io/created-for/pvc/name": "claim-ann"},
        attached=attached,
    )
    copies = () if hours is None else (Snapshot("snap-1", "vol-1", state, NOW - timedelta(hours=hours), size, ACCOUNT),)
    sightings = () if used is None else (Sighting("vol-1", NOW - timedelta(days=90), NOW - timedelta(hours=used)),)
    seen = Inventory("opensarlab", ACCOUNT, volumes=(volume,), snapshots=copies, sightings=() if attached else sightings)
    return unproved(view_of(seen, StoragePolicy(), NOW), (volume,)) == ()


@pytest.mark.parametrize(
    ("wanted", "case"),
    [
        (False, {"hours": None}),
        (True, {"hours": 5}),
        (True, {"hours": 5, "attached": True}),
        (False, {"hours": 30, "attached": True}),
        (True, {"hours": 90, "used": 100}),
        (False, {"hours": 110, "used": 100}),
        (True, {"hours": 5, "used": None}),
        (False, {"hours": 30, "used": None}),
        (False, {"hours": 5, "size": 8}),
        (False, {"hours": 5, "state": "pending"}),
        (False, {"hours": 5, "state": "error"}),
    ],
    ids=str,
)
def test_a_home_is_copied_since_its_last_use_or_last_night(wanted: bool, case: dict[str, Any]) -> None:
    assert fresh(**case) is wanted
