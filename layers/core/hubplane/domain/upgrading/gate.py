"""The gate before each step: everything that speaks against going on, at once. What is not known is against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from hubplane.domain.releases.autoscaler_values import AUTOSCALER_IMAGES
from hubplane.domain.storage.copies import is_good_copy
from hubplane.domain.storage.proof import find_proof
from hubplane.domain.storage.records import Volume
from hubplane.domain.storage.view import StorageView
from hubplane.domain.storage.wording import minute
from hubplane.domain.upgrading.draining import Drains, drain_notes, held_drains, unseen_drains
from hubplane.domain.upgrading.present import Insight, Present, minor

__all__ = ["Gate", "GateFacts", "gate_to_json", "judge_gate", "unproved"]

NIGHT: Final = timedelta(hours=26)
"""A snapshot not older than this is of last night: a day, and two hours for a night that ran late."""

SHOWN: Final = 5
"""Volumes that a reason names; the others are counted."""

FRESH: Final = timedelta(hours=25)
"""EKS looks at every cluster each 24 hours (EKS User Guide, "View cluster insights")."""


NO_DRAINS: Final = Drains()


@dataclass(frozen=True)
class GateFacts:
    """What was gathered for one step to ``to_version``.

    ``finishes``: the step makes whole what an interrupted upgrade left. ``diagnosis``: the result of ``diagnose_cluster``.
    ``busy``: who else works on the cluster, its storage or a home, in sentences. ``refresh``: how the refresh of the insights
    went (COMPLETED, FAILED, IN_PROGRESS; None: none was asked for). ``unproved``: of the cluster's
    ``volumes`` those without a fresh copy.
    ``missing_addons``: add-ons without a version for ``to_version``. ``rolls``: the node groups whose nodes the step replaces;
    ``drains``: what that would end or be held up by.
    """

    cluster_name: str
    to_version: str
    present: Present
    diagnosis: Mapping[str, Any]
    insights: tuple[Insight, ...]
    refresh: str | None
    unproved: tuple[str, ...]
    volumes: int
    missing_addons: tuple[str, ...]
    busy: tuple[str, ...]
    now: datetime
    finishes: bool = False
    rolls: tuple[str, ...] = ()
    drains: Drains = NO_DRAINS


@dataclass(frozen=True, slots=True)
class Gate:
    """``against``: why not, one sentence each with what to do; none: the gate is open. ``notes`` are worth knowing."""

    against: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether the step may begin."""
        return not self.against


def judge_gate(facts: GateFacts) -> Gate:
    """The gate of one step.

    What a diagnosis or EKS finds in a cluster that was left half-upgraded may be just that, and the build is what mends it:
    before a step that finishes, it is told and closes nothing.
    """
    found = [*_diagnosis(facts.diagnosis), *_insights(facts), *unseen_drains(facts.drains, facts.rolls)]
    against = [*facts.busy, *_state(facts), *([] if facts.finishes else found), *_missing(facts), *_proof(facts)]
    against += held_drains(facts.drains, facts.rolls)
    return Gate(tuple(against), (*(found if facts.finishes else ()), *_notes(facts)))


def gate_to_json(gate: Gate | None, to_version: str) -> dict[str, Any]:
    """As the machine carries it, with a sentence that says all. None: EKS has not looked yet, and nothing was judged."""
    said = "open" if gate and gate.is_open else f"closed: {'; '.join(gate.against)}" if gate else ""
    return {
        "ready": gate is not None,
        "open": gate is not None and gate.is_open,
        "against": list(gate.against) if gate else [],
        "notes": list(gate.notes) if gate else [],
        "changes": [],
        "reason": f"the gate before Kubernetes {to_version} is {said}"
        if gate
        else "EKS looks for what speaks against the upgrade",
    }


def unproved(view: StorageView, volumes: Sequence[Volume]) -> tuple[str, ...]:
    """The volumes without a completed snapshot since their last use or of last night, one sentence each."""
    return tuple(sentence for volume in volumes if (sentence := _why_unproved(view, volume)) is not None)


