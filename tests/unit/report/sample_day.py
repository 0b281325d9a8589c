"""A rich night, small enough to read: every kind of volume and snapshot, a stop, a failed step, hostile names."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hubplane.domain.report.fleet import FleetTally
from hubplane.domain.report.gathering import report_of
from hubplane.domain.report.history import Day
from hubplane.domain.report.lines import PlanLine
from hubplane.domain.report.model import Fleet, Item, Listing, Report
from hubplane.domain.report.pricing import prices_of
from hubplane.domain.report.steps import step_report
from hubplane.domain.storage.actions import Action
from hubplane.domain.storage.outcomes import Result
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Claim, Snapshot, Volume

NIGHT = date(2026, 11, 25)
NOW = datetime(2026, 11, 25, 14, 20, tzinfo=UTC)
HOSTILE = '<img src=x onerror="document.title=1">&amp;'
TAGS = {"kubernetes.io/cluster/opensarlab": "owned"}
RUN: Mapping[str, Any] = {
    "run_id": "2026-11-25/day",
    "step": "run_storage_day",
    "mode": "policy",
    "scheduled": True,
    "policy": {},
    "night_at": "2026-11-25T10:00:00+00:00",
    "prefix": "runs/opensarlab/2026-11-25/day/",
}
POLICY = StoragePolicy()


def volume(number: int, **changes: Any) -> Volume:
    tags = {
        **TAGS,
        "kubernetes.io/created-for/pvc/name": f"claim-user{number}",
        "kubernetes.io/created-for/pvc/namespace": "jupyter",
    }
    made = Volume(f"vol-{number:017x}", 500, "available", NOW - timedelta(days=200), tags, volume_type="gp3")
    return replace(made, **changes)


def snapshot(number: int, of: int, **changes: Any) -> Snapshot:
    tags = {**TAGS, "kubernetes.io/created-for/pvc/name": f"claim-user{of}"}
    started_at = NOW - timedelta(days=number % 40, hours=3)
    made = Snapshot(f"snap-{number:017x}", f"vol-{of:017x}", "completed", started_at, 500, "123456789012", tags)
    return replace(made, **changes)


def history(nights: int = 90, missing: tuple[int, ...] = (31, 32, 33, 60)) -> tuple[Day, ...]:
    """Nights up to the one before, some of them missing."""
    found = []
    for ago in range(nights - 1, 0, -1):
        if ago not in missing:
            size = round(14000 + 60 * (90 - ago) + 900 * math.sin(ago / 6))
            copies = round(42000 + 220 * (90 - ago) + 2500 * math.sin(ago / 9))
            found.append(Day(NIGHT - timedelta(days=ago), size // 500, size, copies // 500, copies, size * 0.08 + copies * 0.05))
    return tuple(found)


def sample_fleet() -> Fleet:
    tally = FleetTally("opensarlab", POLICY, prices_of("us-east-1"))
    for number in range(1, 31):
        tally.add_volume(volume(number, attached=number <= 9, state="in-use" if number <= 9 else "available"))
    twin = dict(volume(7).tags)
    tally.add_volume(volume(31, tags=twin, size_gib=100))
    tally.add_volume(volume(32, tags={**TAGS}, volume_type="gp2"))
    hub = {**TAGS, "kubernetes.io/created-for/pvc/name": "hub-db-dir", "kubernetes.io/created-for/pvc/namespace": "jupyter"}
    tally.add_volume(volume(33, tags=hub, size_gib=1, attached=True, state="in-use", volume_type=""))
    for number in range(1, 121):
        tally.add_snapshot(snapshot(number, of=number % 40 + 1))
    tally.add_snapshot(snapshot(500, of=3, state="pending"))
    claims = [Claim("jupyter", f"claim-user{n}", f"uid-{n}", f"vol-{n:017x}") for n in range(1, 31)]
    claims += [Claim("jupyter", "claim-nobody", "uid-x"), Claim("jupyter", f"claim-{HOSTILE}", "uid-h", "vol-deadbeef")]
    return tally.finish(tuple(claims), frozenset({"vol-0000000000000001f", f"vol-{33:017x}", f"vol-{31:017x}"}))


def snapshot_lines() -> Iterator[PlanLine]:
    for n in range(1, 25):
        yield line(n, Action.CREATE_SNAPSHOT, "Its newest completed snapshot is of 2026-11-24 10:02 UTC, before tonight.")
    for n in range(25, 30):
        yield line(
            n,
            Action.KEEP,
            f"Nothing has been written since its last snapshot: snap-{n:017x} of 2026-11-20 10:00 UTC holds everything.",
        )
    yield line(
        30, Action.DEFER, "Left for the next sweep: 80 snapshots are pending in the account, and Hubplane goes no higher than 80."
    )
    yield line(31, Action.KEEP, "No snapshot can be taken of a volume that is error.", attention=True)


def volume_lines() -> Iterator[PlanLine]:
    for n in range(1, 10):
        yield line(n, Action.KEEP, "Kept: it is in use.")
    for n in range(10, 22):
        yield line(n, Action.KEEP, f"Kept: it was in use until 2026-11-{n} 08:00 UTC and stays until 2026-11-{n + 5} 08:00 UTC.")
    for n in range(22, 27):
        because = "unused for 9 days, and a snapshot holds everything"
        reason = f"Held for approval: Deleted through its claim jupyter/claim-user{n}: {because}."
        yield line(n, Action.HOLD, reason)
    yield line(7, Action.KEEP, f"Kept: its claim claim-user7 has another volume as well (vol-{31:017x}).", attention=True)
    odd = f"Kept: its tag server-stop-time='{HOSTILE}' is no time; correct it, or remove it to count from the first sighting."
    yield line(28, Action.KEEP, odd, attention=True, claim_name=HOSTILE)


def snapshot_pruning_lines() -> Iterator[PlanLine]:
    for n in range(1, 41):
        reason = f"Deleted: snap-{n:017x} of 2026-11-24 10:00 UTC is newer, and no rung of the ladder needs it."
        yield snapshot_line(n, Action.DELETE_SNAPSHOT, reason)
    for n in range(41, 90):
        yield snapshot_line(n, Action.KEEP, f"Kept: daily copy {n % 7 + 1} of 7 of its line.")
    for n in range(90, 121):
        yield snapshot_line(n, Action.KEEP, "Kept: the newest copy of its line.", last_copy=True)


def line(n: int, action: Action, reason: str, **more: Any) -> PlanLine:
    return PlanLine(f"vol-{n:017x}", action, reason, **{"size_gib": 500, "claim_name": f"claim-user{n}", **more})


def snapshot_line(n: int, action: Action, reason: str, **more: Any) -> PlanLine:
    return PlanLine(f"snap-{n:017x}", action, reason, size_gib=500, claim_name=f"claim-user{n % 40 + 1}", **more)


def sample_report(**changes: Any) -> Report:
    started = {f"vol-{n:017x}": (Result.STARTED, "") for n in range(1, 25)}
    started[f"vol-{24:017x}"] = (Result.FAILED, "IncorrectState: the volume is being deleted")
    deleted = {f"snap-{n:017x}": (Result.DELETED, "") for n in range(1, 39)}
    deleted[f"snap-{39:017x}"] = (Result.SKIPPED, "It has become a last copy since the plan.")
    waived = "Waived by RecycleBinWaived: no rule retains EBS volumes."
    steps = (
        step_report("snapshot_volumes", ended("snapshot_volumes"), snapshot_lines(), started, "runs/…/plan.jsonl.gz"),
        step_report(
            "prune_volumes",
            ended(
                "prune_volumes",
                status="FAILED",
                error="DeletionRefused",
                reason="AskStorageApproval: refused by ana (<b>not</b> before the workshop): 5 of 30 volumes would be deleted",
            ),
            volume_lines(),
            {},
            "runs/opensarlab/2026-11-25/day-pv/prune_volumes/plan.jsonl.gz",
            {5: "5 of 30 volumes would be deleted and 0 already were tonight, more than 10%."},
        ),
        step_report(
            "prune_snapshots",
            ended("prune_snapshots", notes=[waived]),
            snapshot_pruning_lines(),
            deleted,
            "runs/opensarlab/2026-11-25/day-ps/prune_snapshots/plan.jsonl.gz",
        ),
    )
    warned = tuple(
        Item(f"snap-{n:017x}", "Unused since 2026-08-29, to go at 2026-11-30 10:00 UTC at the earliest.", 500, f"claim-user{n}")
        for n in range(90, 93)
    )
    report = report_of(
        "opensarlab",
        RUN,
        steps,
        sample_fleet(),
        Listing(3, 1500, warned),
        prices_of("us-east-1"),
        history(),
        [],
        NOW,
    )
    return replace(report, **changes)


def ended(step: str, **changes: Any) -> dict[str, Any]:
    return {"step": step, "status": "SUCCEEDED", "mode": "enforce", "notes": [], "reason": "", **changes}
