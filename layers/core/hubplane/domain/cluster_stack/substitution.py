"""Values in the place of a template's parameters.

``Ref: Name`` becomes the value, ``${Name}`` becomes its text, in strings under ``Fn::Sub`` and in keys. Everything else,
references between resources and AWS pseudo parameters included, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")


class Absent:
    """The value of a parameter that has none: whatever refers to it directly is left out, as with AWS::NoValue."""


ABSENT = Absent()


def substitute(node: Any, values: Mapping[str, Any]) -> Any:
    """A copy of ``node`` with the values in place; a key whose value refers to an absent one is left out.

    A ``Fn::Sub`` without a remaining placeholder becomes plain text: CloudFormation takes over existing resources only
    where their name is written as text (CreateChangeSet, ImportExistingResources).
    """
    if isinstance(node, list):
        return [value for item in node if not isinstance(value := substitute(item, values), Absent)]
    if not isinstance(node, dict):
        return node
    if node.keys() == {"Ref"} and node["Ref"] in values:
        return _copy(values[node["Ref"]])
    if node.keys() == {"Fn::Sub"} and isinstance(node["Fn::Sub"], str):
        return _substitute_text(node["Fn::Sub"], values)
    replaced = {_fill(key, values): substitute(value, values) for key, value in node.items()}
    return {key: value for key, value in replaced.items() if not isinstance(value, Absent)}


def rename(node: Any, names: Mapping[str, str]) -> Any:
    """A copy of ``node`` in which ``Ref`` and ``Fn::GetAtt`` point to the new logical ids; ``Fn::Sub`` and ``DependsOn`` stay."""
    if isinstance(node, list):
        return [rename(item, names) for item in node]
    if not isinstance(node, dict):
        return node
    if node.keys() == {"Ref"}:
        return {"Ref": names.get(node["Ref"], node["Ref"])}
    if node.keys() == {"Fn::GetAtt"}:
        logical_id, *attribute = node["Fn::GetAtt"]
        return {"Fn::GetAtt": [names.get(logical_id, logical_id), *attribute]}
    return {key: rename(value, names) for key, value in node.items()}


def _substitute_text(text: str, values: Mapping[str, Any]) -> Any:
    left_for_cloudformation = {name for name in PLACEHOLDER.findall(text) if name not in values}
    filled = _fill(text, values, escape=bool(left_for_cloudformation))
    return {"Fn::Sub": filled} if left_for_cloudformation else filled


def _fill(text: str, values: Mapping[str, Any], *, escape: bool = False) -> str:
    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            return match.group(0)
        # A value that looks like a placeholder stays text: ${!x} is how Fn::Sub writes ${x}.
        return str(values[name]).replace("${", "${!") if escape else str(values[name])

    return PLACEHOLDER.sub(value_of, text)


def _copy(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else value
