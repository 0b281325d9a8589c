"""From untrusted input to a ``ClusterSpec``: the only way. Every fault is found in one go.

Two forms of input, of which exactly one is given::

    {"cluster_name": "opensarlab", "parameters": {"VpcId": "vpc-4da21e37", ...}}   the 2019 names, all strings
    {"cluster_name": "opensarlab", "spec": {...} or "YAML or JSON text"}           the typed form of schema.json
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from hubplane.domain.cluster_spec import rules
from hubplane.domain.cluster_spec.faults import Fault, Finding
from hubplane.domain.cluster_spec.inputs import TypedInput, read_input
from hubplane.domain.cluster_spec.model import ClusterSpec, spec_from_json
from hubplane.domain.cluster_spec.naming import fault, suggest_typed
from hubplane.domain.cluster_spec.schema import shape_findings, with_defaults
from hubplane.domain.errors import SpecInvalid

# Step Functions keeps 32,768 characters of an error's cause (API_TaskFailedEventDetails), and Lambda wraps the message in JSON.
LONGEST_MESSAGE: Final = 24_000


@dataclass(frozen=True, slots=True)
class ValidatedSpec:
    """A sound specification, and sentences that its owner should read."""

    spec: ClusterSpec
    notes: tuple[str, ...]


def validate(document: Any, today: date | None = None) -> ValidatedSpec:
    """The specification in ``document``, every default filled in. Pure: the same document and day give the same answer.

    With ``today``, a Kubernetes version that EKS has ended is refused and one on extended support noted.
    Raises ``SpecInvalid`` and nothing else: one line per fault, ``field = value: rule``, and all of them in ``faults``.
    No message, note or result holds a secret.
    """
    if not isinstance(document, dict):
        raise _invalid([Fault("input", "(no object)", "must be an object with cluster_name and either parameters or spec")])
    typed = read_input(document)
    filled = with_defaults(typed.document)
    found = _found(typed, filled, today)
    if found:
        raise _invalid([fault(finding, typed.naming) for finding in found])
    return ValidatedSpec(spec_from_json(filled), (*typed.notes, *rules.notes(filled, typed.naming.field, today)))


def _found(typed: TypedInput, filled: dict[str, Any], today: date | None) -> list[Finding]:
    """All findings, each rule only where the simpler ones left a sound value."""
    shape = shape_findings(typed.document, suggest_typed)
    if not typed.complete:
        shape = [finding for finding in shape if finding.path == ("cluster_name",)]
    found = _and_where_sound(typed.found, shape)
    found = _and_where_sound(found, typed.leaked)
    return _and_where_sound(found, rules.cross_findings(filled, typed.naming.field, today) if typed.complete else ())


def _and_where_sound(found: Sequence[Finding], more: Iterable[Finding]) -> list[Finding]:
    """``found`` and those of ``more`` that lie neither at nor below a place in it."""
    broken = {finding.path for finding in found}
    return [*found, *(item for item in more if not any(item.path[:length] in broken for length in range(len(item.path) + 1)))]


def _invalid(faults: Sequence[Fault]) -> SpecInvalid:
    """The error that lists the faults; only what no longer fits a message is counted instead."""
    lines = [f"the specification has {len(faults)} fault{'s' * (len(faults) != 1)}:"]
    room = LONGEST_MESSAGE
    for index, item in enumerate(faults):
        room -= len(str(item)) + 1
        if room < 0:
            lines.append(f"… and {len(faults) - index} more: mend these first")
            break
        lines.append(str(item))
    return SpecInvalid("\n".join(lines), faults)
