"""The control API: what EKS, its node groups and the tests ask of the stand-in."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import aiohttp
from aiohttp import web

from local.kubernetes.access.identity import AccessEntry
from local.kubernetes.cluster import HOST, Cluster, ClusterOptions
from local.kubernetes.faults import FaultInvalid, read_fault
from local.kubernetes.nodes import NodeGroup, held_on, nodes_of
from local.kubernetes.runtime import PodRuntime

log = logging.getLogger(__name__)


class Control:
    """All clusters of this process, and the requests that change them."""

    def __init__(
        self, aws_endpoint: str, session: aiohttp.ClientSession, runtime: PodRuntime | None, aws: Callable[..., Any]
    ) -> None:
        self.aws_endpoint, self.session, self.runtime, self.aws = aws_endpoint, session, runtime, aws
        self.clusters: dict[str, Cluster] = {}
        self.url = ""
        """Where this API answers, once it does: pods ask it for credentials."""

    def application(self) -> web.Application:
        """The web application of the control API."""
        app = web.Application()
        one = "/clusters/{cluster}"
        app.add_routes(
            [
                web.post("/clusters", self.create_cluster),
                web.get("/clusters", self.list_clusters),
                web.delete(one, self.delete_cluster),
                web.put(one + "/version", self.put_version),
                web.put(one + "/nodegroups/{group}", self.put_group),
                web.delete(one + "/nodegroups/{group}", self.delete_group),
                web.get(one + "/nodes/{instance}/held", self.held),
                web.put(one + "/access", self.put_access),
                web.delete(one + "/access", self.delete_access),
                web.put(one + "/identities", self.put_identities),
                web.get(one + "/credentials", self.credentials),
                web.get(one + "/nodeports/{port}", self.node_port),
                web.post(one + "/faults", self.put_fault),
                web.delete(one + "/faults/{fault}", self.delete_fault),
                web.get(one + "/requests", self.count_requests),
            ]
        )
        return app

    async def stop(self) -> None:
        """Stop every cluster."""
        for name in list(self.clusters):
            await self.clusters.pop(name).stop()

    async def create_cluster(self, request: web.Request) -> web.Response:
        body = await _body(request)
        options = ClusterOptions(*(_text(body, name) for name in ("name", "version", "region", "account")))
        cluster = self.clusters.get(options.name)
        if cluster is None:
            cluster = Cluster(options, self.aws_endpoint, self.session, self.runtime, partial(self.aws, options.region))
            self.clusters[options.name] = cluster
            cluster.identities.agent_url = f"{self.url}/clusters/{options.name}/credentials"
            await cluster.start()
            log.info("cluster %s answers at %s", options.name, cluster.endpoint)
        return web.json_response(cluster.described())

    async def list_clusters(self, request: web.Request) -> web.Response:
        found = [
            {
                "name": cluster.name,
                "version": cluster.version,
                "region": cluster.region,
                "account": cluster.options.account,
                **cluster.described(),
                "nodegroups": sorted(cluster.groups),
                "access": sorted(entry.principal_arn for entry in cluster.authenticator.entries.values()),
            }
            for cluster in self.clusters.values()
        ]
        return web.json_response({"clusters": found})

    async def delete_cluster(self, request: web.Request) -> web.Response:
        cluster = self._cluster(request)
        del self.clusters[cluster.name]
        await cluster.stop()
        return web.json_response({})

    async def put_version(self, request: web.Request) -> web.Response:
        cluster, body = self._cluster(request), await _body(request)
        cluster.version = _text(body, "version")
        return web.json_response({})

    async def put_group(self, request: web.Request) -> web.Response:
        cluster = self._cluster(request)
        try:
            group = NodeGroup.read(request.match_info["group"], await _body(request))
        except ValueError as error:
            raise _bad(str(error)) from error
        cluster.put_group(group)
        return web.json_response({"nodes": [node["metadata"]["name"] for node in nodes_of(cluster.writer, group.name)]})

    async def delete_group(self, request: web.Request) -> web.Response:
        name = request.match_info["group"]
        if not self._cluster(request).drop_group(name):
            raise _missing(f"there is no node group {name}")
        return web.json_response({})

    async def held(self, request: web.Request) -> web.Response:
        writer = self._cluster(request).writer
        return web.json_response({"pods": held_on(writer.store, request.match_info["instance"])})

    async def put_access(self, request: web.Request) -> web.Response:
        cluster, body = self._cluster(request), await _body(request)
        namespaces = body.get("namespaces")
        entry = AccessEntry(
            _text(body, "principal_arn"),
            tuple(body.get("policies") or ()),
            tuple(body.get("groups") or ()),
            None if namespaces is None else tuple(namespaces),
            tuple((item["policy"], tuple(item["namespaces"])) for item in body.get("scoped") or ()),
        )
        cluster.authenticator.let_in(entry)
        return web.json_response({})

    async def delete_access(self, request: web.Request) -> web.Response:
        arn = request.query.get("principal_arn", "")
        if not self._cluster(request).authenticator.shut_out(arn):
            raise _missing(f"there is no access entry of {arn!r}")
        return web.json_response({})

    async def put_identities(self, request: web.Request) -> web.Response:
        cluster, body = self._cluster(request), await _body(request)
        cluster.identities.roles = {
            (_text(item, "namespace"), _text(item, "serviceAccount")): _text(item, "roleArn") for item in body["associations"]
        }
        return web.json_response({})

    async def credentials(self, request: web.Request) -> web.Response:
        found = await self._cluster(request).identities.credentials(request.headers.get("Authorization", ""))
        if found is None:
            raise _refusal(web.HTTPForbidden, "this token belongs to no service account with a role")
        return web.json_response(found)

    async def node_port(self, request: web.Request) -> web.Response:
        text = request.match_info["port"]
        if not text.isdigit():
            raise _bad(f"port: found {text!r}; it must be a number")
        port, reason = self._cluster(request).pods.node_port(int(text))
        if not port:
            raise _missing(reason)
        return web.json_response({"host": HOST, "port": port})

    async def put_fault(self, request: web.Request) -> web.Response:
        cluster = self._cluster(request)
        try:
            cluster.faults.put(read_fault(await _body(request)))
        except FaultInvalid as error:
            raise _bad(str(error)) from error
        return web.json_response({})

    async def delete_fault(self, request: web.Request) -> web.Response:
        name = request.match_info["fault"]
        if not self._cluster(request).faults.drop(name):
            raise _missing(f"there is no fault {name!r}")
        return web.json_response({})

    async def count_requests(self, request: web.Request) -> web.Response:
        return web.json_response(dict(sorted(self._cluster(request).requests.items())))

    def _cluster(self, request: web.Request) -> Cluster:
        name = request.match_info["cluster"]
        if name not in self.clusters:
            raise _missing(f"there is no cluster {name}")
        return self.clusters[name]


async def _body(request: web.Request) -> Mapping[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise _bad(f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise _bad(f"the body must be an object, found {type(body).__name__}")
    return body


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise _bad(f"{name}: found {value!r}; it must be a string")
    return value


def _missing(reason: str) -> web.HTTPException:
    return _refusal(web.HTTPNotFound, reason)


def _bad(reason: str) -> web.HTTPException:
    return _refusal(web.HTTPBadRequest, reason)


def _refusal(kind: type[web.HTTPException], reason: str) -> web.HTTPException:
    return kind(text=json.dumps({"reason": reason}), content_type="application/json")
