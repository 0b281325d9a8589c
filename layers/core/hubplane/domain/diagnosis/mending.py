"""What may be mended without a person, of what a diagnosis proposes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hubplane.domain.diagnosis.policy import MENDABLE, DiagnosisPolicy


class Proposed(NamedTuple):
    """``mends``: {machine, input, check}, each once, in the order of the findings. ``held_back``: why another one waits."""

    mends: tuple[dict[str, Any], ...]
    held_back: tuple[str, ...]


def proposals(findings: Iterable[Mapping[str, Any]], policy: DiagnosisPolicy, cluster_name: str) -> Proposed:
    """The mends that the policy allows; only those of this very cluster, whatever a finding says."""
    mends: list[dict[str, Any]] = []
    held_back: list[str] = []
    for finding in findings:
        mend = finding.get("mend")
        if not mend or any(mend["machine"] == known["machine"] for known in mends):
            continue
        if mend["machine"] not in policy.mend or mend["machine"] not in MENDABLE:
            held_back.append(f"{mend['machine']}, which would mend {finding['check']}, is not in diagnosis.mend of the cluster")
        elif dict(mend["input"]) == {"cluster_name": cluster_name}:
            mends.append({"machine": mend["machine"], "input": dict(mend["input"]), "check": finding["check"]})
    return Proposed(tuple(mends), tuple(dict.fromkeys(held_back)))
