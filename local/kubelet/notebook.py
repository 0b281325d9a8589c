"""A person's server, as far as the hub and its proxy can tell: it answers under its prefix, and keeps one file in the home.

``python -I notebook.py HOST PORT``, with the pod's environment: ``JUPYTERHUB_SERVICE_PREFIX`` from the hub, ``HOME_VOLUME_URL``
(the control calls about EBS of the embedded cloud) and ``HOME_VOLUME_ID`` from the runtime. ``<prefix>api`` is what the hub waits
for (jupyterhub/user.py, ``_wait_up``); ``<prefix>files/marker.txt`` is read with GET and written with PUT, on the volume that is
mounted. No sign-in is asked for: whoever reaches the proxy on this machine may read the marker. Standard library only.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PREFIX = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/")
VOLUME_URL, VOLUME_ID = os.environ.get("HOME_VOLUME_URL", ""), os.environ.get("HOME_VOLUME_ID", "")
MARKER = f"{PREFIX}files/marker.txt"
CALL_SECONDS = 10
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy: it is on this machine


def read_home() -> str | None:
    """What is written on the mounted volume; None where nothing is."""
    with OPENER.open(VOLUME_URL, timeout=CALL_SECONDS) as answer:
        volumes = json.load(answer)["volumes"]
    content: str | None = next((item.get("content") for item in volumes if item["volume_id"] == VOLUME_ID), None)
    return content


def write_home(content: str) -> None:
    """Write it on the mounted volume."""
    body = json.dumps({"volume_id": VOLUME_ID, "content": content}).encode()
    request = urllib.request.Request(f"{VOLUME_URL}/write", data=body, headers={"content-type": "application/json"})
    with OPENER.open(request, timeout=CALL_SECONDS) as answer:
        answer.read()


class Notebook(BaseHTTPRequestHandler):
    """The server's answers."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == MARKER:
            content = read_home()
            self._answer(404 if content is None else 200, content or "there is no such file in this home\n")
        elif path.rstrip("/") == f"{PREFIX}api":
            self._answer(200, json.dumps({"version": "pretended"}))
        else:
            self._answer(200, f"the pretended server of {os.environ.get('JUPYTERHUB_USER', 'nobody')}\n")

    def do_PUT(self) -> None:
        if self.path.partition("?")[0] != MARKER:
            self._answer(404, "only the marker can be written\n")
            return
        write_home(self.rfile.read(int(self.headers.get("content-length", 0))).decode())
        self._answer(201, "written\n")

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Notebook).serve_forever()
