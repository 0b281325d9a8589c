"""One emulator per test module, in its own process, and a small Kubernetes stand-in for it to talk to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(os.environ.get("HUBPLANE_CLOUD_PYTHON", ROOT / ".tools" / "cloud" / "bin" / "python"))
ACCOUNT_ID = "553778890976"
REGION = "us-east-1"


class FakeStandIn:
    """Answers the control API as the stand-in does and remembers what it was told."""

    def __init__(self) -> None:
        self.clusters: dict[str, dict[str, Any]] = {}
        self.node_ports: dict[tuple[str, int], tuple[str, int]] = {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                url = urllib.parse.urlsplit(self.path)
                parts = [urllib.parse.unquote(part) for part in url.path.strip("/").split("/")]
                status, content = fake.handle(self.command, parts, body, dict(urllib.parse.parse_qsl(url.query)))
                payload = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def handle(self, method: str, parts: list[str], body: dict[str, Any], query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Status and body for one request."""
        if method == "POST" and parts == ["clusters"]:
            self.clusters[body["name"]] = {**body, "groups": {}, "access": {}}
            return 200, {"endpoint": f"https://127.0.0.1:1/{body['name']}", "certificate_authority_data": "Q0E="}
        cluster = self.clusters.get(parts[1]) if len(parts) > 1 else None
        if cluster is None:
            return 404, {"reason": f"no cluster {parts[1:]}"}
        match (method, parts[2:]):
            case ("DELETE", []):
                del self.clusters[parts[1]]
            case ("PUT", ["version"]):
                cluster["version"] = body["version"]
            case ("PUT", ["nodegroups", group]):
                cluster["groups"][group] = body
            case ("DELETE", ["nodegroups", group]):
                cluster["groups"].pop(group, None)
            case ("GET", ["nodes", _, "held"]):
                return 200, {"pods": cluster.get("held", [])}
            case ("PUT", ["access"]):
                cluster["access"][body["principal_arn"]] = body
            case ("DELETE", ["access"]):
                cluster["access"].pop(query["principal_arn"], None)
            case ("PUT", ["identities"]):
                cluster["identities"] = body["associations"]
            case ("GET", ["nodeports", port]):
                found = self.node_ports.get((parts[1], int(port)))
                return (200, {"host": found[0], "port": found[1]}) if found else (404, {"reason": "no ready pod"})
        return 200, {}

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


@dataclass
class RunningCloud:
    """A running emulator with clients for it."""

    endpoint_url: str
    facts: dict[str, Any]
    stand_in: FakeStandIn
    process: subprocess.Popen[bytes]
    state_dir: Path
    log_path: Path
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A client of the account's root."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.endpoint_url,
                region_name=REGION,
                aws_access_key_id=ACCOUNT_ID,
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}),
            )
        return self._clients[service]

    def wait(self, what: str, done: Callable[[], Any], seconds: float = 20) -> Any:
        """Wait until ``done`` answers something true; answers it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = done()
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"{what}: not within {seconds} s; log:\n{self.log_path.read_text()[-2000:]}")


@contextlib.contextmanager
def running_cloud(
    folder: Path, skip_mends: str | None = None, stack_seconds: float = 0.3, *arguments: str
) -> Iterator[RunningCloud]:
    """Start an emulator, without the mends named in ``skip_mends``, and end it.

    Left out, the mends that the caller's ``HUBPLANE_SKIP_MENDS`` names are skipped: with any of them, some test here fails.
    """
    skip_mends = os.environ.get("HUBPLANE_SKIP_MENDS", "") if skip_mends is None else skip_mends
    if not PYTHON.exists():
        pytest.fail(f"{PYTHON} is missing: make a venv there with local/cloud/requirements.txt")
    folder.mkdir(parents=True, exist_ok=True)
    stand_in = FakeStandIn()
    announce, log = folder / "announce.json", folder / "log"
    command = [PYTHON, "-m", "local.cloud", "--announce", announce, "--state-dir", folder / "state"]
    command += ["--kubernetes-control-url", stand_in.url, "--stack-seconds", stack_seconds, *arguments]
    environment = {**os.environ, "HUBPLANE_SKIP_MENDS": skip_mends, "PYTHONPATH": "", "SECRET_OF_THE_LAUNCHER": "leaked"}
    with log.open("wb") as output:
        process = subprocess.Popen([*map(str, command)], cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 30
        while not announce.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the emulator did not start:\n{log.read_text()}")
            time.sleep(0.05)
        facts = json.loads(announce.read_text())
        yield RunningCloud(facts["endpoint_url"], facts, stand_in, process, folder / "state", log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        stand_in.close()
