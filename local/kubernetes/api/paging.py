"""``limit`` and ``continue``: pages of one consistent list."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from local.kubernetes.api.errors import ApiError, bad_request
from local.kubernetes.api.resources import Resource
from local.kubernetes.api.selectors import Matcher
from local.kubernetes.store import HistoryGone, Store

Object = dict[str, Any]
_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the "
    "continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with "
    "the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True)
class Page:
    """Some objects and the list's metadata (resourceVersion, continue, remainingItemCount)."""

    items: list[Object]
    metadata: Object


def page(
    store: Store, resource: Resource, namespace: str | None, matches: Matcher, limit: int, token: str, *, selected: bool
) -> Page:
    """One page of a list. ``selected`` says that selectors were given: the rest is then not counted.

    Raises 400 for a token that is none, 410 for one whose revision is no longer known.
    """
    revision, after = _read(token, store) if token else (store.revision, None)
    try:
        found = store.snapshot(resource, namespace, revision) if token else store.list(resource, namespace)
    except HistoryGone as gone:
        fresh = _token(store.revision, after or ("", ""))
        raise ApiError(410, _EXPIRED, metadata={"continue": fresh}) from gone
    items = [item for item in found if (after is None or _key(item) > after) and matches(item)]
    metadata: Object = {"resourceVersion": str(revision)}
    if limit and len(items) > limit:
        metadata["continue"] = _token(revision, _key(items[limit - 1]))
        if not selected:
            metadata["remainingItemCount"] = len(items) - limit
        items = items[:limit]
    return Page(items, metadata)


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _token(revision: int, after: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps({"rv": revision, "after": list(after)}).encode()).decode().rstrip("=")


def _read(token: str, store: Store) -> tuple[int, tuple[str, str]]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        revision, (namespace, name) = int(found["rv"]), found["after"]
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error
    if revision > store.revision:
        raise bad_request("invalid continue token: continue key is not valid: it names a revision of the future")
    return revision, (namespace, name)
