"""Sound inputs in both forms, and how to break them one field at a time."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from hubplane.domain.cluster_spec.validation import ValidatedSpec, validate
from hubplane.domain.errors import SpecInvalid

ROOT = Path(__file__).parents[3]
EVENTS = ROOT / "events"
TAKEN_OUT = object()


def legacy_input() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((EVENTS / "build_cluster.json").read_text())
    return document


def typed_input() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((EVENTS / "examples" / "build_cluster.typed.json").read_text())
    return document


def secret_arn(name: str) -> str:
    return f"arn:aws:secretsmanager:us-east-1:553778890976:secret:hubplane/opensarlab/{name}-AbCdEf"


def broken(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of an input with other values at dotted places of its form, ``node_groups.0.name`` or ``VpcId``."""
    changed = copy.deepcopy(document)
    form = changed["spec"] if "spec" in changed else changed["parameters"]
    for place, value in changes.items():
        if place == "cluster_name":
            target, last = changed, place
        else:
            *path, last = place.split(".") if "spec" in changed else [place]
            target = form
            for part in path:
                target = target[int(part)] if isinstance(target, list) else target.setdefault(part, {})
        if value is TAKEN_OUT:
            del target[last]
        elif isinstance(target, list):
            target[int(last)] = value
        else:
            target[last] = value
    return changed


def refusal(document: Any, **options: Any) -> SpecInvalid:
    """The error that ``validate`` raises, whose message and faults say the same."""
    with pytest.raises(SpecInvalid) as caught:
        validate(document, **options)
    lines = str(caught.value).splitlines()
    assert lines[1:] == [str(fault) for fault in caught.value.faults]
    assert re.fullmatch(r"the specification has \d+ faults?:", lines[0])
    return caught.value


def only_fault(document: Any, **options: Any) -> str:
    """The one line of a refusal that has exactly one fault."""
    faults = refusal(document, **options).faults
    assert len(faults) == 1, [str(fault) for fault in faults]
    return str(faults[0])


def accepted(document: Any, **options: Any) -> ValidatedSpec:
    return validate(document, **options)
