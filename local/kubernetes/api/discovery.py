"""Discovery and the OpenAPI stub: which resources there are, told in both forms that clients ask for.

The stub carries no schemas. It tells clients that the server validates (``fieldValidation`` on PATCH), which makes helm and
kubectl leave validation to it; a 404 here would send them to ``/openapi/v2``, which is Protobuf only.
"""

from __future__ import annotations

from typing import Any

from local.kubernetes.api.resources import GROUP_VERSIONS, RESOURCES, REVIEWS, Resource

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_SUBRESOURCE_KINDS = {
    "scale": ("autoscaling", "v1", "Scale", ("get", "patch", "update")),
    "status": ("", "", "", ("get", "patch", "update")),
    "finalize": ("", "", "", ("update",)),
    "log": ("", "", "", ("get",)),
    "eviction": ("policy", "v1", "Eviction", ("create",)),
    "binding": ("", "v1", "Binding", ("create",)),
    "token": ("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
}


def version(kubernetes_version: str) -> dict[str, str]:
    """``GET /version`` of an EKS cluster."""
    major, _, minor = kubernetes_version.partition(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{kubernetes_version}.0-eks-standin",
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "none",
        "platform": "linux/amd64",
    }


def api_versions() -> dict[str, Any]:
    """``GET /api`` for clients that do not ask for the aggregated form."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def api_groups() -> dict[str, Any]:
    """``GET /apis`` for clients that do not ask for the aggregated form."""
    groups = []
    for group in dict.fromkeys(group for group, _ in GROUP_VERSIONS if group):
        versions = [
            {"groupVersion": f"{group}/{version}", "version": version} for name, version in GROUP_VERSIONS if name == group
        ]
        groups.append({"name": group, "versions": versions, "preferredVersion": versions[0]})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_group(name: str) -> dict[str, Any] | None:
    """``GET /apis/G``; None when there is no such group."""
    found = next((group for group in api_groups()["groups"] if group["name"] == name), None)
    return {"kind": "APIGroup", "apiVersion": "v1", **found} if found else None


def api_resources(group: str, version: str) -> dict[str, Any] | None:
    """``GET /api/v1`` or ``/apis/G/V``; None when there is no such version."""
    if (group, version) not in GROUP_VERSIONS:
        return None
    entries: list[dict[str, Any]] = []
    for resource in _of(group, version):
        found = {
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
        }
        found |= {"shortNames": list(resource.short_names)} if resource.short_names else {}
        found |= {"categories": list(resource.categories)} if resource.categories else {}
        entries.append(found)
        for name in resource.subresources:
            of_group, of_version, kind, verbs = _SUBRESOURCE_KINDS[name]
            below = {
                "name": f"{resource.plural}/{name}",
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": kind or resource.kind,
                "verbs": list(verbs),
            }
            entries.append(below | ({"group": of_group, "version": of_version} if of_version and of_group else {}))
    text = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": text, "resources": entries}


def aggregated(*, core: bool) -> dict[str, Any]:
    """``GET /api`` (core) or ``/apis`` as APIGroupDiscoveryList: everything in one answer."""
    items = []
    for group in dict.fromkeys(group for group, _ in GROUP_VERSIONS if bool(group) != core):
        versions = [
            {"version": version, "resources": [_aggregated(resource) for resource in _of(group, version)], "freshness": "Current"}
            for name, version in GROUP_VERSIONS
            if name == group
        ]
        items.append({"metadata": {"name": group} if group else {}, "versions": versions})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated(resource: Resource) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    found |= {"shortNames": list(resource.short_names)} if resource.short_names else {}
    found |= {"categories": list(resource.categories)} if resource.categories else {}
    below = []
    for name in resource.subresources:
        group, version, kind, verbs = _SUBRESOURCE_KINDS[name]
        shown = {"group": group or resource.group, "version": version or resource.version, "kind": kind or resource.kind}
        below.append({"subresource": name, "responseKind": shown, "verbs": list(verbs)})
    return found | ({"subresources": below} if below else {})


def openapi_index() -> dict[str, Any]:
    """``GET /openapi/v3``."""
    paths = [f"apis/{group}/{version}" if group else f"api/{version}" for group, version in GROUP_VERSIONS]
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in paths}}


def openapi(group: str, version: str) -> dict[str, Any] | None:
    """``GET /openapi/v3/G/V``: one PATCH operation per kind, no schemas; None when there is no such version."""
    if (group, version) not in GROUP_VERSIONS:
        return None
    paths = {}
    for resource in _of(group, version):
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        scope = "/namespaces/{namespace}" if resource.namespaced else ""
        paths[f"{root}{scope}/{resource.plural}/{{name}}"] = {
            "patch": {
                "parameters": [{"name": "fieldValidation", "in": "query"}],
                "responses": {},
                "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": resource.kind},
            }
        }
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": version},
        "components": {"schemas": {}},
        "paths": paths,
    }


def _of(group: str, version: str) -> list[Resource]:
    return [resource for resource in (*RESOURCES, *REVIEWS) if (resource.group, resource.version) == (group, version)]
