"""Who owns which field: the sets behind ``metadata.managedFields`` (format FieldsV1).

A set is a set of paths; a path is a tuple of steps as FieldsV1 writes them: ``f:name`` a field, ``k:{…}`` an item of a keyed
list, ``v:…`` a member of a set, ``.`` the thing itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from local.kubernetes.objects.list_keys import SETS, identity, merge_keys
from local.kubernetes.store import now_text

Path = tuple[str, ...]
_NEVER_OWNED = {
    ("f:apiVersion",),
    ("f:kind",),
    *(
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "generation",
            "managedFields",
            "generateName",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
        )
    ),
}


def owned_paths(found: Mapping[str, Any]) -> frozenset[Path]:
    """Every field an object sets, identifying metadata left out."""
    return frozenset(path for path in _paths(found, ()) if path[:2] not in _NEVER_OWNED and path[:1] not in _NEVER_OWNED)


def _paths(found: Any, at: Path) -> Iterable[Path]:
    for name, value in found.items():
        path = (*at, f"f:{name}")
        if isinstance(value, Mapping) and value:
            yield from _paths(value, path)
        elif isinstance(value, list) and value and name in SETS:
            yield from ((*path, f"v:{json.dumps(item)}") for item in value)
        elif isinstance(value, list) and (keys := merge_keys(name, value)):
            for item in value:
                item_path = (*path, item_step(item, keys))
                yield (*item_path, ".")
                yield from _paths(item, item_path)
        else:
            yield path


def item_step(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """The step that names one item of a keyed list."""
    return "k:" + json.dumps(dict(zip(keys, identity(item, keys), strict=True)), sort_keys=True, separators=(",", ":"))


def changed_paths(before: Mapping[str, Any], after: Mapping[str, Any]) -> frozenset[Path]:
    """The fields of ``after`` that ``before`` has not, or has with another value."""
    old = values(before)
    return frozenset(path for path, value in values(after).items() if path not in old or old[path] != value)


def values(found: Mapping[str, Any]) -> dict[Path, Any]:
    """The value at every owned path of an object."""
    return {path: value_at(found, path) for path in owned_paths(found)}


def value_at(found: Any, path: Path) -> Any:
    """The value at a path, or None."""
    for step in path:
        kind, _, name = step.partition(":")
        if step == ".":
            return True
        if kind == "f":
            found = found.get(name) if isinstance(found, Mapping) else None
        elif kind == "k":
            wanted = json.loads(name)
            found = next((item for item in found or [] if identity(item, tuple(wanted)) == tuple(wanted.values())), None)
        else:
            return json.loads(name) in (found or [])
    return found


def shown(path: Path) -> str:
    """A path as messages show it: ``.spec.template.spec.containers[name="hub"].image``."""
    text = ""
    for step in path:
        kind, _, name = step.partition(":")
        if kind == "f":
            text += f".{name}"
        elif kind == "k":
            text += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(name).items()) + "]"
        elif kind == "v":
            text += f"[={name}]"
    return text


def as_tree(paths: Iterable[Path]) -> dict[str, Any]:
    """FieldsV1 of a set of paths."""
    tree: dict[str, Any] = {}
    for path in sorted(paths):
        node = tree
        for step in path:
            node = node.setdefault(step, {})
    return tree


def from_tree(tree: Mapping[str, Any], at: Path = ()) -> set[Path]:
    """The paths of a FieldsV1 tree."""
    found: set[Path] = set()
    for step, below in tree.items():
        if step == "." and at and at[-1].startswith("f:"):
            continue  # "." below a plain field only says that the field exists
        found |= from_tree(below, (*at, step)) if below else {(*at, step)}
    return found


def entry(manager: str, operation: str, api_version: str, paths: Iterable[Path], subresource: str = "") -> dict[str, Any]:
    """One element of ``managedFields``."""
    made: dict[str, Any] = {"manager": manager, "operation": operation, "apiVersion": api_version, "time": now_text()}
    made |= {"fieldsType": "FieldsV1", "fieldsV1": as_tree(paths)}
    return made | ({"subresource": subresource} if subresource else {})
