"""What a change set would do to the people on the cluster, and whether one of them has to be asked first.

Safe are additions and changes that CloudFormation makes in place. Whatever removes or replaces something, might do so, or is
not understood here, waits for a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hubplane.domain.cluster_stack.change_set import ResourceChange
from hubplane.domain.cluster_stack.remaking import forgets_what_was_remade
from hubplane.domain.cluster_stack.wording import (
    consequence_of_loss,
    consequence_of_remaking,
    differences,
    lowered_maximum,
    named,
    property_consequence,
)

VerdictKind = Literal["none", "safe", "needs_approval"]

SAFE_ATTRIBUTES = frozenset({"Properties", "Metadata", "Tags"})

# Taken over from an earlier cluster of the same name; nothing else of ours outlives a stack.
ADOPTED_TYPES = frozenset({"AWS::Logs::LogGroup"})

# Far under 256 KiB of Step Functions state, together with whatever else the execution carries.
MOST_SENTENCES = 40
LONGEST_SENTENCE = 400


@dataclass(frozen=True)
class Verdict:
    """``changes``: one sentence per change, those that need a person first. ``reasons``: why a person has to be asked."""

    kind: VerdictKind
    reasons: tuple[str, ...]
    changes: tuple[str, ...]


@dataclass(frozen=True)
class _Judged:
    sentence: str
    why_ask: str | None = None


def classify_change_set(
    changes: Iterable[ResourceChange],
    deployed: Mapping[str, Any] | None = None,
    wanted: Mapping[str, Any] | None = None,
    *,
    is_drift_aware: bool = False,
) -> Verdict:
    """The verdict on a change set. The two templates, where given, let the sentences name things and tell old and new values.

    ``safe`` only if every single change is known to be; ``none`` without changes. ``is_drift_aware``: the deployed template does
    not tell what there is, so a node group that gets other sizes may lose servers.
    """
    judged = [_judge(change, deployed or {}, wanted or {}, is_drift_aware=is_drift_aware) for change in changes]
    reasons = tuple(item.why_ask for item in judged if item.why_ask is not None)
    ordered = sorted(judged, key=lambda item: item.why_ask is None)
    kind: VerdictKind = "needs_approval" if reasons else "safe" if judged else "none"
    return Verdict(kind, reasons, tuple(item.sentence for item in ordered))


def capped(sentences: Iterable[str], where_to_read_more: str, most: int = MOST_SENTENCES) -> list[str]:
    """At most ``most`` sentences of ``LONGEST_SENTENCE`` characters; the last one tells how many more there are."""
    every = [text if len(text) <= LONGEST_SENTENCE else text[: LONGEST_SENTENCE - 1] + "…" for text in sentences]
    if len(every) <= most:
        return every
    return [*every[: most - 1], f"and {len(every) - most + 1} more: read them in {where_to_read_more}"]


def _judge(change: ResourceChange, deployed: Mapping[str, Any], wanted: Mapping[str, Any], *, is_drift_aware: bool) -> _Judged:
    thing = named(change, wanted, deployed)
    if change.action in ("Add", "SyncWithActual"):
        # The latter: "resource will not be changed, only CloudFormation metadata will change" (API reference, ResourceChange).
        synced = f"notes what {thing} is already ({_changed(change, deployed, wanted)}) and changes nothing of it"
        return _Judged(f"creates {thing}" if change.action == "Add" else synced)
    if change.action == "Import":
        sentence = f"takes over {thing}, which exists already"
        return _Judged(sentence, None if change.resource_type in ADOPTED_TYPES else f"{thing} belongs to somebody else so far")
    if change.action == "Remove":
        return _judge_removal(change, thing, wanted)
    if change.action == "Modify":
        return _judge_modification(change, thing, deployed, wanted, is_drift_aware=is_drift_aware)
    return _ask(f"does something to {thing} that CloudFormation calls {change.action or 'nothing'}", change)


def _judge_removal(change: ResourceChange, thing: str, wanted: Mapping[str, Any]) -> _Judged:
    if change.policy_action == "Retain":
        return _Judged(f"lets go of {thing}, which stays in the account", f"{thing} would no longer be looked after")
    if forgets_what_was_remade(change.logical_id, wanted):
        return _Judged(f"forgets {thing}, which somebody removed: {consequence_of_remaking(change)}")
    return _ask(f"removes {thing}", change)


def _judge_modification(
    change: ResourceChange, thing: str, deployed: Mapping[str, Any], wanted: Mapping[str, Any], *, is_drift_aware: bool
) -> _Judged:
    what = _changed(change, deployed, wanted)
    if change.replacement == "True":
        return _ask(f"replaces {thing} ({what})", change)
    if change.replacement != "False" or any(detail.recreation not in {"Never", None} for detail in change.details):
        return _ask(f"may replace {thing} ({what})", change)
    unknown = {*change.scope, *(detail.attribute for detail in change.details)} - SAFE_ATTRIBUTES
    if unknown:
        return _ask(f"changes {', '.join(sorted(unknown))} of {thing}", change)
    consequence = "; ".join(_consequences(change))
    sentence = f"changes {thing} in place ({what}){': ' + consequence if consequence else ''}"
    lower = lowered_maximum(change, {} if is_drift_aware else deployed, wanted)
    if lower:
        return _Judged(sentence, f"{thing} may have {lower}: servers beyond that are stopped, with whoever works on them")
    return _Judged(sentence)


def _ask(sentence: str, change: ResourceChange) -> _Judged:
    text = f"{sentence}: {consequence_of_loss(change)}"
    return _Judged(text, text)


def _changed(change: ResourceChange, deployed: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    names = dict.fromkeys(detail.name or detail.attribute for detail in change.details)
    parts = [differences(name, change.logical_id, deployed, wanted) for name in names] or [", ".join(change.scope)]
    return "; ".join(part for part in parts if part) or "CloudFormation does not say what"


def _consequences(change: ResourceChange) -> list[str]:
    found = (property_consequence(change.resource_type, detail.name) for detail in change.details if detail.name)
    return list(dict.fromkeys(text for text in found if text))
