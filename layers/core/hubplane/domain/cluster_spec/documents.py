"""From what was typed to a plain JSON document: text is read strictly, and what no field could hold is taken out and reported.

YAML is read by the core schema of YAML 1.2 without its surprises: no dates, no ``yes``/``no``, no octal or base-60
numbers; no anchors, tags or merge keys; a name given twice is refused. Messages tell the line, never the text.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import yaml

from hubplane.domain.cluster_spec.faults import Finding, Path

LONGEST_TEXT: Final = 256 * 1024  # Step Functions' limit for an execution's input
LONGEST_STRING: Final = 2048  # the longest field is an ARN; patterns are not run on more
DEEPEST: Final = 12  # the specification itself needs 5, and its schema says what is wrong from there on

_CORE = "tag:yaml.org,2002:"


class TextRefused(Exception):
    """The text is no single YAML or JSON document; the message says where, and repeats none of it."""


def parse(text: str) -> Any:
    """The document in a YAML or JSON text. Raises ``TextRefused``."""
    if len(text) > LONGEST_TEXT:
        raise TextRefused(f"the text is longer than {LONGEST_TEXT // 1024} KiB")
    try:
        return _yaml(text) if not text.lstrip().startswith("{") else _json(text)
    except RecursionError:
        raise TextRefused("lists and objects are nested too deep") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError:
        return _yaml(text)  # {a: b} is YAML too
    except ValueError:
        raise TextRefused("a number has too many digits") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise TextRefused("an object has the same name twice; keep one of them")
    return found


def _refuse_constant(_: str) -> Any:
    raise TextRefused("NaN and Infinity are no values")


class _CoreLoader(yaml.SafeLoader):
    """Composes nodes only; refuses aliases and tags, which no specification needs and which can hide how large it is."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (the base class has it as an instance's)

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise TextRefused(f"{_where(event.start_mark)}: anchors and aliases (& and *) are not accepted; write the value out")
        if getattr(event, "tag", None) is not None:
            raise TextRefused(f"{_where(event.start_mark)}: tags (!) are not accepted; write the plain value")
        return super().compose_node(parent, index)


for _kind, _pattern, _first_marks in (
    ("null", r"(?:~|null|Null|NULL|)", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _CoreLoader.add_implicit_resolver(f"{_CORE}{_kind}", re.compile(rf"^(?:{_pattern})\Z"), _first_marks)


def _yaml(text: str) -> Any:
    try:
        return _value(_CoreLoader(text).get_single_node())
    except yaml.MarkedYAMLError as error:
        # The parser's own words may quote the text.
        problem = re.sub(r"'[^']*'|\"[^\"]*\"", "…", error.problem or "no single document")
        raise TextRefused(f"{_where(error.problem_mark)}: {problem[:120]}") from None
    except yaml.YAMLError:
        raise TextRefused("the text holds characters that YAML does not allow") from None


def _where(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else "the text"


def _value(node: Any) -> Any:
    if node is None:
        return None
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node)
    return _scalar(node)


def _mapping(node: yaml.MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _value(key_node)
        if not isinstance(key, str):
            raise TextRefused(f"{_where(key_node.start_mark)}: a name must be text; put it in quotes")
        if key in found:
            raise TextRefused(f"{_where(key_node.start_mark)}: the same name stands twice; keep one of them")
        found[key] = _value(value_node)
    return found


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    kind = node.tag.removeprefix(_CORE)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        try:
            return int(text)
        except ValueError:
            raise TextRefused(f"{_where(node.start_mark)}: a number has too many digits") from None
    return float(text) if kind == "float" else text


def plain(value: Any, path: Path = ()) -> tuple[Any, list[Finding]]:
    """A copy that holds JSON's types only, and what had to be taken out of it.

    Whole floats become integers, as JSON Schema sees them. What is too long, too deep or of another type becomes None.
    """
    findings: list[Finding] = []
    return _plain(value, path, findings), findings


def _plain(value: Any, path: Path, findings: list[Finding]) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if value is None or isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= LONGEST_STRING):
        return value
    if isinstance(value, list | dict):
        if len(path) >= DEEPEST:
            return None  # always below a place where the schema expects no list or object, and says so
        return _plain_list(value, path, findings) if isinstance(value, list) else _plain_object(value, path, findings)
    findings.append(_taken_out(value, path))
    return None


def _taken_out(value: Any, path: Path) -> Finding:
    if isinstance(value, str):
        return Finding(path, value, f"must not be longer than {LONGEST_STRING} characters; shorten it")
    return Finding(path, f"(a {type(value).__name__})", "must be one of JSON's types; write it as a string in quotes", hide=True)


def _plain_list(value: list[Any], path: Path, findings: list[Finding]) -> list[Any]:
    return [_plain(item, (*path, index), findings) for index, item in enumerate(value)]


def _plain_object(value: dict[Any, Any], path: Path, findings: list[Finding]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in value.items():
        if not isinstance(key, str) or len(key) > LONGEST_STRING:
            findings.append(Finding(path, value, "has a name that is no text or too long; put names in quotes"))
        else:
            found[key] = _plain(item, (*path, key), findings)
    return found
