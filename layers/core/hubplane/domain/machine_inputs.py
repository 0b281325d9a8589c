"""What the inputs of all state machines have in common: a fault says field, value, rule and what to do."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

__all__ = ["CONSOLE_FIELD", "is_cluster_name", "shown", "strange_fields"]

# By this field the Step Functions console links a child with its parent (Step Functions Developer Guide, "Start executions").
CONSOLE_FIELD: Final = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"
_CLUSTER_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")


def is_cluster_name(value: Any) -> bool:
    """Whether ``value`` could be a cluster's name."""
    return isinstance(value, str) and _CLUSTER_NAME.fullmatch(value) is not None


def shown(value: Any) -> str:
    """A value as a fault shows it: text in quotes, absent as such, cut after 60 characters."""
    text = "(absent)" if value is None else f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def strange_fields(document: Mapping[str, Any], fields: Collection[str]) -> Iterator[str]:
    """A fault for each field of an input that is none of ``fields``."""
    for name in document:
        if name not in fields and name != CONSOLE_FIELD:
            yield f"{shown(name)} is no field of the input; those are {', '.join(fields)}; take it out"
