"""Server-side apply, and keeping ``managedFields`` true for every other kind of write."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from local.kubernetes.api.errors import ApiError
from local.kubernetes.api.ownership import Path, changed_paths, entry, from_tree, item_step, owned_paths, shown, value_at
from local.kubernetes.objects.list_keys import SETS, identity, merge_keys

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def record_update(before: Mapping[str, Any] | None, after: dict[str, Any], manager: str) -> None:
    """Note in ``after`` that ``manager`` wrote (with POST, PUT or a difference PATCH) what differs from ``before``."""
    was = before or {}
    written = changed_paths(was, after)
    present = owned_paths(after)
    entries = []
    mine: set[Path] = set(written)
    for found in (was.get("metadata") or {}).get("managedFields") or []:
        paths = from_tree(found.get("fieldsV1") or {})
        if found.get("manager") == manager and found.get("operation") == "Update":
            mine |= paths & present
        elif kept := (paths & present) - written:
            entries.append(found if kept == paths else {**found, "fieldsV1": entry("", "", "", kept)["fieldsV1"]})
    if mine and written:
        entries.append(entry(manager, "Update", after["apiVersion"], mine))
    elif mine:
        entries.extend(
            found
            for found in (was.get("metadata") or {}).get("managedFields") or []
            if found.get("manager") == manager and found.get("operation") == "Update"
        )
    after["metadata"]["managedFields"] = entries
    if not entries:
        del after["metadata"]["managedFields"]


def applied(live: Mapping[str, Any] | None, wanted: Mapping[str, Any], manager: str, *, force: bool) -> dict[str, Any]:
    """``live`` after ``manager`` applied ``wanted``: its fields set, fields it no longer names removed.

    Raises 409 with one cause per field that another manager owns with another value, unless ``force`` takes them over.
    """
    live = live or {}
    entries = (live.get("metadata") or {}).get("managedFields") or []
    claimed = owned_paths(wanted)
    before: set[Path] = set()
    others: list[tuple[dict[str, Any], set[Path]]] = []
    for found in entries:
        paths = from_tree(found.get("fieldsV1") or {})
        if found.get("manager") == manager and found.get("operation") == "Apply":
            before = paths
        else:
            others.append((found, paths))
    merged = _merged(live, wanted)
    overruled = {path for path in claimed if path[-1] != "." and value_at(live, path) != value_at(wanted, path)}
    conflicts = [(found, path) for found, paths in others for path in sorted(paths & overruled)]
    if manager == "kubectl" and all(path in _last_applied(live) for _, path in conflicts):
        force = True
    if conflicts and not force:
        raise _conflict(conflicts)
    kept_by_others = set().union(*(paths for _, paths in others)) if others else set()
    for path in sorted(before - claimed - kept_by_others, key=lambda one: (len(one), one[-1] != ".")):
        inside = path[:-1] if path[-1] == "." else path
        if not any(kept[: len(inside)] == inside for kept in kept_by_others):
            _drop(merged, path)
    kept = [(found, paths - overruled) for found, paths in others]
    merged["metadata"]["managedFields"] = [
        *(
            {**found, "fieldsV1": entry("", "", "", paths)["fieldsV1"]}
            if paths != from_tree(found.get("fieldsV1") or {})
            else found
            for found, paths in kept
            if paths
        ),
        # Who names no field owns none: an entry for it would come and go with other managers' applies, and each is a change.
        *([_own_entry(entries, manager, str(wanted["apiVersion"]), claimed)] if claimed else []),
    ]
    return merged


def _last_applied(live: Mapping[str, Any]) -> set[Path]:
    """What client-side ``kubectl apply`` set and nobody changed since: server-side ``kubectl apply`` may take that over.

    As LastAppliedManager in k8s.io/apimachinery/pkg/util/managedfields.
    """
    text = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    config = json.loads(text) if text else {}
    return {path for path in owned_paths(config) if value_at(config, path) == value_at(live, path)} if config else set()


def _own_entry(entries: list[dict[str, Any]], manager: str, api_version: str, claimed: frozenset[Path]) -> dict[str, Any]:
    made = entry(manager, "Apply", api_version, claimed)
    for found in entries:
        same = all(found.get(name) == made[name] for name in ("manager", "operation", "apiVersion", "fieldsV1"))
        if same:
            return found  # An apply that changes nothing must not change the time either
    return made


def _conflict(conflicts: list[tuple[dict[str, Any], Path]]) -> ApiError:
    causes = []
    for found, path in conflicts:
        by = f'"{found["manager"]}"' + (f" using {found['apiVersion']}" if found.get("operation") == "Update" else "")
        causes.append({"reason": "FieldManagerConflict", "message": f"conflict with {by}", "field": shown(path)})
    count = "1 conflict" if len(causes) == 1 else f"{len(causes)} conflicts"
    if len(causes) == 1:
        text = f"{causes[0]['message']}: {causes[0]['field']}"
    else:
        blocks = []
        for message in dict.fromkeys(cause["message"] for cause in causes):
            fields = "\n".join(f"- {cause['field']}" for cause in causes if cause["message"] == message)
            blocks.append(f"{message.replace('conflict', 'conflicts', 1)}:\n{fields}")
        text = "\n".join(blocks)
    return ApiError(409, f"Apply failed with {count}: {text}", details={"causes": causes})


def _merged(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    merged = copy.deepcopy(dict(live))
    for name, value in wanted.items():
        current = merged.get(name)
        if isinstance(value, Mapping):
            merged[name] = _merged(current if isinstance(current, Mapping) else {}, value)
        elif isinstance(value, list) and name in SETS:
            merged[name] = [*(current or []), *(item for item in value if item not in (current or []))]
        elif isinstance(value, list) and (keys := merge_keys(name, value, current)):
            known = {identity(item, keys): item for item in current or []}
            for item in value:
                known[identity(item, keys)] = _merged(known.get(identity(item, keys), {}), item)
            first = [identity(item, keys) for item in value]
            merged[name] = [known[key] for key in (*first, *(key for key in known if key not in first))]
        else:
            merged[name] = copy.deepcopy(value)
    return merged


def _drop(found: dict[str, Any], path: Path) -> None:
    *above, last = path
    node: Any = found
    trail = [node]
    for step in above:
        node = _below(node, step)
        if node is None:
            return
        trail.append(node)
    if last == ".":
        trail[-2].remove(node)  # The whole item goes, with the defaults nobody owns
    elif last.startswith("f:"):
        if isinstance(node, dict):
            node.pop(last[2:], None)
    elif (item := _below(node, last)) is not None:
        node.remove(item)
    for holder, step in zip(reversed(trail[:-1]), reversed(above), strict=True):
        if step.startswith("f:") and holder.get(step[2:]) in ({}, []):
            del holder[step[2:]]


def _below(node: Any, step: str) -> Any:
    if step.startswith("f:"):
        return node.get(step[2:]) if isinstance(node, dict) else None
    return next((item for item in node if _is_step(item, step)), None) if isinstance(node, list) else None


def _is_step(item: Any, step: str) -> bool:
    if step.startswith("v:"):
        return bool(item == json.loads(step[2:]))
    keys = tuple(json.loads(step[2:]))
    return isinstance(item, Mapping) and item_step(item, keys) == step
