"""``schema.json`` at work: shape, single values and defaults of the typed form."""

from __future__ import annotations

import copy
import json
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from jsonschema.exceptions import ValidationError
from jsonschema.validators import Draft202012Validator, extend

from hubplane.domain.cluster_spec.faults import ABSENT, Finding, Path
from hubplane.domain.cluster_spec.formats import FORMATS
from hubplane.domain.cluster_spec.secrecy import names_a_secret
from hubplane.domain.cluster_spec.secret_values import refused_secret

SCHEMA: Final[dict[str, Any]] = json.loads(pathlib.Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))

# What the secret of a field is called in Secrets Manager: hubplane/<cluster>/<this>.
SECRET_NAMES: Final[Mapping[Path, str]] = {
    ("oauth", "client_id_secret_arn"): "oauth-client-id",
    ("oauth", "client_secret_secret_arn"): "oauth-client-secret",
}


def _whole_pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    """``^…$`` as JSON Schema means it: Python's own ``$`` lets a trailing newline through."""
    if isinstance(instance, str) and not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), instance):
        yield ValidationError("does not match")


def _hubplane_format(_: Any, name: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    complaint = FORMATS[name](instance) if isinstance(instance, str) else None
    if complaint is not None:
        yield ValidationError(complaint)


_VALIDATOR: Final = extend(Draft202012Validator, {"pattern": _whole_pattern, "format": _hubplane_format})(SCHEMA)  # type: ignore[no-untyped-call]


def shape_findings(document: Any, suggest: Callable[[Path, str], str]) -> list[Finding]:
    """Every way in which a plain JSON document is not of the schema's shape, at most one per place.

    ``suggest`` gets the object's place and a name that it does not have, and says what was probably meant.
    """
    found: dict[Path, Finding] = {}
    for error in _VALIDATOR.iter_errors(document):
        for finding in _findings(error, document, suggest):
            found.setdefault(finding.path, finding)
    return list(found.values())


def _findings(error: ValidationError, document: Any, suggest: Callable[[Path, str], str]) -> Iterator[Finding]:
    path: Path = tuple(error.absolute_path)
    schema: Any = error.schema
    rule = schema.get("x-rule", "must be an object: see the published schema")
    instance: Any = error.instance
    if "propertyNames" in error.absolute_schema_path:
        yield Finding(
            (*path, instance), _at(document, (*path, instance)), _joined(rule, error.message), hide=names_a_secret(instance)
        )
    elif error.validator == "additionalProperties":
        for name in (name for name in instance if name not in schema["properties"]):
            yield Finding((*path, name), instance[name], suggest(path, name), hide=names_a_secret(name))
    elif error.validator == "required":
        for name in (name for name in schema["required"] if name not in instance):
            yield Finding((*path, name), ABSENT, f"is required; {schema['properties'][name]['x-rule']}")
    elif error.validator == "uniqueItems":
        yield Finding(path, _first_twice(instance), _joined(rule, "this one stands there twice"))
    elif schema.get("format") == "hubplane-secret-arn":
        yield refused_secret(path, instance, cluster=document.get("cluster_name"), secret=SECRET_NAMES[path])
    elif error.validator == "type":
        yield Finding(path, instance, _joined(rule, _about_type(instance, schema)), hide=_under_telling_name(path))
    else:
        yield Finding(
            path, instance, _joined(rule, error.message if error.validator == "format" else ""), hide=_under_telling_name(path)
        )


def _joined(rule: str, detail: str) -> str:
    return f"{rule}; {detail}" if detail else rule


def _under_telling_name(path: Path) -> bool:
    """Tags and labels are named by people: one called ``DbPassword`` is hidden whatever it holds."""
    return len(path) > 1 and path[-2] in ("tags", "labels") and names_a_secret(str(path[-1]))


def _first_twice(items: list[Any]) -> Any:
    return next(item for index, item in enumerate(items) if item in items[:index])


def _at(document: Any, path: Path) -> Any:
    for part in path:
        document = document[part]
    return document


def _about_type(instance: Any, schema: Mapping[str, Any]) -> str:
    """The usual slips between YAML's types."""
    wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    number = isinstance(instance, int | float) and not isinstance(instance, bool)
    slips = (
        (instance is None, "leave the field out for its default" if "default" in schema else "null says nothing"),
        (isinstance(instance, bool) and "integer" in wanted, "true and false are no numbers"),
        (
            isinstance(instance, str) and "integer" in wanted and re.fullmatch("[0-9]{1,9}", instance),
            "write the digits without quotes",
        ),
        (
            number and schema.get("format") == "hubplane-kubernetes-version",
            "without quotes YAML reads 1.30 as the number 1.3: write '1.30'",
        ),
        ((number or isinstance(instance, bool)) and "string" in wanted, "write it in quotes"),
        (isinstance(instance, str) and "array" in wanted, "write a list, even of one item"),
    )
    return next((hint for applies, hint in slips if applies), "")


def with_defaults(document: Any) -> Any:
    """A copy of a document in which every default of the schema is filled in; what is not of its shape stays as it is."""
    return _filled(copy.deepcopy(document), SCHEMA)


def _filled(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        for name, child in schema.get("properties", {}).items():
            if name not in value and "default" in child:
                value[name] = copy.deepcopy(child["default"])
            if name in value:
                value[name] = _filled(value[name], child)
    elif isinstance(value, list) and "items" in schema:
        return [_filled(item, schema["items"]) for item in value]
    return value


def properties_by_path() -> Mapping[str, Mapping[str, Any]]:
    """Every property of the typed form by its dotted path, ``[]`` standing for the items of a list, in the schema's order."""
    return dict(_walk(SCHEMA, ""))


def _walk(schema: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, child in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield path, child
        yield from _walk(child, f"{path}.")
        if "properties" in child.get("items", {}):
            yield from _walk(child["items"], f"{path}[].")
