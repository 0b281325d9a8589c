"""The HTTP side of one cluster's API: from a request to the store and back."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local.kubernetes.access.authorization import Question, check
from local.kubernetes.access.identity import Identity
from local.kubernetes.api import discovery, subresources, watch
from local.kubernetes.api.content import decoded, decoded_patch
from local.kubernetes.api.errors import ApiError, not_found, unknown_path
from local.kubernetes.api.paging import page
from local.kubernetes.api.patches import APPLY_PATCH, patched
from local.kubernetes.api.request import Target, target, verb, write_options
from local.kubernetes.api.resources import GROUP_VERSIONS, REVIEWS
from local.kubernetes.api.selectors import Matcher, field_matcher, label_matcher
from local.kubernetes.api.tables import table, wants_table
from local.kubernetes.api.writer import Written

if TYPE_CHECKING:
    from local.kubernetes.cluster import Cluster

log = logging.getLogger(__name__)
Object = dict[str, Any]
LARGEST_BODY_BYTES = 3 * 1024 * 1024
"""What a real API server takes (apiserver flag --max-request-bytes' default: 3 MiB)."""


def application(cluster: Cluster) -> web.Application:
    """The web application of a cluster."""
    server = _Server(cluster)
    app = web.Application(client_max_size=LARGEST_BODY_BYTES)
    app.router.add_route("*", "/{path:.*}", server.answer)
    return app


class _Server:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.store, self.writer = cluster.store, cluster.writer

    async def answer(self, request: web.Request) -> web.StreamResponse:
        who: Identity | None = None
        status = 500
        try:
            if request.path in ("/healthz", "/livez", "/readyz"):
                return web.Response(text="ok")
            who = await self.cluster.authenticator.identify(request.headers.get("Authorization", ""))
            if who is None:
                raise ApiError(401, "Unauthorized")
            response = await self._dispatch(request, who)
            status = response.status
            return response
        except ApiError as error:
            status = error.code
            headers = {"Retry-After": "1"} if error.code == 429 else None
            return web.json_response(error.status(), status=error.code, headers=headers)
        except Exception:
            log.exception("cluster %s: %s %s failed", self.cluster.name, request.method, request.path)
            return web.json_response(
                ApiError(500, "the stand-in failed; its log says how", reason="InternalError").status(), status=500
            )
        finally:
            user = who.user if who else "-"
            log.info("%s %s %s -> %s (%s)", self.cluster.name, request.method, request.path_qs, status, user)

    async def _dispatch(self, request: web.Request, who: Identity) -> web.StreamResponse:
        found = self._document(request)
        if found is not None:
            return found
        if not request.path.startswith(("/api/", "/apis/")):
            raise unknown_path()
        if request.path.startswith("/apis/") and _group_version(request.path) not in GROUP_VERSIONS:
            return web.Response(status=404, text="404 page not found\n")
        where = target(request.path)
        asked = verb(request.method, where, request.query)
        self.cluster.requests[f"{asked} {where.resource.qualified}" + (f"/{where.subresource}" if where.subresource else "")] += 1
        name = where.name or _name_selected(request.query)
        check(self.store, who, Question(asked, where.resource, _scope(where), name, where.subresource))
        self.cluster.faults.refuse(asked, where)
        handlers: dict[str, Callable[[web.Request, Target, Identity], Awaitable[web.StreamResponse]]] = {
            "get": self._get,
            "list": self._list,
            "watch": self._watch,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_collection,
        }
        return await handlers[asked](request, where, who)

    def _document(self, request: web.Request) -> web.Response | None:
        """The answer to a question about the API itself; None when the request is about objects."""
        path = request.path.rstrip("/")
        parts = path.strip("/").split("/")
        if path == "/version":
            return web.json_response(discovery.version(self.cluster.version))
        if path in ("/api", "/apis"):
            return _roots(request, core=path == "/api")
        if parts[:2] == ["openapi", "v3"]:
            found = discovery.openapi_index() if len(parts) == 2 else discovery.openapi(*_version_of(parts[2:]))
        elif (parts[0] == "api" and len(parts) == 2) or (parts[0] == "apis" and len(parts) == 3):
            found = discovery.api_resources(*_version_of(parts))
        elif parts[0] == "apis" and len(parts) == 2:
            found = discovery.api_group(parts[1])
        else:
            return None
        return web.json_response(found) if found is not None else web.Response(status=404, text="404 page not found\n")

    async def _get(self, request: web.Request, where: Target, who: Identity) -> web.StreamResponse:
        found = self.store.get(where.resource, where.namespace, where.name)
        if found is None:
            raise not_found(where.resource, where.name)
        if where.subresource == "log":
            return web.Response(text=await self._log(request, found))
        if where.subresource == "scale":
            return web.json_response(subresources.scale_of(found))
        return self._object(request, where, found)

    async def _log(self, request: web.Request, pod: Object) -> str:
        containers = [container["name"] for container in pod["spec"]["containers"]]
        container = request.query.get("container") or containers[0]
        if container not in containers:
            raise ApiError(400, f"container {container} is not valid for pod {pod['metadata']['name']}")
        text = await self.cluster.pods.log(pod, container)
        lines = text.splitlines(keepends=True)
        tail = request.query.get("tailLines", "")
        return "".join(lines[-int(tail) :] if tail.isdigit() and int(tail) else lines if not tail else [])

    async def _list(self, request: web.Request, where: Target, who: Identity) -> web.StreamResponse:
        query = request.query
        limit = int(query["limit"]) if query.get("limit", "").isdigit() else 0
        selected = bool(query.get("labelSelector") or query.get("fieldSelector"))
        found = page(
            self.store,
            where.resource,
            where.namespace or None,
            _matcher(where, query),
            limit,
            query.get("continue", ""),
            selected=selected,
        )
        if wants_table(request.headers.get("Accept", "")):
            return web.json_response(table(where.resource, found.items, found.metadata, query.get("includeObject", "Metadata")))
        return web.json_response(_listed(where, found.items, found.metadata))

    async def _watch(self, request: web.Request, where: Target, who: Identity) -> web.StreamResponse:
        matches = _matcher(where, request.query)

        def show(found: Mapping[str, Any], first: bool) -> Mapping[str, Any]:
            if wants_table(request.headers.get("Accept", "")):
                version = {"resourceVersion": found["metadata"]["resourceVersion"]}
                return table(where.resource, [found], version, request.query.get("includeObject", "Metadata"), headers=first)
            return found

        return await watch.stream(request, self.store, where, matches, show)

    async def _create(self, request: web.Request, where: Target, who: Identity) -> web.StreamResponse:
        raw = await request.read()
        body = decoded(raw, request.headers.get("Content-Type", "")) if raw else {}
        options = write_options(request.query, request.headers.get("User-Agent", ""))
        if where.resource in REVIEWS:
            return web.json_response(subresources.review(self.store, who, where.resource, body), status=201)
        if where.subresource == "token":
            tokens = self.cluster.authenticator.service_accounts
            return web.json_response(subresources.issue_token(tokens, self.store, where, body), status=201)
        if where.subresource == "eviction":
            return web.json_response(subresources.evict(self.writer, where, body), status=201)
        if where.subresource == "binding":
            return web.json_response(subresources.bind(self.writer, where, body), status=201)
        if where.resource.namespaced and not where.namespace:
            raise unknown_path()
        return self._written(request, where, self.writer.create(where.resource, where.namespace, body, options))

    async def _update(self, request: web.Request, where: Target, who: Identity) -> web.StreamResponse:
        body = decoded(await request.read(), request.headers.get("Content-Type", ""))
        options = write_options(request.query, request.headers.get("User-Agent", ""))
        if where.subresource == "scale":
            return web.json_response(subresources.change_scale(self.writer, where, lambda scale: body, options))
        if where.subresource == "finalize":
            found = self.store.get(where.resource, "", where.name)
            if found is None:
                raise not_found(where.resource, where.name)
            wanted = (body.get("spec") or {}).get("finalizers") or []
            stored = self.writer.edit(where.resource, found, lambda one: one["spec"].update(finalizers=wanted))
            return web.json_response(stored or found)
        written = self.writer.update(where.resource, where.namespace, where.name, body, options, where.subresource)
        return self._written(request, where, written)

    async def _patch(self, request: web.Request, where: Target, who: Identity) -> web.StreamResponse:
        media, body = decoded_patch(await request.read(), request.headers.get("Content-Type", ""))
        options = write_options(request.query, request.headers.get("User-Agent", ""), apply=media == APPLY_PATCH)
        if media == APPLY_PATCH:
            written = self.writer.apply(where.resource, where.namespace, where.name, body, options, where.subresource)
            return self._written(request, where, written)
        if where.subresource == "scale":
            change = lambda scale: patched(media, scale, body)  # noqa: E731
            return web.json_response(subresources.change_scale(self.writer, where, change, options))
        written = self.writer.patch(
            where.resource, where.namespace, where.name, lambda found: patched(media, found, body), options, where.subresource
        )
        return self._written(request, where, written)

    async def _delete(self, request: web.Request, where: Target, who: Identity) -> web.StreamResponse:
        body = await _delete_options(request)
        dry_run = request.query.get("dryRun") == "All" or body.get("dryRun") == ["All"]
        gone = self.writer.delete(where.resource, where.namespace, where.name, body, dry_run=dry_run)
        return web.json_response(gone)

    async def _delete_collection(self, request: web.Request, where: Target, who: Identity) -> web.StreamResponse:
        body = await _delete_options(request)
        matches = _matcher(where, request.query)
        found = [item for item in self.store.list(where.resource, where.namespace or None) if matches(item)]
        for item in found:
            metadata = item["metadata"]
            self.writer.delete(where.resource, metadata.get("namespace", ""), metadata["name"], body)
        return web.json_response(_listed(where, found, {"resourceVersion": str(self.store.revision)}))

    def _object(self, request: web.Request, where: Target, found: Object, status: int = 200) -> web.Response:
        if wants_table(request.headers.get("Accept", "")):
            version = {"resourceVersion": found["metadata"].get("resourceVersion", "")}
            shown: Any = table(where.resource, [found], version, request.query.get("includeObject", "Metadata"))
        else:
            shown = found
        return web.json_response(shown, status=status)

    def _written(self, request: web.Request, where: Target, written: Written) -> web.Response:
        response = self._object(request, where, written.found, 201 if written.created else 200)
        for warning in written.warnings:
            response.headers.add("Warning", f'299 - "{warning.replace(chr(34), chr(92) + chr(34))}"')
        return response


async def _delete_options(request: web.Request) -> Object:
    raw = await request.read()
    body = decoded(raw, request.headers.get("Content-Type", "")) if raw else {}
    body = dict(body) if isinstance(body, dict) else {}
    if request.query.get("gracePeriodSeconds", "").isdigit():
        body["gracePeriodSeconds"] = int(request.query["gracePeriodSeconds"])
    if request.query.get("propagationPolicy"):
        body["propagationPolicy"] = request.query["propagationPolicy"]
    return body


def _matcher(where: Target, query: Mapping[str, str]) -> Matcher:
    labels, fields = label_matcher(query.get("labelSelector")), field_matcher(where.resource, query.get("fieldSelector"))
    return lambda found: labels(found) and fields(found)


def _listed(where: Target, items: list[Object], metadata: Object) -> Object:
    bare = [{name: value for name, value in item.items() if name not in ("kind", "apiVersion")} for item in items]
    return {"kind": f"{where.resource.kind}List", "apiVersion": where.resource.api_version, "metadata": metadata, "items": bare}


def _name_selected(query: Mapping[str, str]) -> str:
    """A list by metadata.name counts as a question about that name, as Kubernetes' authorizer sees it."""
    field = query.get("fieldSelector", "")
    return field.removeprefix("metadata.name=") if field.startswith("metadata.name=") and "," not in field else ""


def _scope(where: Target) -> str:
    return where.name if where.resource.qualified == "namespaces" else where.namespace


def _group_version(path: str) -> tuple[str, str]:
    parts = path.split("/")
    return parts[2], parts[3] if len(parts) > 3 else ""


def _version_of(parts: list[str]) -> tuple[str, str]:
    return ("", parts[1]) if parts[0] == "api" and len(parts) == 2 else (parts[1], parts[2]) if len(parts) == 3 else ("", "")


def _roots(request: web.Request, *, core: bool) -> web.Response:
    if discovery.AGGREGATED.partition(";")[2] not in request.headers.get("Accept", ""):
        return web.json_response(discovery.api_versions() if core else discovery.api_groups())
    body = json.dumps(discovery.aggregated(core=core)).encode()
    return web.Response(body=body, headers={"Content-Type": discovery.AGGREGATED})
