"""What is wrong with a specification, and how a value is shown without giving a secret away."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hubplane.domain.cluster_spec.secrecy import may_be_secret

Path = tuple[str | int, ...]

LONGEST_VALUE: Final = 80
HIDDEN: Final = "(hidden)"
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Absent:
    """Stands for a field that was not given; None is a value."""

    def __repr__(self) -> str:
        return "(missing)"


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule: the field as the person typed it, its value as it may be shown, and what it has to be instead."""

    field: str
    value: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field} = {self.value}: {self.rule}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault before it is put into the words of the form that was used: where in the typed document, and what was found."""

    path: Path
    value: Any = field(repr=False)
    rule: str
    hide: bool = False


def path_text(path: Sequence[str | int]) -> str:
    """``node_groups[0].labels["a/b"]``; names that look like secrets are hidden."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_NAME.fullmatch(part) and not may_be_secret(part) and len(part) <= LONGEST_VALUE:
            text += f".{part}" if text else part
        else:
            text += f"[{shown(part)}]" if text else shown(part)
    return text


def shown(value: Any, *, hide: bool = False) -> str:
    """The value on one line of some 80 characters. Secrets, what looks like one, and what lists and objects hold stay out."""
    if isinstance(value, dict | list):
        return f"({'a list' if isinstance(value, list) else 'an object'} of {len(value)})"
    if isinstance(value, str):
        return HIDDEN if hide or may_be_secret(value) else _shortened(_quoted(value))
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int) and value.bit_length() > 4 * LONGEST_VALUE:
        return "(a number of more than 90 digits)"
    return HIDDEN if hide and value is not ABSENT else _shortened(str(value))


def _quoted(text: str) -> str:
    """JSON's form, but letters of every script stay readable."""
    head = text[: LONGEST_VALUE + 1]
    return '"' + "".join(mark if mark.isprintable() and mark not in '"\\' else json.dumps(mark)[1:-1] for mark in head) + '"'


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE + 2 else f"{text[: LONGEST_VALUE - 3]}…"
