"""A Kubernetes API server in memory behind TLS: objects, pages, server-side apply, deletion, and the refusals that matter.

Its answers are those of a real API server (1.20 and 1.35 agree on them). It knows no controllers: nothing becomes ready or
terminates by itself.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme

from hubplane.domain.kubernetes_access import ClusterConnection

TOKEN = "k8s-aws-v1.planted-token"
MAX_PAGE = 2
"""Never more per page, whatever the limit: a client that does not follow ``continue`` loses objects here."""


@dataclass
class Api:
    """What the server holds: objects by path, the requests it saw, and refusals to give once by (method, path)."""

    connection: ClusterConnection
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    refusals: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    bodies: list[Any] = field(default_factory=list)
    version: int = 100

    def put(self, path: str, manifest: dict[str, Any]) -> None:
        """Store an object as the API server would show it."""
        self.version += 1
        manifest.setdefault("metadata", {})["resourceVersion"] = str(self.version)
        self.objects[path] = manifest


def status(code: int, reason: str, message: str, **details: Any) -> tuple[int, dict[str, Any]]:
    """A refusal in the API server's form."""
    return code, {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code, "details": details}


@contextmanager
def running_api() -> Iterator[Api]:
    """The server on a free port of 127.0.0.1, with a certificate of its own authority."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece: with two, the second waits 40 ms for the client's delayed acknowledgement

        def do_GET(self) -> None:
            self._answer(_read)

        def do_POST(self) -> None:
            self._answer(_create)

        def do_PATCH(self) -> None:
            self._answer(_apply)

        def do_DELETE(self) -> None:
            self._answer(_delete)

        def _answer(self, act: Any) -> None:
            url = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
            api.requests.append((self.command, url.path, query))
            if body is not None:
                api.bodies.append(body)
            if self.headers.get("Authorization") != f"Bearer {api.connection.token}":
                code, document = status(401, "Unauthorized", "Unauthorized")
            elif (self.command, url.path) in api.refusals:
                code, document = api.refusals.pop((self.command, url.path))
            elif self.command == "PATCH" and self.headers["Content-Type"] != "application/apply-patch+yaml":
                code, document = status(415, "UnsupportedMediaType", f"the body was {self.headers['Content-Type']}")
            else:
                code, document = act(api, url.path, query, body)
            text = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    certificate = base64.b64encode(authority.cert_pem.bytes()).decode()
    api = Api(ClusterConnection("opensarlab", f"https://127.0.0.1:{server.server_port}", certificate, TOKEN))
    ended = threading.Event()

    def serve() -> None:
        # Sleeps until somebody connects: tests keep dozens of these open, and ``serve_forever`` wakes up many times a second.
        while not ended.is_set():
            server.handle_request()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        ended.set()
        socket.create_connection(server.server_address[:2]).close()
        thread.join()
        server.server_close()


def _read(api: Api, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
    if path == "/version":
        return 200, {"major": "1", "minor": "35", "gitVersion": "v1.35.0"}
    if path in api.objects:
        return 200, api.objects[path]
    folder, _, name = path.rpartition("/")
    if _plural(path) != name:
        return status(404, "NotFound", f'{folder.rpartition("/")[2]} "{name}" not found')
    wanted = dict(pair.split("=", 1) for pair in query.get("labelSelector", "").split(",") if pair)
    inside = sorted(key for key in api.objects if key.rpartition("/")[0] == path)
    matching = [key for key in inside if wanted.items() <= (api.objects[key]["metadata"].get("labels") or {}).items()]
    start = int(query.get("continue", "0"))
    end = start + min(int(query["limit"]), MAX_PAGE) if "limit" in query else len(matching)
    items = [
        {key: value for key, value in api.objects[name].items() if key not in ("kind", "apiVersion")}
        for name in matching[start:end]
    ]
    metadata = {"resourceVersion": str(api.version), **({"continue": str(end)} if end < len(matching) else {})}
    kind = api.objects[matching[0]].get("kind", "") if matching else ""
    return 200, {"kind": f"{kind}List", "apiVersion": "v1", "metadata": metadata, "items": items}


def _plural(path: str) -> str:
    """The resource of a path: the part after the group's version, or after the namespace's name."""
    parts = path.split("/")[3 if path.startswith("/api/") else 4 :]
    return parts[2] if parts[0] == "namespaces" and len(parts) > 2 else parts[0]


def _create(api: Api, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
    name = body["metadata"]["name"]
    whole, plural = f"{path}/{name}", path.rpartition("/")[2]
    if whole in api.objects:
        return status(409, "AlreadyExists", f'{plural} "{name}" already exists', name=name, kind=plural)
    body["metadata"]["uid"] = f"uid-{name}"
    body["status"] = {"phase": "Pending"}
    api.put(whole, body)
    return 201, api.objects[whole]


def bind(api: Api, claim_path: str) -> None:
    """What the persistent volume controller does with a claim that names its volume: both sides say so."""
    claim = api.objects[claim_path]
    volume = api.objects[f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}"]
    volume["spec"]["claimRef"]["uid"] = claim["metadata"]["uid"]
    claim["status"] = volume["status"] = {"phase": "Bound"}


def _apply(api: Api, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
    if query.get("fieldManager") is None:
        return status(
            400, "BadRequest", "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch"
        )
    before = api.objects.get(path)
    if before is None:
        api.put(path, body)
        return 201, api.objects[path]
    merged = _merged(before, body)
    for field_name in ("provisioner", "parameters", "reclaimPolicy"):
        if body["kind"] == "StorageClass" and merged.get(field_name) != before.get(field_name):
            return status(
                422,
                "Invalid",
                f'StorageClass "{path}" is invalid: {field_name}: Forbidden: updates to {field_name} are forbidden.',
            )
    if merged != before:
        api.put(path, merged)
    return 200, api.objects[path]


def _merged(before: Any, change: Any) -> Any:
    if isinstance(before, dict) and isinstance(change, dict):
        return {**before, **{key: _merged(before.get(key), value) for key, value in change.items()}}
    return change


def _delete(api: Api, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
    found = api.objects.get(path)
    if found is None:
        folder, _, name = path.rpartition("/")
        return status(404, "NotFound", f'{folder.rpartition("/")[2]} "{name}" not found')
    wanted = (body or {}).get("preconditions", {})
    broken = [name for name in wanted if found["metadata"].get(name) != wanted[name]]
    if broken:
        name = path.rpartition("/")[2]
        said = f"the {broken[0]} in the precondition ({wanted[broken[0]]}) does not match that of the record"
        return status(409, "Conflict", f'Operation cannot be fulfilled on "{name}": Precondition failed: {said}')
    if "/namespaces/" in path and path.count("/") == 4:  # a namespace is taken apart in its own time
        found["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
        return 200, found
    del api.objects[path]
    return 200, status(200, "", "")[1]
