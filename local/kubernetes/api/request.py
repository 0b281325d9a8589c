"""A request to the API as its path and query say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from local.kubernetes.api.errors import ApiError, unknown_path
from local.kubernetes.api.resources import BY_NAME, BY_PATH, GROUP_VERSIONS, Resource
from local.kubernetes.api.writer import WriteOptions


@dataclass(frozen=True)
class Target:
    """What a path names. ``name`` "" is the collection; ``namespace`` "" all of them, or the cluster scope."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def target(path: str) -> Target:
    """The target of a path below /api or /apis. Raises 404."""
    parts = [part for part in path.split("/") if part]
    if parts[0] == "api":
        group, version, rest = "", parts[1] if len(parts) > 1 else "", parts[2:]
    else:
        group, version, rest = (parts[1], parts[2], parts[3:]) if len(parts) > 2 else ("", "", [])
    if (group, version) not in GROUP_VERSIONS or not rest:
        raise unknown_path()
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and not (group == "" and rest[2] in BY_NAME["namespaces"].subresources):
        namespace, rest = rest[1], rest[2:]
    resource = BY_PATH.get((group, version, rest[0]))
    if resource is None or len(rest) > 3 or (namespace and not resource.namespaced):
        raise unknown_path()
    name, subresource = [*rest[1:], "", ""][:2]
    if subresource and subresource not in resource.subresources:
        raise unknown_path()
    return Target(resource, namespace, name, subresource)


def verb(method: str, where: Target, query: Mapping[str, str]) -> str:
    """The API's verb for an HTTP method. Raises 405 for one that the target does not have."""
    watching = flag(query, "watch")
    verbs = {
        "GET": "get" if where.name else "watch" if watching else "list",
        "HEAD": "get",
        "POST": "create",
        "PUT": "update",
        "PATCH": "patch",
        "DELETE": "delete" if where.name else "deletecollection",
    }
    found = verbs.get(method, "")
    needs_name = found in ("update", "patch")
    posts_below = found == "create" and bool(where.name) and where.subresource not in ("token", "eviction", "binding")
    unknown = found not in where.resource.verbs and not where.subresource
    if not found or unknown or posts_below or (needs_name and not where.name):
        raise ApiError(405, "the server does not allow this method on the requested resource", details={})
    return found


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean of the query, in any form that Go's strconv.ParseBool takes: the Python client says ``True``."""
    return query.get(name, "") in ("1", "t", "T", "true", "TRUE", "True")


def write_options(query: Mapping[str, str], user_agent: str, *, apply: bool = False) -> WriteOptions:
    """What the query says about a write. The field manager of a client that names none is its program's name."""
    manager = query.get("fieldManager") or user_agent.partition("/")[0] or "unknown"
    if apply and not query.get("fieldManager"):
        raise ApiError(
            422,
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
            details={"group": "meta.k8s.io", "kind": "PatchOptions"},
        )
    return WriteOptions(
        manager=manager,
        dry_run=query.get("dryRun") == "All",
        field_validation=query.get("fieldValidation") or "Warn",
        force=flag(query, "force"),
    )
