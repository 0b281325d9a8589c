"""A load balancer with a hub behind it, on this machine: one HTTP or TLS listener that answers from a table."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hubplane.adapters.hub_http import Address


@dataclass
class Listener:
    """``replies``: path -> (status, headers, body). What it was asked is kept: Host headers and the names in TLS."""

    replies: dict[str, tuple[int, dict[str, str], str]]
    address: Address
    hosts: list[str] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that refuses the certificate hangs up, which is what some tests want."""


@contextmanager
def listening(replies: dict[str, tuple[int, dict[str, str], str]], tls: ssl.SSLContext | None = None) -> Iterator[Listener]:
    """The listener, until the block ends. ``tls`` None speaks plain HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listener.hosts.append(self.headers["Host"])
            listener.paths.append(self.path)
            status, headers, body = listener.replies.get(self.path, (404, {}, "not found"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def version_string(self) -> str:
            return "test"

        def log_message(self, *_: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    listener = Listener(replies, Address("127.0.0.1", server.server_address[1]))
    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: listener.server_names.append(name)
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