def _why_unproved(view: StorageView, volume: Volume) -> str | None:
    if find_proof(view, volume)[0] is not None:
        return None
    ours = view.inventory.account_id
    good = [
        item
        for item in view.snapshots_of_volume.get(volume.volume_id, ())
        if is_good_copy(item, ours) and item.size_gib >= volume.size_gib
    ]
    newest = max(good, key=lambda item: item.started_at, default=None)
    name = view.volume_facts[volume.volume_id].claim_name or volume.volume_id
    if newest is None:
        return f"{name}: no completed snapshot of {volume.volume_id}"
    # A volume that somebody has now is in use until now: only the last night can count.
    if newest.started_at >= view.now - NIGHT or (not volume.attached and newest.started_at >= view.last_use_of(volume)):
        return None
    return f"{name}: {newest.snapshot_id} of {minute(newest.started_at)} is older than last night and than the last use"


def _state(facts: GateFacts) -> Iterator[str]:
    if facts.present.status != "ACTIVE":
        yield f"EKS calls the cluster {facts.present.status}: wait until it is ACTIVE"
    for group in facts.present.groups:
        if group.status != "ACTIVE":
            yield f"EKS calls node group {group.name} {group.status}: wait until it is ACTIVE, or mend it"


def _diagnosis(diagnosis: Mapping[str, Any]) -> Iterator[str]:
    if diagnosis.get("healthy") is True:
        return
    grave = [item for item in diagnosis.get("findings") or () if item.get("severity") != "notice"]
    for item in grave:
        yield f"diagnose_cluster, {item.get('severity')}: {item.get('sentence')} Mend it: {item.get('runbook')}"
    if not grave:
        yield f"diagnose_cluster does not call the cluster healthy: {diagnosis.get('reason') or 'it said nothing'}"


def _insights(facts: GateFacts) -> Iterator[str]:
    if facts.refresh == "FAILED":
        yield "EKS could not refresh its upgrade insights: start the upgrade again in a while"
    elif facts.refresh == "IN_PROGRESS":
        yield "EKS has not finished refreshing its upgrade insights in time: start the upgrade again in a while"
    if not facts.insights:
        yield "EKS has no upgrade insight for this cluster, so nobody has looked for API versions that go: try again in a day"
        return
    for insight in facts.insights:
        if _concerns(insight, facts.to_version):
            why = _why_insight(insight, facts)
            if why is not None:
                advice = f" {insight.recommendation}" if insight.recommendation else ""
                yield f"EKS insight {insight.name} ({insight.insight_id}): {why}{advice}"


def _concerns(insight: Insight, to_version: str) -> bool:
    return insight.kubernetes_version is None or minor(insight.kubernetes_version) <= minor(to_version)


def _why_insight(insight: Insight, facts: GateFacts) -> str | None:
    """Why an insight closes the gate. A WARNING does where an API version that is called goes with this step."""
    gone = [f"{usage} goes in {version}" for usage, version in insight.gone_in if minor(version) <= minor(facts.to_version)]
    if gone:
        return f"still called: {'; '.join(gone)}."
    if insight.status not in ("PASSING", "WARNING"):
        return f"{insight.status}, {insight.reason}"
    if insight.refreshed_at is None or facts.now - insight.refreshed_at > FRESH:
        looked = minute(insight.refreshed_at) if insight.refreshed_at else "never"
        return f"EKS looked last at {looked}, which is too long ago to count."
    return None


def _missing(facts: GateFacts) -> Iterator[str]:
    if facts.to_version not in AUTOSCALER_IMAGES:
        yield (
            f"no image of the cluster autoscaler is known for Kubernetes {facts.to_version}, whose minor version it has to have: "
            "add it to AUTOSCALER_IMAGES (domain/releases/autoscaler_values) and deploy Hubplane again"
        )
    for name in facts.missing_addons:
        yield f"EKS offers no version of add-on {name} for Kubernetes {facts.to_version}: wait until it does"


def _proof(facts: GateFacts) -> Iterator[str]:
    if facts.unproved:
        more = f"; and {len(facts.unproved) - SHOWN} more" if len(facts.unproved) > SHOWN else ""
        yield (
            f"{len(facts.unproved)} of {facts.volumes} volumes without a fresh copy ({'; '.join(facts.unproved[:SHOWN])}{more}): "
            f"run `hubplane snapshot-volumes {facts.cluster_name} --mode enforce`"
        )


def _notes(facts: GateFacts) -> Iterator[str]:
    for insight in facts.insights:
        if insight.status == "WARNING":
            yield f"EKS warns: {insight.name}: {insight.reason}"
    if facts.refresh is None:
        yield "EKS's insights were read as they are; enforce has EKS look again first"
    yield from drain_notes(facts.drains, facts.rolls)
    copied = facts.volumes - len(facts.unproved)
    yield f"volumes with a completed snapshot since their last use or of last night: {copied} of {facts.volumes}"
