"""The three kinds of PATCH that carry a difference: JSON merge patch, JSON patch and strategic merge patch."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import jsonpatch
import jsonpointer

from local.kubernetes.api.errors import ApiError, bad_request
from local.kubernetes.objects.list_keys import SETS, identity, merge_keys

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


def patched(content_type: str, found: dict[str, Any], patch: Any) -> dict[str, Any]:
    """The object after the patch; ``found`` stays as it is. Raises 400 or 422 as a real API server does."""
    if content_type == JSON_PATCH:
        return _json_patched(found, patch)
    if not isinstance(patch, Mapping):
        raise bad_request(f"error decoding patch: a {content_type} body must be an object, found {type(patch).__name__}")
    return merge_patched(found, patch) if content_type == MERGE_PATCH else strategic_patched(found, patch)


def _json_patched(found: dict[str, Any], patch: Any) -> dict[str, Any]:
    try:
        return jsonpatch.JsonPatch(patch).apply(found)  # type: ignore[no-any-return]
    except (jsonpatch.InvalidJsonPatch, TypeError) as error:
        raise bad_request(f"error decoding patch: {error}") from error
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        raise ApiError(422, "the server rejected our request due to an error in our request", details={}) from error


def merge_patched(found: Any, patch: Any) -> Any:
    """RFC 7386: null deletes, objects merge, everything else replaces."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    merged = dict(found) if isinstance(found, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patched(merged.get(name), value)
    return merged


def strategic_patched(found: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Kubernetes' strategic merge: lists of named things merge by name; ``$patch``, ``$retainKeys`` and friends steer it."""
    directive = patch.get("$patch")
    if directive == "replace":
        return {name: copy.deepcopy(value) for name, value in patch.items() if name != "$patch"}
    if directive == "delete":
        return {}
    merged = _reduced(found, patch)
    for name, value in patch.items():
        if name.startswith("$"):
            continue
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            current = merged.get(name)
            merged[name] = strategic_patched(current if isinstance(current, Mapping) else {}, value)
        elif isinstance(value, list):
            merged[name] = _merged_list(name, merged.get(name), value)
        else:
            merged[name] = value
    for name, order in patch.items():
        if name.startswith("$setElementOrder/"):
            field = name.partition("/")[2]
            merged[field] = _ordered(field, merged.get(field) or [], order)
    return {name: value for name, value in merged.items() if not name.startswith("$")}


def _reduced(found: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """What the patch's ``$retainKeys`` and ``$deleteFromPrimitiveList`` leave."""
    kept = {name: value for name, value in found.items() if name in patch.get("$retainKeys", found)}
    for name, value in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            kept[field] = [item for item in kept.get(field) or [] if item not in value]
    return kept


def _merged_list(field: str, found: Any, patch: list[Any]) -> list[Any]:
    if any(isinstance(item, Mapping) and item.get("$patch") == "replace" for item in patch):
        return [copy.deepcopy(item) for item in patch if item.get("$patch") != "replace"]
    current = list(found or [])
    if field in SETS:
        return current + [item for item in patch if item not in current]
    keys = merge_keys(field, current, patch)[:1]  # A strategic patch knows one key only: the first
    if not keys:
        return copy.deepcopy(patch)
    for item in patch:
        at = next((index for index, one in enumerate(current) if identity(one, keys) == identity(item, keys)), None)
        if item.get("$patch") == "delete":
            current = [one for one in current if identity(one, keys) != identity(item, keys)]
        elif at is None:
            current.append(strategic_patched({}, item))
        else:
            current[at] = strategic_patched(current[at], item)
    return current


def _ordered(field: str, found: list[Any], order: list[Any]) -> list[Any]:
    keys = merge_keys(field, found, order)[:1]
    wanted = [identity(item, keys) if keys else item for item in order]

    def place(item: Any) -> int:
        known = identity(item, keys) if keys else item
        return wanted.index(known) if known in wanted else len(wanted)

    return sorted(found, key=place)
