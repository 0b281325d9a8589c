"""What a check says: one finding per trouble, with what a person has to know and the execution that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = ["SEVERITIES", "Finding", "Mend", "Severity", "finding_to_json", "in_order"]

Severity = Literal["critical", "warning", "notice", "unknown"]

# critical: people are kept out, or a home cannot be mounted. warning: some are, or soon will be. unknown: it could not be looked
# at. notice: nobody is kept from anything.
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "unknown", "notice")

# A finding is for a person: some lines of evidence show the kind of trouble, the others are counted.
MOST_EVIDENCE: Final = 10


@dataclass(frozen=True, slots=True)
class Mend:
    """The execution that mends a finding: the machine's name as ``restart_hub``, and its input, complete."""

    machine: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One trouble. ``sentence`` says what is wrong and what it does to people; ``evidence`` is what was seen, in the words of
    whoever said it. ``mend`` None: no execution mends it, and the page ``runbook`` (docs/runbooks) says what a person does.
    """

    check: str
    severity: Severity
    sentence: str
    evidence: tuple[str, ...]
    runbook: str
    mend: Mend | None = None


def in_order(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The gravest first; within a severity in the order in which a request travels, which is that of the table."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """The finding as the machine's result carries it."""
    shown = [*finding.evidence[:MOST_EVIDENCE]]
    if len(finding.evidence) > MOST_EVIDENCE:
        shown.append(f"… and {len(finding.evidence) - MOST_EVIDENCE} more")
    return {
        "check": finding.check,
        "severity": finding.severity,
        "sentence": finding.sentence,
        "evidence": shown,
        "mend": None if finding.mend is None else {"machine": finding.mend.machine, "input": dict(finding.mend.input)},
        "runbook": f"docs/runbooks/{finding.runbook}.md",
    }
