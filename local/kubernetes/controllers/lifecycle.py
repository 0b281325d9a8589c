"""Namespaces that come and go, and objects whose owners are gone."""

from __future__ import annotations

import time
from collections.abc import Callable

from local.kubernetes.api.resources import BY_NAME, RESOURCES, Resource
from local.kubernetes.api.writer import WriteOptions, Writer
from local.kubernetes.controllers.ownership import with_condition
from local.kubernetes.store import Change, Object

NAMESPACES = BY_NAME["namespaces"]
NAMESPACE_LINGER_SECONDS = 0.5
"""A real namespace takes 4 to 11 s to go; long enough here that nobody may take a DELETE for the end."""
_OPTIONS = WriteOptions(manager="kube-controller-manager")


class Namespaces:
    """Gives a new namespace its service account and root certificate; empties and removes a deleted one."""

    ticks = True

    def __init__(self, writer: Writer, certificate: str, on_removed: Callable[[str], None]) -> None:
        self.writer, self.store = writer, writer.store
        self._certificate, self._on_removed = certificate, on_removed
        self._since: dict[str, float] = {}

    def wants(self, change: Change) -> bool:
        return change.resource is NAMESPACES or (change.kind == "DELETED" and change.resource.namespaced)

    def run(self) -> None:
        for namespace in self.store.list(NAMESPACES):
            if namespace["metadata"].get("deletionTimestamp"):
                self._empty(namespace)
            else:
                self._furnish(namespace["metadata"]["name"])

    def _furnish(self, name: str) -> None:
        if self.store.find("serviceaccounts", name, "default") is None:
            self.writer.create(BY_NAME["serviceaccounts"], name, {"metadata": {"name": "default"}}, _OPTIONS)
        if self.store.find("configmaps", name, "kube-root-ca.crt") is None:
            body = {"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": self._certificate}}
            self.writer.create(BY_NAME["configmaps"], name, body, _OPTIONS)

    def _empty(self, namespace: Object) -> None:
        name = namespace["metadata"]["name"]
        began = self._since.setdefault(namespace["metadata"]["uid"], time.monotonic())
        remaining: dict[str, int] = {}
        for resource in RESOURCES:
            for found in self.store.list(resource, name) if resource.namespaced else ():
                if not found["metadata"].get("deletionTimestamp"):
                    self.writer.delete(resource, name, found["metadata"]["name"], {})
                if self.store.get(resource, name, found["metadata"]["name"]):
                    remaining[resource.qualified] = remaining.get(resource.qualified, 0) + 1
        if remaining:
            self._tell_remaining(namespace, remaining)
        elif time.monotonic() - began >= NAMESPACE_LINGER_SECONDS:
            self.writer.edit(NAMESPACES, namespace, lambda found: found["spec"].update(finalizers=[]))
            if self.store.get(NAMESPACES, "", name) is None:
                del self._since[namespace["metadata"]["uid"]]
                self._on_removed(name)

    def _tell_remaining(self, namespace: Object, remaining: dict[str, int]) -> None:
        listed = ", ".join(f"{kind}. has {count} resource instances" for kind, count in sorted(remaining.items()))
        conditions = with_condition(
            namespace["status"].get("conditions", ()),
            "NamespaceContentRemaining",
            True,
            "SomeResourcesRemain",
            f"Some resources are remaining: {listed}",
        )
        self.writer.set_status(NAMESPACES, namespace, {**namespace["status"], "conditions": conditions})


class GarbageCollector:
    """Deletes what lost its owners; frees owners that wait for their dependents."""

    ticks = False

    def __init__(self, writer: Writer) -> None:
        self.writer, self.store = writer, writer.store

    def wants(self, change: Change) -> bool:
        metadata = change.after["metadata"]
        return change.kind == "DELETED" or bool(metadata.get("deletionTimestamp") or metadata.get("ownerReferences"))

    def run(self) -> None:
        everything = [(resource, found) for resource in RESOURCES for found in self.store.list(resource)]
        living = {found["metadata"]["uid"]: (resource, found) for resource, found in everything}
        dependents: dict[str, list[tuple[Resource, Object]]] = {}
        for resource, found in everything:
            references = found["metadata"].get("ownerReferences") or ()
            for reference in references:
                dependents.setdefault(reference["uid"], []).append((resource, found))
            if references and not any(reference["uid"] in living for reference in references):
                self._delete(resource, found, {})
        for uid, (resource, owner) in living.items():
            if owner["metadata"].get("deletionTimestamp"):
                self._finalize(resource, owner, dependents.get(uid, []))

    def _finalize(self, resource: Resource, owner: Object, dependents: list[tuple[Resource, Object]]) -> None:
        finalizers = owner["metadata"].get("finalizers") or ()
        uid = owner["metadata"]["uid"]
        if "orphan" in finalizers:
            for kind, found in dependents:
                self.writer.edit(kind, found, lambda one: _disown(one, uid))
            self._release(resource, owner, "orphan")
        elif "foregroundDeletion" in finalizers:
            for kind, found in dependents:
                self._delete(kind, found, {"propagationPolicy": "Foreground"})
            if not dependents:
                self._release(resource, owner, "foregroundDeletion")

    def _release(self, resource: Resource, owner: Object, finalizer: str) -> None:
        def released(found: Object) -> None:
            found["metadata"]["finalizers"] = [one for one in found["metadata"].get("finalizers", ()) if one != finalizer]

        self.writer.edit(resource, owner, released)

    def _delete(self, resource: Resource, found: Object, body: Object) -> None:
        metadata = found["metadata"]
        if not metadata.get("deletionTimestamp") and self.store.get(resource, metadata.get("namespace", ""), metadata["name"]):
            self.writer.delete(resource, metadata.get("namespace", ""), metadata["name"], body)


def _disown(found: Object, uid: str) -> None:
    found["metadata"]["ownerReferences"] = [one for one in found["metadata"].get("ownerReferences", ()) if one["uid"] != uid]
