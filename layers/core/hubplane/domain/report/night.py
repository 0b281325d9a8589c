"""Reading a night from what its functions left in the storage bucket, each plan and page once and line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from hubplane.domain.report.fleet import FleetTally
from hubplane.domain.report.lines import Became, became, plan_line_from_json
from hubplane.domain.report.model import Fleet, Item, Listing, StepReport
from hubplane.domain.report.pricing import Prices
from hubplane.domain.report.steps import STEPS, step_prefix, step_report
from hubplane.domain.report.tally import Tally
from hubplane.domain.storage.documents import SweptCluster, warning_from_json
from hubplane.domain.storage.outcomes import Result, outcome_from_json
from hubplane.domain.storage.policy import policy_from_json
from hubplane.domain.storage.records import Snapshot, Volume
from hubplane.domain.storage.sharing import Sharing

__all__ = ["Night", "Papers", "read_night"]

AWAY: Final = frozenset({Result.DELETED, Result.GONE})


class Papers(Protocol):
    """What lies in the storage bucket; ``adapters.storage_bucket.StorageBucket`` is the real one."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that begins so."""

    def lines(self, key: str) -> Iterator[dict[str, Any]]:
        """The documents of a key, one at a time."""

    def json(self, key: str) -> Any:
        """One document, or None."""

    def cluster(self, prefix: str) -> SweptCluster:
        """What a sweep found beside volumes and snapshots."""

    def volumes(self, prefix: str, pages: int, sharing: Sharing | None = None) -> Iterator[Volume]:
        """A sweep's volumes."""

    def snapshots(self, prefix: str, pages: int, sharing: Sharing | None = None) -> Iterator[Snapshot]:
        """A sweep's snapshots."""


class _Unshared(Sharing):
    """Keeps nothing: each snapshot is looked at once, and the tag of its night makes its tags like no other's."""

    def text(self, text: str) -> str:
        return text

    def tags(self, flat: tuple[str, ...]) -> Mapping[str, str]:
        return dict(zip(flat[::2], flat[1::2], strict=True))


@dataclass(frozen=True, slots=True)
class Night:
    """What was found. ``problems``: what was not."""

    steps: tuple[StepReport, ...]
    fleet: Fleet | None
    warnings: Listing
    problems: tuple[str, ...]


def read_night(
    papers: Papers, cluster_name: str, run: Mapping[str, Any], ended: Sequence[Mapping[str, Any]], prices: Prices
) -> Night:
    """The night of a storage day. ``ended``: how its steps ended, as ``write_storage_report`` gets it. Reads only."""
    by_step = {item["step"]: item for item in ended}
    prefixes = {step: step_prefix(by_step[step], run["prefix"]) for step in STEPS if step in by_step}
    keys = {step: frozenset(papers.keys(prefix)) for step, prefix in prefixes.items()}
    gone: set[str] = set()
    steps = tuple(
        _step(papers, step, _with_mode(by_step[step], run), prefixes[step], keys[step], gone)
        if step in by_step
        else step_report(step, None, (), {})
        for step in STEPS
    )
    # The last sweep has seen what the steps before it did; what its own step deleted is in ``gone``.
    swept = [prefix for step, prefix in prefixes.items() if f"{prefix}cluster.json.gz" in keys[step]]
    fleet, problems = _fleet(papers, cluster_name, run, swept[-1], prices, frozenset(gone)) if swept else (None, [])
    return Night(steps, fleet, _warnings(papers, prefixes, keys), tuple(problems))


def _with_mode(ended: Mapping[str, Any], run: Mapping[str, Any]) -> Mapping[str, Any]:
    """A failed step does not say its mode: it follows from that of the day, as ``prepare_storage`` has it."""
    mode = run["mode"]
    if mode == "policy":
        mode = "enforce" if ended["step"] == "snapshot_volumes" or run["policy"].get("prune") else "plan"
    return {**ended, "mode": ended.get("mode") or mode}


def _step(papers: Papers, step: str, ended: Mapping[str, Any], prefix: str, keys: frozenset[str], gone: set[str]) -> StepReport:
    home = f"{prefix}{step}/"
    outcomes: dict[str, Became] = {}
    for key in sorted(key for key in keys if key.startswith(f"{home}outcomes/")):
        for document in papers.lines(key):
            outcome = outcome_from_json(document)
            outcomes[outcome.resource_id] = became(outcome)
            if outcome.result in AWAY:
                gone.add(outcome.resource_id)
    plan_key = f"{home}plan.jsonl.gz"
    if plan_key not in keys:
        return step_report(step, ended, (), outcomes)
    stops = [papers.json(key) for key in sorted(keys) if key.startswith(f"{home}stop-")]
    reasons = {len(stop["resource_ids"]): str(stop["reason"]) for stop in stops}
    lines = map(plan_line_from_json, papers.lines(plan_key))
    return step_report(step, ended, lines, outcomes, plan_key, reasons)


def _fleet(
    papers: Papers, cluster_name: str, run: Mapping[str, Any], prefix: str, prices: Prices, gone: frozenset[str]
) -> tuple[Fleet, list[str]]:
    swept = papers.cluster(prefix)
    tally = FleetTally(cluster_name, policy_from_json(run["policy"]), prices, gone)
    for volume in papers.volumes(prefix, swept.volume_pages):
        tally.add_volume(volume)
    for snapshot in papers.snapshots(prefix, swept.snapshot_pages, _Unshared()):
        tally.add_snapshot(snapshot)
    problems = [f"The cluster could not be asked for its claims: {swept.claims_unknown}"] if swept.claims_unknown else []
    return tally.finish(swept.inventory.claims, swept.inventory.persistent_volume_ids), problems


def _warnings(papers: Papers, prefixes: Mapping[str, str], keys: Mapping[str, frozenset[str]]) -> Listing:
    tally = Tally()
    for step, prefix in prefixes.items():
        key = f"{prefix}{step}/warnings.jsonl.gz"
        if key in keys[step]:
            for warning in map(warning_from_json, papers.lines(key)):
                tally.add(Item(warning.snapshot_id, warning.reason, None, warning.claim_name))
    return tally.listing()
