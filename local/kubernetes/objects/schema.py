"""The shape of every kind, read from the Kubernetes Python client's models (generated from the API's own OpenAPI document).

The models carry ``openapi_types`` and ``attribute_map``; nothing else of the client is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from kubernetes.client import models

from local.kubernetes.api.errors import bad_request
from local.kubernetes.api.resources import Resource

_LIST = re.compile(r"^list\[(.*)\]$")
_MAP = re.compile(r"^dict(?:\[str, |\(str, )(.*)[\])]$")
_QUANTITY = re.compile(r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$")
_QUANTITY_MAPS = {"requests", "limits", "capacity", "allocatable", "hard", "used", "default", "defaultRequest", "min", "max"}
_GO_NAMES = {"str": "string", "int": "int32", "bool": "bool", "float": "float64", "datetime": "string"}
_FOUND_NAMES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "number"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
)
_ODD_MODELS = {
    ("v1", "Event"): "CoreV1Event",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "V2HorizontalPodAutoscaler",
}


@cache
def fields_of(model: str) -> dict[str, str]:
    """Field name -> type of one model, as JSON names them."""
    found = getattr(models, model)
    return {found.attribute_map[name]: type_ for name, type_ in found.openapi_types.items()}


def model_of(api_version: str, kind: str) -> str | None:
    """The model's name of a kind, or None when the client has none."""
    name = _ODD_MODELS.get((api_version, kind), f"V1{kind}")
    return name if hasattr(models, name) else None


def check_shape(resource: Resource, found: Any) -> tuple[dict[str, Any], list[str]]:
    """The object without unknown fields, numbers in quantities made strings, and the paths of the unknown fields.

    Raises 400 for a value of the wrong type, in the words of a real API server's decoder.
    """
    model = model_of(resource.api_version, resource.kind)
    if model is None:
        return found, []
    unknown: list[str] = []
    try:
        kept = _walk(model, found, "", unknown)
    except _WrongType as wrong:
        what = f'{resource.kind} in version "{resource.version}"'
        raise bad_request(f"{what} cannot be handled as a {resource.kind}: {wrong.words(resource.kind)}") from wrong
    return kept, unknown


class _WrongType(Exception):
    def __init__(self, path: str, found: Any, wanted: str) -> None:
        super().__init__(path)
        self.path, self.found, self.wanted = path, found, wanted

    def words(self, kind: str) -> str:
        if self.wanted == "quantity":
            return f"quantities must match the regular expression '{_QUANTITY.pattern}'"
        name = next((name for type_, name in _FOUND_NAMES if isinstance(self.found, type_)), "object")
        where = ".".join(step for step in re.sub(r"\[[^\]]*\]", "", self.path).split(".") if step)
        return (
            f"json: cannot unmarshal {name} into Go struct field {kind}.{where} of type {_GO_NAMES.get(self.wanted, self.wanted)}"
        )


def _walk(type_: str, found: Any, path: str, unknown: list[str]) -> Any:
    if found is None or type_ == "object":
        return found
    if match := _LIST.match(type_):
        if not isinstance(found, list):
            raise _WrongType(path, found, type_)
        return [_walk(match[1], item, f"{path}[{index}]", unknown) for index, item in enumerate(found)]
    if match := _MAP.match(type_):
        return _walk_map(match[1], found, path, unknown)
    if type_ in _GO_NAMES:
        return _scalar(type_, found, path)
    if not isinstance(found, Mapping):
        raise _WrongType(path, found, type_)
    fields = fields_of(type_)
    kept: dict[str, Any] = {}
    for name, value in found.items():
        where = f"{path}.{name}" if path else name
        if name not in fields:
            unknown.append(where)
        elif where == "metadata.managedFields":
            kept[name] = value
        else:
            kept[name] = _walk(fields[name], value, where, unknown)
    return kept


def _walk_map(type_: str, found: Any, path: str, unknown: list[str]) -> Any:
    if not isinstance(found, Mapping):
        raise _WrongType(path, found, "map")
    if type_ == "str" and path.rpartition(".")[2] in _QUANTITY_MAPS:
        for value in found.values():
            if isinstance(value, bool) or not isinstance(value, str | int | float) or not _QUANTITY.match(str(value)):
                raise _WrongType(path, value, "quantity")
        return {key: str(value) for key, value in found.items()}
    return {key: _walk(type_, value, path, unknown) for key, value in found.items()}


def _scalar(type_: str, found: Any, path: str) -> Any:
    fits = {
        "str": isinstance(found, str),
        "datetime": isinstance(found, str),
        "bool": isinstance(found, bool),
        "int": (isinstance(found, int) and not isinstance(found, bool)) or (isinstance(found, float) and found.is_integer()),
        "float": isinstance(found, int | float) and not isinstance(found, bool),
    }
    if not fits[type_]:
        raise _WrongType(path, found, type_)
    return int(found) if type_ == "int" else found
