"""Creating, changing and deleting objects with every rule of the API server, whoever asks (clients and controllers alike)."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.kubernetes.api import errors
from local.kubernetes.api.apply import applied, record_update
from local.kubernetes.api.resources import BY_NAME, Resource
from local.kubernetes.objects.admission import admit
from local.kubernetes.objects.defaults import FIRST_STATUS, fill_in, quality_of_service
from local.kubernetes.objects.immutability import check_change, check_expansion
from local.kubernetes.objects.schema import check_shape
from local.kubernetes.objects.validation import check_new
from local.kubernetes.store import Store, now_text

Object = dict[str, Any]
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # As Kubernetes: no vowels, so that no words appear
_PROTECTED_NAMESPACES = ("default", "kube-system", "kube-public")
_SERVER_METADATA = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink")
_CLUSTER_FINALIZERS = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}
_NO_UNCONDITIONAL_UPDATE = {"poddisruptionbudgets.policy"}
_ANSWERS_WITH_OBJECT = {"pods", "persistentvolumeclaims", "persistentvolumes", "serviceaccounts", "namespaces"} | {
    "storageclasses.storage.k8s.io"
}


@dataclass(frozen=True)
class WriteOptions:
    """What a client may say beside the object."""

    manager: str = "unknown"
    dry_run: bool = False
    field_validation: str = "Warn"
    force: bool = False


@dataclass(frozen=True)
class Written:
    """The outcome of a write. ``warnings`` go into Warning headers."""

    found: Object
    created: bool = False
    warnings: tuple[str, ...] = ()


def random_suffix(length: int = 5) -> str:
    """The random end of generated names."""
    return "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(length))


class Writer:
    """All writes to one cluster's store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def create(self, resource: Resource, namespace: str, body: Object, options: WriteOptions) -> Written:
        """Store a new object. Raises ``ApiError`` as the API server would refuse."""
        found, warnings = self._decoded(resource, namespace, body, options)
        metadata = found["metadata"]
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + random_suffix()
        name = metadata.setdefault("name", "")
        self._check_namespace(resource, namespace, name)
        if metadata.get("resourceVersion"):
            raise errors.ApiError(500, "resourceVersion should not be set on objects to be created", reason=None)
        return Written(
            self._insert(resource, found, options, lambda stored: record_update(None, stored, options.manager)), True, warnings
        )

    def update(
        self, resource: Resource, namespace: str, name: str, body: Object, options: WriteOptions, subresource: str = ""
    ) -> Written:
        """PUT: the object (or its status) as in ``body``."""
        before = self.store.get(resource, namespace, name)
        found, warnings = self._decoded(resource, namespace, body, options)
        if found["metadata"].get("name", name) != name:
            raise errors.bad_request(
                f"the name of the object ({found['metadata']['name']}) does not match the name on the URL ({name})"
            )
        if before is None:
            raise errors.not_found(resource, name)
        if resource.qualified in _NO_UNCONDITIONAL_UPDATE and not found["metadata"].get("resourceVersion"):
            raise _must_give_version(resource, name)
        found["metadata"]["name"] = name
        found["metadata"].setdefault("managedFields", before["metadata"].get("managedFields", []))
        return Written(self._change(resource, before, found, options, subresource), False, warnings)

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Callable[[Object], Object],
        options: WriteOptions,
        subresource: str = "",
    ) -> Written:
        """A difference PATCH: ``change`` makes the new object from the stored one."""
        before = self.store.get(resource, namespace, name)
        if before is None:
            raise errors.not_found(resource, name)
        wanted = change(copy.deepcopy(before))
        if (wanted.get("metadata") or {}).get("name") != name:
            given = (wanted.get("metadata") or {}).get("name", "")
            raise errors.bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
        found, warnings = self._decoded(resource, namespace, wanted, options)
        return Written(self._change(resource, before, found, options, subresource), False, warnings)

    def apply(
        self, resource: Resource, namespace: str, name: str, body: Object, options: WriteOptions, subresource: str = ""
    ) -> Written:
        """Server-side apply; creates what is not there."""
        wanted = _without_nulls(body)
        wanted.setdefault("metadata", {}).setdefault("name", name)
        if wanted["metadata"]["name"] != name:
            raise errors.bad_request(
                f"the name of the object ({wanted['metadata']['name']}) does not match the name on the URL ({name})"
            )
        kept, unknown = check_shape(resource, wanted)
        if unknown:
            about = f"{namespace}/{name}" if namespace else f"/{name}"
            about += f"; {resource.api_version}, Kind={resource.kind}"
            text = f"failed to create typed patch object ({about}): .{unknown[0]}: field not declared in schema"
            raise errors.ApiError(500, text, reason=None)
        if wanted["metadata"].get("managedFields"):
            raise errors.bad_request("metadata.managedFields must be nil")
        self._check_identity(resource, namespace, kept)
        if not subresource:
            kept.pop("status", None) if resource.has_status else None
        before = self.store.get(resource, namespace, name)
        if before is None:
            self._check_namespace(resource, namespace, name)
            made = applied(None, kept, options.manager, force=options.force)
            return Written(self._insert(resource, made, options, None), True)
        _check_version(resource, name, kept, before)
        kept["metadata"].pop("resourceVersion", None)
        merged = applied(before, kept, options.manager, force=options.force)
        return Written(self._change(resource, before, merged, options, subresource, record=False))

    def delete(self, resource: Resource, namespace: str, name: str, body: Object, *, dry_run: bool = False) -> Object:
        """DELETE; answers what the client reads: the object or a Status. Finalizers hold it back."""
        before = self.store.get(resource, namespace, name)
        if before is None:
            raise errors.not_found(resource, name)
        metadata = before["metadata"]
        preconditions = body.get("preconditions") or {}
        for field, key, shown in (("uid", "uid", "UID"), ("resourceVersion", "resourceVersion", "ResourceVersion")):
            if preconditions.get(field) and preconditions[field] != metadata[key]:
                raise errors.precondition_failed(resource, name, shown, preconditions[field], metadata[key])
        if resource.qualified == "namespaces" and name in _PROTECTED_NAMESPACES:
            raise errors.refused(resource, name, "this namespace may not be deleted")
        if dry_run:
            return before
        gone = self._delete(resource, before, body)
        if resource.qualified in _ANSWERS_WITH_OBJECT or gone["metadata"].get("finalizers"):
            return gone
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return {**status, "details": errors.details(resource, name, uid=metadata["uid"])}

    def set_status(self, resource: Resource, found: Object, status: Object) -> Object:
        """A controller's status write; nothing happens when it is the same."""
        if found.get("status") == status:
            return found
        return self.store.replace(resource, {**found, "status": status})

    def edit(self, resource: Resource, found: Object, change: Callable[[Object], None]) -> Object | None:
        """A controller's write past the rules for clients; removes an object whose last finalizer went. None when it is gone."""
        current = self.store.get(resource, found["metadata"].get("namespace", ""), found["metadata"]["name"])
        if current is None:
            return None
        new = copy.deepcopy(current)
        change(new)
        if new == current:
            return current
        if resource.generation and new.get("spec") != current.get("spec"):
            new["metadata"]["generation"] = current["metadata"].get("generation", 0) + 1
        stored = self.store.replace(resource, new)
        return None if self._remove_if_done(resource, stored) else stored

    def _decoded(self, resource: Resource, namespace: str, body: Any, options: WriteOptions) -> tuple[Object, tuple[str, ...]]:
        if not isinstance(body, dict):
            raise errors.bad_request(f"the body must be a {resource.kind}, found {type(body).__name__}")
        found, unknown = check_shape(resource, _without_nulls(body))
        warnings: tuple[str, ...] = ()
        if unknown and options.field_validation == "Strict":
            listed = ", ".join(f'unknown field "{field}"' for field in unknown)
            what = f'{resource.kind} in version "{resource.version}"'
            raise errors.bad_request(f"{what} cannot be handled as a {resource.kind}: strict decoding error: {listed}")
        if unknown and options.field_validation != "Ignore":
            warnings = tuple(f'unknown field "{field}"' for field in unknown)
        self._check_identity(resource, namespace, found)
        return found, warnings

    def _check_identity(self, resource: Resource, namespace: str, found: Object) -> None:
        kind, api_version = found.get("kind") or resource.kind, found.get("apiVersion") or resource.api_version
        if (kind, api_version) != (resource.kind, resource.api_version):
            version = api_version.rpartition("/")[2]
            raise errors.bad_request(
                f'{kind} in version "{version}" cannot be handled as a {resource.kind}: converting ({version}.{kind}) to '
                f"({resource.group.partition('.')[0] or 'core'}.{resource.kind}): unknown conversion"
            )
        found["kind"], found["apiVersion"] = resource.kind, resource.api_version
        metadata = found.setdefault("metadata", {})
        if resource.namespaced:
            if metadata.setdefault("namespace", namespace) != namespace:
                raise errors.bad_request("the namespace of the provided object does not match the namespace sent on the request")
        else:
            metadata.pop("namespace", None)

    def _check_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        if not resource.namespaced:
            return
        found = self.store.find("namespaces", "", namespace)
        if found is None:
            raise errors.not_found(BY_NAME["namespaces"], namespace)
        if found["metadata"].get("deletionTimestamp"):
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise errors.refused(resource, name, why, [cause])

    def _insert(
        self, resource: Resource, found: Object, options: WriteOptions, record: Callable[[Object], None] | None
    ) -> Object:
        metadata = found["metadata"]
        for field in (*_SERVER_METADATA, "resourceVersion"):
            metadata.pop(field, None)
        if record:
            metadata.pop("managedFields", None)
            record(found)
        if resource.has_status:
            found.pop("status", None)
        fill_in(resource, found)
        if resource.has_status and resource.qualified in FIRST_STATUS:
            found["status"] = copy.deepcopy(FIRST_STATUS[resource.qualified])
        if resource.qualified == "pods":
            found["status"]["qosClass"] = quality_of_service(found["spec"])
        finalizer = _CLUSTER_FINALIZERS.get(resource.qualified)
        if finalizer and finalizer not in metadata.get("finalizers", ()):
            metadata["finalizers"] = [*metadata.get("finalizers", ()), finalizer]
        if resource.generation:
            metadata["generation"] = 1
        if causes := check_new(resource, found):
            raise errors.invalid(resource, metadata["name"], causes)
        taken = self.store.get(resource, metadata.get("namespace", ""), metadata["name"])
        if taken:
            raise errors.already_exists(resource, metadata["name"], terminating=bool(taken["metadata"].get("deletionTimestamp")))
        admit(self.store, resource, found, None)
        if options.dry_run:
            return {
                **found,
                "metadata": {**metadata, "uid": "00000000-0000-0000-0000-000000000000", "creationTimestamp": now_text()},
            }
        return self.store.create(resource, found)

    def _change(
        self, resource: Resource, before: Object, found: Object, options: WriteOptions, subresource: str, *, record: bool = True
    ) -> Object:
        name = before["metadata"]["name"]
        _check_version(resource, name, found, before)
        self._keep_server_fields(resource, before, found, subresource)
        fill_in(resource, found)
        if subresource != "status":
            self._check_change(resource, before, found)
        found["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        if record and found["metadata"].get("managedFields") == before["metadata"].get("managedFields"):
            record_update(before, found, options.manager)
        if resource.generation and found.get("spec") != before.get("spec"):
            found["metadata"]["generation"] = before["metadata"].get("generation", 0) + 1
        if found == before:
            return before
        if options.dry_run:
            return found
        if before["metadata"].get("deletionTimestamp") and _finished(resource, found):
            self.store.remove(resource, before["metadata"].get("namespace", ""), name)
            return found
        return self.store.replace(resource, found)

    def _check_change(self, resource: Resource, before: Object, found: Object) -> None:
        name = before["metadata"]["name"]
        causes = check_new(resource, found)
        added = [item for item in found["metadata"].get("finalizers", ()) if item not in before["metadata"].get("finalizers", ())]
        if before["metadata"].get("deletionTimestamp") and added:
            listed = ", ".join(f'"{item}"' for item in added)
            rule = f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{listed}}}"
            causes.append(errors.forbidden_value("metadata.finalizers", rule))
        if resource.qualified == "persistentvolumeclaims" and not (faults := check_change(resource, before, found)):
            class_name = before["spec"].get("storageClassName") or ""
            if refusal := check_expansion(before, found, self.store.find("storageclasses.storage.k8s.io", "", class_name)):
                raise refusal
        else:
            faults = check_change(resource, before, found)
        if causes + faults:
            raise errors.invalid(resource, name, causes + faults)
        admit(self.store, resource, found, before)

    def _keep_server_fields(self, resource: Resource, before: Object, found: Object, subresource: str) -> None:
        old, new = before["metadata"], found["metadata"]
        if new.get("uid") and new["uid"] != old["uid"]:
            cause = errors.invalid_value("metadata.uid", f'"{new["uid"]}"', "field is immutable")
            raise errors.invalid(resource, old["name"], [cause])
        for field in _SERVER_METADATA:
            new.pop(field, None)
            if field in old:
                new[field] = old[field]
        if old.get("generateName"):
            new["generateName"] = old["generateName"]
        if subresource == "status":
            status = found.get("status")
            found.clear()
            found.update(copy.deepcopy(before))
            found["metadata"]["managedFields"] = new.get("managedFields", [])
            if status is not None:
                found["status"] = status
        elif resource.has_status:
            found.pop("status", None)
            if "status" in before:
                found["status"] = copy.deepcopy(before["status"])

    def _delete(self, resource: Resource, before: Object, body: Object) -> Object:
        metadata = before["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        grace = body.get("gracePeriodSeconds")
        new = copy.deepcopy(before)
        if resource.qualified == "pods":
            scheduled = before["spec"].get("nodeName") and before["status"].get("phase") not in ("Succeeded", "Failed")
            period = before["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
            new["metadata"]["deletionGracePeriodSeconds"] = period if scheduled else 0
        policy = body.get("propagationPolicy") or ("Orphan" if body.get("orphanDependents") else "Background")
        finalizer = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(policy)
        if finalizer and finalizer not in new["metadata"].get("finalizers", ()):
            new["metadata"]["finalizers"] = [*new["metadata"].get("finalizers", ()), finalizer]
        if metadata.get("deletionTimestamp"):
            if new["metadata"].get("deletionGracePeriodSeconds") == metadata.get("deletionGracePeriodSeconds") or grace is None:
                return before
        else:
            new["metadata"]["deletionTimestamp"] = now_text()
            if resource.qualified not in ("pods", "namespaces"):
                new["metadata"]["deletionGracePeriodSeconds"] = 0
        if resource.qualified == "namespaces":
            new["status"]["phase"] = "Terminating"
        if _finished(resource, new):
            self.store.remove(resource, namespace, name)
            return new
        return self.store.replace(resource, new)

    def _remove_if_done(self, resource: Resource, stored: Object) -> bool:
        if not stored["metadata"].get("deletionTimestamp") or not _finished(resource, stored):
            return False
        self.store.remove(resource, stored["metadata"].get("namespace", ""), stored["metadata"]["name"])
        return True


def _finished(resource: Resource, found: Object) -> bool:
    if found["metadata"].get("finalizers"):
        return False
    if resource.qualified == "namespaces":
        return not found["spec"].get("finalizers")
    return resource.qualified != "pods" or found["metadata"].get("deletionGracePeriodSeconds", 0) == 0


def _without_nulls(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _without_nulls(value) for name, value in found.items() if value is not None}
    return [_without_nulls(item) for item in found] if isinstance(found, list) else found


def _check_version(resource: Resource, name: str, found: Object, before: Object) -> None:
    given = found["metadata"].get("resourceVersion")
    if given and given != before["metadata"]["resourceVersion"]:
        raise errors.modified_meanwhile(resource, name)


def _must_give_version(resource: Resource, name: str) -> errors.ApiError:
    cause = errors.invalid_value("metadata.resourceVersion", "0x0", "must be specified for an update")
    kind = {"name": name, "group": resource.group, "kind": resource.plural, "causes": [cause.as_json()]}
    return errors.ApiError(422, f'{resource.qualified} "{name}" is invalid: {cause.field}: {cause.message}', details=kind)
