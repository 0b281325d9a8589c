"""The sentences of the report: what a step did, what waits, the summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from hubplane.domain.report.model import Fleet, RecycleBin, StepReport

__all__ = ["counted", "gib", "problems_of", "summary_of", "usd", "waiting"]

NOUNS: Final = {"snapshot_volumes": "snapshot", "prune_volumes": "volume", "prune_snapshots": "snapshot"}
VERBS: Final = {"snapshot_volumes": "taken", "prune_volumes": "deleted", "prune_snapshots": "deleted"}
TITLES: Final = {
    "snapshot_volumes": "Snapshots of the night",
    "prune_volumes": "Idle volumes",
    "prune_snapshots": "Old snapshots",
}


def counted(number: int, noun: str) -> str:
    """``1 volume``, ``1,200 volumes``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def gib(size_gib: float) -> str:
    """``500 GiB``, ``12.3 TiB``."""
    return f"{size_gib:,.0f} GiB" if size_gib < 10 * 1024 else f"{size_gib / 1024:,.1f} TiB"


def usd(amount: float) -> str:
    """``$0.40``, ``$1,234``: no cents where nobody reads them."""
    return f"${amount:,.2f}" if amount < 100 else f"${amount:,.0f}"


def waiting(steps: Sequence[StepReport]) -> int:
    """How many things wait for a person."""
    return sum(step.held.count + step.attention.count for step in steps)


def problems_of(steps: Sequence[StepReport], recycle_bin: RecycleBin) -> Iterator[str]:
    """What went wrong, one sentence each."""
    for step in steps:
        name = step.step
        if step.status == "FAILED":
            yield f"{name} failed: {step.error or 'no error was told'}" + (f": {step.reason}" if step.reason else "")
        elif step.status == "NOT_RUN":
            yield f"{name} did not run."
        elif step.plan_key is None:
            yield f"{name}: its plan was not found, so what it kept is not known."
        if step.failed.count:
            yield f"{name}: {counted(step.failed.count, 'change')} failed; the first: {_first(step.failed.items)}"
        if step.open.count:
            count = counted(step.open.count, "planned change")
            yield f"{name}: {count} without a word of what became of it; the next night looks again."
    if recycle_bin.state == "waived":
        yield "The Recycle Bin net was waived: what the night deleted cannot be brought back."


def summary_of(steps: Sequence[StepReport], fleet: Fleet | None) -> str:
    """The day in some sentences: what was done, what waits, what failed, what there is."""
    parts = [_deeds(step) for step in steps if step.status != "NOT_RUN"]
    sentences = [f"{', '.join(part for part in parts if part)}."] if any(parts) else ["Nothing was done."]
    held = sum(step.held.count for step in steps)
    looks = sum(step.attention.count for step in steps)
    if held:
        sentences.append(f"{counted(held, 'delete')} wait{'s' * (held == 1)} for approval.")
    if looks:
        sentences.append(f"{counted(looks, 'thing')} need{'s' * (looks == 1)} a look.")
    failed = [step.step for step in steps if step.status == "FAILED"]
    if failed:
        sentences.append(f"{' and '.join(failed)} failed.")
    if fleet is not None:
        cost = usd(fleet.volumes_usd + fleet.snapshots_usd)
        sentences.append(
            f"{counted(fleet.volumes, 'volume')} ({gib(fleet.volumes_gib)}) and {counted(fleet.snapshots, 'snapshot')}, "
            f"at most {cost} a month."
        )
    return " ".join(sentences)


def _deeds(step: StepReport) -> str:
    noun, verb = NOUNS[step.step], VERBS[step.step]
    if step.mode == "plan":
        return f"{counted(step.planned.count, noun)} would be {verb}"
    return f"{counted(step.done.count, noun)} {verb}"


def _first(items: Sequence[object]) -> str:
    return "; ".join(f"{item.resource_id}: {item.reason}" for item in items[:1])  # type: ignore[attr-defined]
