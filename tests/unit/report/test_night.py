"""Reading a night: whatever is missing is told, nothing that is missing is made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from hubplane.domain.report.night import Night, read_night
from hubplane.domain.report.pricing import prices_of
from hubplane.domain.storage.documents import SweptCluster
from hubplane.domain.storage.records import Inventory, Snapshot, Volume
from hubplane.domain.storage.sharing import Sharing

AT = datetime(2026, 11, 25, 10, tzinfo=UTC)
OURS = {"kubernetes.io/cluster/lab": "owned"}
DAY = "runs/lab/2026-11-25/day"


class Papers(dict[str, Any]):
    """Lists of documents and single ones by key; sweeps by prefix with as many volumes as the value says."""

    def keys(self, prefix: str = "") -> Iterator[str]:  # type: ignore[override]
        return (key for key in sorted(super().keys()) if key.startswith(prefix))

    def lines(self, key: str) -> Iterator[dict[str, Any]]:
        return iter(self[key])

    def json(self, key: str) -> Any:
        return self.get(key)

    def cluster(self, prefix: str) -> SweptCluster:
        return SweptCluster(Inventory("lab", "1", claims=()), AT, self[f"{prefix}cluster.json.gz"], 0)

    def volumes(self, prefix: str, pages: int, sharing: Sharing | None = None) -> Iterator[Volume]:
        return (Volume(f"vol-{n}", 1, "available", AT, OURS) for n in range(pages))

    def snapshots(self, prefix: str, pages: int, sharing: Sharing | None = None) -> Iterator[Snapshot]:
        return iter(())


def night(papers: Papers, *ended: dict[str, Any], mode: str = "enforce", **policy: Any) -> Night:
    run = {"mode": mode, "policy": policy, "prefix": f"{DAY}/"}
    return read_night(papers, "lab", run, ended, prices_of("us-east-1"))


def ended(step: str, suffix: str, **changes: Any) -> dict[str, Any]:
    return {"step": step, "status": "SUCCEEDED", "mode": "enforce", "prefix": f"{DAY}-{suffix}/", **changes}


PLANNED = [{"resource_id": "vol-1", "action": "delete_volume", "reason": "Deleted."}]


@pytest.mark.parametrize(
    ("day", "prune", "step", "suffix", "fate"),
    [
        pytest.param("plan", True, "prune_volumes", "pv", "planned", id="a plan"),
        pytest.param("enforce", False, "prune_volumes", "pv", "open", id="enforced"),
        pytest.param("policy", True, "prune_volumes", "pv", "open", id="the policy prunes"),
        pytest.param("policy", False, "prune_volumes", "pv", "planned", id="the policy does not"),
        pytest.param("policy", False, "snapshot_volumes", "sv", "open", id="snapshots are taken under every policy"),
    ],
)
def test_a_failed_step_has_the_mode_that_the_day_gave_it(day: str, prune: bool, step: str, suffix: str, fate: str) -> None:
    papers = Papers({f"{DAY}-{suffix}/{step}/plan.jsonl.gz": PLANNED})
    failed = {"step": step, "status": "FAILED", "error": "Throttled", "reason": ""}
    found = next(item for item in night(papers, failed, mode=day, prune=prune).steps if item.step == step)
    assert getattr(found, fate).count == 1


def test_the_last_sweep_of_the_night_counts() -> None:
    papers = Papers({f"{DAY}-sv/cluster.json.gz": 5, f"{DAY}-pv/cluster.json.gz": 3})
    steps = (ended("snapshot_volumes", "sv"), ended("prune_volumes", "pv"), ended("prune_snapshots", "ps", status="FAILED"))
    fleet = night(papers, *steps).fleet
    assert fleet is not None
    assert fleet.volumes == 3


def test_what_is_missing_is_not_made_up() -> None:
    found = night(Papers())
    assert found.fleet is None
    assert [step.status for step in found.steps] == ["NOT_RUN"] * 3
    assert found.warnings.count == 0


def test_a_later_outcome_of_the_same_thing_counts() -> None:
    home = f"{DAY}-sv/snapshot_volumes/"
    left = {"resource_id": "vol-1", "action": "create_snapshot", "result": "left", "reason": "No room."}
    papers = Papers(
        {
            f"{home}plan.jsonl.gz": [{"resource_id": "vol-1", "action": "create_snapshot", "reason": "It has none."}],
            f"{home}outcomes/00001.jsonl.gz": [left],
            f"{home}outcomes/00002.jsonl.gz": [{**left, "result": "started", "reason": "It has none."}],
        }
    )
    step = night(papers, ended("snapshot_volumes", "sv")).steps[0]
    assert (step.done.count, step.deferred.count) == (1, 0)


def test_the_reason_of_a_stop_is_told_only_while_something_is_held() -> None:
    home = f"{DAY}-pv/prune_volumes/"
    stop = {"reason": "1 of 2 volumes would be deleted", "resource_ids": ["vol-1"]}
    former = {"reason": "2 of 2 volumes would be deleted", "resource_ids": ["vol-1", "vol-2"]}
    plan = [{**PLANNED[0], "action": "hold"}]
    held = Papers({f"{home}plan.jsonl.gz": plan, f"{home}stop-a.json": stop, f"{home}stop-b.json": former})
    assert night(held, ended("prune_volumes", "pv")).steps[1].stop == stop["reason"]
    approved = Papers({f"{home}plan.jsonl.gz": PLANNED, f"{home}stop-a.json": stop})
    assert night(approved, ended("prune_volumes", "pv")).steps[1].stop is None
