"""The objects of one cluster, with resource versions, a history for watchers and consistent pages.

Stored objects are never changed in place: a writer hands over a new dict, so that readers and past events stay true.
"""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.kubernetes.api.resources import BY_NAME, Resource

HISTORY_EVENTS = 20_000
"""How many changes a watcher may lag behind before its resourceVersion has expired."""

Object = dict[str, Any]


def now_text() -> str:
    """The current time as the API writes it: UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Change:
    """One change: ``kind`` is ADDED, MODIFIED or DELETED; ``before`` is None when it was added."""

    revision: int
    kind: str
    resource: Resource
    after: Object
    before: Object | None

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name of the object."""
        metadata = self.after["metadata"]
        return metadata.get("namespace", ""), metadata["name"]


class HistoryGone(Exception):
    """The asked revision is older than the history that is kept."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {asked} ({oldest})")


Objects = list[Object]
Changes = list[Change]  # Inside the class, ``list`` is its method


def _nobody(change: Change) -> None:
    """Before the controllers run, nobody is told."""


class Store:
    """Everything stored in one cluster."""

    def __init__(self, history_events: int = HISTORY_EVENTS) -> None:
        self.revision = 1
        self._objects: dict[str, dict[tuple[str, str], Object]] = {name: {} for name in BY_NAME}
        self._history: deque[Change] = deque(maxlen=history_events)
        self._listeners: list[asyncio.Queue[Change]] = []
        self.on_change: Callable[[Change], None] = _nobody

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """The object, not to be changed by the caller, or None."""
        return self._objects[resource.qualified].get((namespace, name))

    def list(self, resource: Resource, namespace: str | None = None) -> Objects:
        """All objects (of one namespace), ordered by namespace and name."""
        found = self._objects[resource.qualified]
        return [found[key] for key in sorted(found) if namespace is None or key[0] == namespace]

    def named(self, plural: str, namespace: str | None = None) -> Iterator[Object]:
        """``list`` by qualified plural, for controllers."""
        return iter(self.list(BY_NAME[plural], namespace))

    def find(self, plural: str, namespace: str, name: str) -> Object | None:
        """``get`` by qualified plural, for controllers."""
        return self.get(BY_NAME[plural], namespace, name)

    def create(self, resource: Resource, new: Object) -> Object:
        """Store a new object with uid, resourceVersion and creationTimestamp; the name must be free."""
        stored = copy.deepcopy(new)
        metadata = stored["metadata"]
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = now_text()
        return self._put(resource, stored, None)

    def replace(self, resource: Resource, new: Object) -> Object:
        """Store the next version of an existing object."""
        metadata = new["metadata"]
        before = self._objects[resource.qualified][metadata.get("namespace", ""), metadata["name"]]
        return self._put(resource, copy.deepcopy(new), before)

    def remove(self, resource: Resource, namespace: str, name: str) -> Object:
        """Take an object out; its last state carries a resourceVersion of its own."""
        before = self._objects[resource.qualified].pop((namespace, name))
        gone = {**before, "metadata": {**before["metadata"], "resourceVersion": str(self._next())}}
        self._tell(Change(self.revision, "DELETED", resource, gone, before))
        return gone

    def snapshot(self, resource: Resource, namespace: str | None, revision: int) -> Objects:
        """``list`` as it was at ``revision``. Raises ``HistoryGone``."""
        found = dict(self._objects[resource.qualified])
        for change in reversed(self.changes_after(revision)):
            if change.resource is not resource:
                continue
            if change.before is None:
                found.pop(change.key, None)
            else:
                found[change.key] = change.before
        return [found[key] for key in sorted(found) if namespace is None or key[0] == namespace]

    def changes_after(self, revision: int) -> Changes:
        """The changes after ``revision``, oldest first. Raises ``HistoryGone``."""
        oldest = self._history[0].revision if len(self._history) == self._history.maxlen else 1
        if revision < oldest - 1:
            raise HistoryGone(revision, oldest)
        return [change for change in self._history if change.revision > revision]

    def subscribe(self) -> asyncio.Queue[Change]:
        """A queue that gets every later change; ``unsubscribe`` it."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        self._listeners.append(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[Change]) -> None:
        """Stop feeding a queue."""
        self._listeners.remove(queue)

    def _next(self) -> int:
        self.revision += 1
        return self.revision

    def _put(self, resource: Resource, new: Object, before: Object | None) -> Object:
        metadata = new["metadata"]
        metadata["resourceVersion"] = str(self._next())
        self._objects[resource.qualified][metadata.get("namespace", ""), metadata["name"]] = new
        self._tell(Change(self.revision, "ADDED" if before is None else "MODIFIED", resource, new, before))
        return new

    def _tell(self, change: Change) -> None:
        self._history.append(change)
        for queue in self._listeners:
            queue.put_nowait(change)
        self.on_change(change)
