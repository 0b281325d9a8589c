"""Owners and what they own, and the bits that all workload controllers share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from local.kubernetes.store import Object, Store, now_text

_HASH_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def owner_reference(owner: Mapping[str, Any]) -> Object:
    """The ownerReference of a controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_uid(found: Mapping[str, Any]) -> str:
    """The uid of the object's controller, or ""."""
    for reference in found["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return str(reference["uid"])
    return ""


def owned(store: Store, plural: str, owner: Mapping[str, Any]) -> list[Object]:
    """The objects of a kind that ``owner`` controls."""
    uid, namespace = owner["metadata"]["uid"], owner["metadata"]["namespace"]
    return [found for found in store.named(plural, namespace) if controller_uid(found) == uid]


def content_hash(content: Any) -> str:
    """A short stable name for a template: what pod-template-hash and controller-revision-hash say."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
    return "".join(_HASH_LETTERS[byte % len(_HASH_LETTERS)] for byte in digest[:10])


def pod_from(template: Mapping[str, Any], owner: Mapping[str, Any], labels: Mapping[str, str], **metadata: str) -> Object:
    """A new pod of a template; ``metadata`` holds name or generateName."""
    inside = template.get("metadata") or {}
    made: Object = {**metadata, "namespace": owner["metadata"]["namespace"], "ownerReferences": [owner_reference(owner)]}
    made["labels"] = {**(inside.get("labels") or {}), **labels}
    if inside.get("annotations"):
        made["annotations"] = dict(inside["annotations"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": json.loads(json.dumps(template["spec"]))}


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether the pod's Ready condition holds."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod.get("status", {}).get("conditions", ()))


def is_active(pod: Mapping[str, Any]) -> bool:
    """Whether the pod still counts: not ended, not on its way out."""
    return pod["status"].get("phase") not in ("Succeeded", "Failed") and not pod["metadata"].get("deletionTimestamp")


def with_condition(conditions: Iterable[Mapping[str, Any]], kind: str, holds: bool, reason: str, message: str) -> list[Object]:
    """The conditions with one set; its lastTransitionTime changes only with its status."""
    status = "True" if holds else "False"
    made: list[Object] = []
    new: Object = {"type": kind, "status": status, "lastTransitionTime": now_text(), "reason": reason, "message": message}
    for found in conditions:
        if found["type"] != kind:
            made.append(dict(found))
        elif found["status"] == status:
            new["lastTransitionTime"] = found["lastTransitionTime"]
            new |= {name: found[name] for name in ("lastUpdateTime", "lastProbeTime") if name in found}
    return [*made, new]


def scaled_count(value: int | str, total: int, *, up: bool) -> int:
    """An absolute number, or a percentage of ``total`` rounded up or down."""
    if isinstance(value, int) or value.isdigit():
        return int(value)
    share = total * int(value.rstrip("%"))
    return -(-share // 100) if up else share // 100
