"""A chart repository that real helm asks over TLS, under a public name, where no name resolves and no certificate is known."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

HOST = "charts.example.org"
URL = f"https://{HOST}/"


class Proxy(BaseHTTPRequestHandler):
    """Takes a CONNECT to the repository and answers in its place from ``folder``."""

    protocol_version = "HTTP/1.1"
    folder: Path
    context: ssl.SSLContext

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_GET(self) -> None:
        file = self.folder / Path(self.path).name
        content = file.read_bytes() if file.is_file() else b""
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(helm: Path, chart: Path, versions: Sequence[str], folder: Path) -> Iterator[Path]:
    """Serve ``chart`` under each version; gives a helm that finds the repository and trusts it."""
    for version in versions:
        subprocess.run([helm, "package", chart, "--version", version, "-d", folder], check=True, capture_output=True)
    subprocess.run([helm, "repo", "index", folder, "--url", URL], check=True, capture_output=True)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    handler = type("Served", (Proxy,), {"folder": folder, "context": context})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wrapper = folder / "helm"
    settings = f"HTTPS_PROXY=http://127.0.0.1:{server.server_address[1]} SSL_CERT_FILE={folder / 'authority.pem'}"
    wrapper.write_text(f'#!/bin/sh\n{settings} exec {helm} "$@"\n')
    wrapper.chmod(0o755)
    try:
        yield wrapper
    finally:
        server.shutdown()
        server.server_close()
