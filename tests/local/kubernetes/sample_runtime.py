"""A pod runtime for tests: pods labelled ``real`` become small web servers that answer with what they were given."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from local.kubernetes.runtime import PodStart, RunningPod

SERVER = """
import http.server, json, os, sys
given = json.load(open(sys.argv[1]))
if given["environment"].get("FAIL"):
    sys.exit("told to fail")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({**given, "pid": os.getpid()}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *args):
        pass
print("serving", given["pod"], flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""


class ServerPod:
    """One server process."""

    def __init__(self, start: PodStart) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="sample-pod-"))
        self._port = next(iter(start.reserved_ports.values()), 0)
        given = {
            "pod": start.pod["metadata"]["name"],
            "container": start.container["name"],
            "environment": dict(start.environment),
            "files": {path: content.decode() for path, content in start.files.items()},
            "ports": {str(port): reserved for port, reserved in start.reserved_ports.items()},
        }
        (self._directory / "given.json").write_text(json.dumps(given))
        self._log = self._directory / "log"
        with self._log.open("wb") as log:
            command = [sys.executable, "-c", SERVER, str(self._directory / "given.json"), str(self._port)]
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env={"PATH": os.environ.get("PATH", "")}
            )

    def ready(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
            return True
        return False

    def failure(self) -> str | None:
        code = self.process.poll()
        return None if code is None else f"ended with exit code {code}"

    def log(self) -> str:
        return self._log.read_text()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class SampleRuntime:
    """Starts pods labelled ``real=yes``."""

    def start(self, start: PodStart) -> RunningPod | None:
        return ServerPod(start) if start.pod["metadata"].get("labels", {}).get("real") == "yes" else None


def make() -> SampleRuntime:
    """The factory that ``--runtime`` names."""
    return SampleRuntime()
