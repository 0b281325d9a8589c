"""Runs the table of checks over the facts, and says what could not be looked at. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hubplane.domain.diagnosis.checks import CHECKS
from hubplane.domain.diagnosis.facts import ClusterFacts
from hubplane.domain.diagnosis.findings import SEVERITIES, Finding, finding_to_json, in_order

__all__ = ["diagnose", "diagnosis_to_json"]

MOST_FINDINGS = 25

# By design, on every cluster: docs/decisions/0061.
ALWAYS_UNSEEN = (
    "how full the disk inside a running server is: only the kubelet knows, and whoever may ask it (nodes/proxy) may run "
    "commands in every pod, so a full home is seen by what fails on it",
)


def diagnose(facts: ClusterFacts) -> tuple[Finding, ...]:
    """All findings, the gravest first. A check one of whose aspects is unknown does not run; each reason is a finding."""
    findings: list[Finding] = []
    for reason in dict.fromkeys(facts.unknown.values()):
        aspects = [aspect for aspect, why in facts.unknown.items() if why == reason]
        blind = [check.name for check in CHECKS if not set(aspects).isdisjoint(check.needs)]
        not_checked = f", so not checked: {', '.join(blind)}" if blind else ""
        what = ", ".join(aspect.replace("_", " ") for aspect in aspects)
        sentence = f"Could not be looked at: {what}{not_checked}."
        findings.append(Finding("unknown", "unknown", sentence, (reason,), "diagnose-cluster"))
    for check in CHECKS:
        if not any(aspect in facts.unknown for aspect in check.needs):
            findings += _bounded(check.name, tuple(check.judge(facts)))
    return in_order(tuple(findings))


def _bounded(name: str, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """At most ``MOST_FINDINGS`` of one check: a result ends at 256 KiB, and a person starts with the first in any case."""
    if len(found) <= MOST_FINDINGS:
        return found
    left = len(found) - MOST_FINDINGS
    sentence = f"{left} more findings of check {name} are of the same kind: mend these first, then look again."
    return (*found[:MOST_FINDINGS], Finding(name, found[0].severity, sentence, (), "diagnose-cluster"))


def unseen(facts: ClusterFacts) -> list[str]:
    """What this diagnosis does not see although nothing failed, in sentences for a person."""
    said = [*ALWAYS_UNSEEN]
    if not facts.in_reach:
        cidr = facts.spec.network.load_balancer_cidr
        said.append(f"the hub's answers: its load balancer lets in {cidr} only, and the health of its targets stands for them")
    return said


def diagnosis_to_json(facts: ClusterFacts, findings: tuple[Finding, ...]) -> dict[str, Any]:
    """The result of a diagnosis: ``findings`` in order, ``counts`` by severity, ``healthy``, ``unseen`` and ``reason``.

    ``healthy`` is true where nothing is wrong and nothing is unknown; notices do not count.
    """
    counts = Counter(finding.severity for finding in findings)
    listed = [f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity]]
    ran = sum(1 for check in CHECKS if not any(aspect in facts.unknown for aspect in check.needs))
    reason = f"{ran} of {len(CHECKS)} checks ran on {len(facts.nodes)} nodes and {len(facts.claims)} claims: "
    return {
        "healthy": not any(counts[severity] for severity in ("critical", "warning", "unknown")),
        "findings": [finding_to_json(finding) for finding in findings],
        "counts": {severity: counts[severity] for severity in SEVERITIES},
        "unseen": unseen(facts),
        "reason": reason + (", ".join(listed) if listed else "nothing is wrong"),
    }
