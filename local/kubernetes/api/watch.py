"""Watches: what happens after a revision, as a stream of JSON lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from local.kubernetes.api.errors import ApiError
from local.kubernetes.api.request import Target, flag
from local.kubernetes.api.selectors import Matcher
from local.kubernetes.store import Change, HistoryGone, Store

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
BOOKMARK_SECONDS = 60
DEFAULT_TIMEOUT_SECONDS = 1800
Shown = Callable[[Mapping[str, Any], bool], Mapping[str, Any]]


def starting_revision(query: Mapping[str, str]) -> int | None:
    """The revision after which to watch; None: begin with all that exists. Raises 500 as the recorded server does."""
    text = query.get("resourceVersion", "")
    if text in ("", "0"):
        return None
    if not text.isdigit():
        rule = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        raise ApiError(500, f'resourceVersion: Invalid value: "{text}": {rule}', reason=None)
    return int(text)


async def stream(request: web.Request, store: Store, where: Target, matches: Matcher, show: Shown) -> web.StreamResponse:
    """Answer with events until ``timeoutSeconds`` or the client goes. ``show`` makes an event's object from a stored one."""
    query = request.query
    after = starting_revision(query)
    initial = flag(query, "sendInitialEvents") or after is None
    queue = store.subscribe()
    try:
        try:
            past = [] if initial else store.changes_after(after or 0)
        except HistoryGone as gone:
            raise ApiError(410, str(gone)) from gone
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        sender = _Sender(response, where, matches, show)
        if initial:
            await sender.everything(store, bookmark=flag(query, "sendInitialEvents"))
        for change in past:
            await sender.tell(change)
        seconds = float(query.get("timeoutSeconds") or DEFAULT_TIMEOUT_SECONDS)
        await _follow(queue, sender, store, seconds, bookmarks=flag(query, "allowWatchBookmarks"))
    except ConnectionResetError:
        pass  # The client has gone: there is nobody to answer
    finally:
        store.unsubscribe(queue)
    return response


async def _follow(queue: asyncio.Queue[Change], sender: _Sender, store: Store, seconds: float, *, bookmarks: bool) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0:
        try:
            change = await asyncio.wait_for(queue.get(), min(left, BOOKMARK_SECONDS))
        except TimeoutError:
            if bookmarks and loop.time() < end:
                await sender.bookmark(store.revision, {})
            continue
        if change.revision > sender.last:
            await sender.tell(change)


class _Sender:
    def __init__(self, response: web.StreamResponse, where: Target, matches: Matcher, show: Shown) -> None:
        self.response, self.where, self.matches, self.show = response, where, matches, show
        self.first, self.last = True, 0

    async def everything(self, store: Store, *, bookmark: bool) -> None:
        self.last = store.revision
        for item in store.list(self.where.resource, self.where.namespace or None):
            if self.matches(item):
                await self._event("ADDED", item)
        if bookmark:
            await self.bookmark(self.last, {INITIAL_EVENTS_END: "true"})

    async def tell(self, change: Change) -> None:
        self.last = change.revision
        if change.resource is not self.where.resource or (self.where.namespace and change.key[0] != self.where.namespace):
            return
        was = change.before is not None and self.matches(change.before)
        matches = self.matches(change.after)
        if change.kind == "DELETED":
            if was:
                await self._event("DELETED", change.after)
        elif matches:
            await self._event("MODIFIED" if was else "ADDED", change.after)
        elif was and change.before is not None:
            version = change.after["metadata"]["resourceVersion"]
            gone = {**change.before, "metadata": {**change.before["metadata"], "resourceVersion": version}}
            await self._event("DELETED", gone)

    async def bookmark(self, revision: int, annotations: dict[str, str]) -> None:
        metadata: dict[str, Any] = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        resource = self.where.resource
        found = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        await self._write("BOOKMARK", found)

    async def _event(self, kind: str, found: Mapping[str, Any]) -> None:
        await self._write(kind, self.show(found, self.first))
        self.first = False

    async def _write(self, kind: str, found: Mapping[str, Any]) -> None:
        await self.response.write(json.dumps({"type": kind, "object": found}).encode() + b"\n")
