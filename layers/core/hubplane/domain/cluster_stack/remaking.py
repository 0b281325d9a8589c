"""A part of the way in that was removed behind CloudFormation's back is made anew, under another logical id.

CloudFormation makes nothing again that it believes to be there; a resource under a new logical id it makes, and forgets the old
one (https://repost.aws/knowledge-center/cfn-recreate-resource-deleted-outside). Narrower than a drift-aware change set, which
would set back whatever else differs. One that somebody made by hand meanwhile has other tags, so Elastic Load Balancing refuses
its name or port, and the change goes back (only what has the same settings is a repeat; API reference, CreateListener).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from hubplane.domain.cluster_stack.substitution import rename

__all__ = ["forgets_what_was_remade", "has_entrance", "lost_parts", "remake"]

LOAD_BALANCER: Final = "LoadBalancer"
LISTENERS: Final[Mapping[str, int]] = {"HttpListener": 80, "HttpsListener": 443}
_MADE_AGAIN: Final = re.compile(rf"({'|'.join((LOAD_BALANCER, *LISTENERS))})([0-9]*)")


def has_entrance(deployed: Mapping[str, Any] | None) -> bool:
    """Whether the deployed template has a load balancer, so that it is worth looking for."""
    return any(_part(logical_id) == LOAD_BALANCER for logical_id in (deployed or {}).get("Resources", {}))


def lost_parts(listening: Collection[int] | None) -> frozenset[str]:
    """What is not there any more. ``listening``: ports of the load balancer's listeners, None where there is no load balancer,
    with which its listeners went."""
    if listening is None:
        return frozenset((LOAD_BALANCER, *LISTENERS))
    return frozenset(part for part, port in LISTENERS.items() if port not in listening)


def remake(template: Mapping[str, Any], deployed: Mapping[str, Any] | None, lost: Collection[str]) -> dict[str, Any]:
    """The template with the logical ids that are deployed, and the next ones for what is lost and was deployed."""
    now: dict[str, str] = {}
    for logical_id in (deployed or {}).get("Resources", {}):
        part = _part(logical_id)
        if part is not None:
            now[part] = max(now.get(part, part), logical_id, key=_number)
    names = {part: _next(logical_id) if part in lost else logical_id for part, logical_id in now.items()}
    return {
        **rename(template, names),
        "Resources": {
            names.get(logical_id, logical_id): rename(resource, names) for logical_id, resource in template["Resources"].items()
        },
    }


def forgets_what_was_remade(logical_id: str, wanted: Mapping[str, Any]) -> bool:
    """Whether the removal of this resource only forgets what is gone: the wanted template has a later one in its place."""
    part = _part(logical_id)
    later = [other for other in wanted.get("Resources", {}) if part is not None and _part(other) == part]
    return any(_number(other) > _number(logical_id) for other in later)


def _part(logical_id: str) -> str | None:
    found = _MADE_AGAIN.fullmatch(logical_id)
    return found[1] if found else None


def _number(logical_id: str) -> int:
    found = _MADE_AGAIN.fullmatch(logical_id)
    return int(found[2] or 1) if found else 0


def _next(logical_id: str) -> str:
    return f"{_part(logical_id)}{_number(logical_id) + 1}"
