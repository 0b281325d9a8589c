"""A local EC2 that only pages: DescribeVolumes and DescribeSnapshots over given items, as XML on 127.0.0.1.

``python -m local.bench.pages COUNT TIME`` serves a fleet whose newest snapshots are of that time, prints its address, and ends
when its standard input does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

from local.bench import fleet

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
LARGEST_PAGE = 1000


@contextmanager
def serving(volumes: Sequence[str], snapshots: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """(address, actions asked for so far) while the context lasts. A token says how many items came before."""
    asked: list[str] = []
    items = {"DescribeVolumes": ("volumeSet", volumes), "DescribeSnapshots": ("snapshotSet", snapshots)}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            given = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            action = given["Action"][0]
            asked.append(action)
            if action in items:
                status, body = 200, _page(action, *items[action], given)
            else:
                status, body = 400, _error("InvalidAction", f"The action {action} is not valid for this web service.")
            self.send_response(status)
            self.send_header("Content-Type", "text/xml;charset=UTF-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _page(action: str, tag: str, items: Sequence[str], given: dict[str, list[str]]) -> bytes:
    start = int(given.get("NextToken", ["0"])[0])
    end = start + min(int(given.get("MaxResults", [LARGEST_PAGE])[0]), LARGEST_PAGE)
    token = f"<nextToken>{end}</nextToken>" if end < len(items) else ""
    content = f"<requestId>r-{start}</requestId><{tag}>{''.join(items[start:end])}</{tag}>{token}"
    return f'<?xml version="1.0" encoding="UTF-8"?><{action}Response xmlns="{NAMESPACE}">{content}</{action}Response>'.encode()


def _error(code: str, message: str) -> bytes:
    said = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>r</RequestID>"
    return f"<Response>{said}</Response>".encode()


def main(count: int, newest: datetime) -> None:
    volumes = list(map(fleet.volume_item, fleet.volumes(count, newest)))
    with serving(volumes, list(map(fleet.snapshot_item, fleet.snapshots(count, newest)))) as (address, _):
        print(address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))
