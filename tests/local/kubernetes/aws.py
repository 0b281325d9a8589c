"""An STS for tests that refuses what AWS refuses: a wrong key, a changed query, a missing or different signed header."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCOUNT = "123456789012"
REGION = "us-east-1"


@dataclass
class Sts:
    """A running STS. ``principals``: access key id -> (secret key, ARN that GetCallerIdentity answers)."""

    url: str
    principals: dict[str, tuple[str, str]] = field(default_factory=dict)
    calls: int = 0

    def add(self, key: str, arn: str) -> None:
        """Make an access key of a principal; its secret is the key backwards."""
        self.principals[key] = (key[::-1], arn)

    def signed_url(self, key: str, cluster: str, *, secret: str | None = None, expires: int = 60, base: str | None = None) -> str:
        """A signed GetCallerIdentity URL for a cluster, as ``aws eks get-token`` makes it."""
        credentials = Credentials(key, secret or self.principals[key][0])
        url = f"{base or self.url}/?Action=GetCallerIdentity&Version=2011-06-15"
        request = AWSRequest("GET", url, headers={"x-k8s-aws-id": cluster})
        SigV4QueryAuth(credentials, "sts", REGION, expires=expires).add_auth(request)
        return str(request.url)

    def token(self, key: str, cluster: str) -> str:
        """A bearer token for a cluster."""
        return as_token(self.signed_url(key, cluster))

    def answer(self, path: str, host: str, cluster: str | None) -> tuple[int, str]:
        """Status and body for a request."""
        self.calls += 1
        query = dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))
        signature = query.pop("X-Amz-Signature", "")
        key, _, scope = query.get("X-Amz-Credential", "").partition("/")
        if key not in self.principals:
            return 403, "<Error><Code>InvalidClientTokenId</Code></Error>"
        secret, arn = self.principals[key]
        region = scope.split("/")[1]
        headers = {"host": host} | ({"x-k8s-aws-id": cluster} if cluster is not None else {})
        wanted = set(query["X-Amz-SignedHeaders"].split(";"))
        request = AWSRequest(
            "GET", f"http://{host}/?{urlencode(query)}", headers={k: v for k, v in headers.items() if k in wanted}
        )
        request.context["timestamp"] = query["X-Amz-Date"]
        auth = SigV4Auth(Credentials(key, secret), "sts", region)
        expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        if expected != signature:
            return 403, "<Error><Code>SignatureDoesNotMatch</Code></Error>"
        identity = f"<GetCallerIdentityResult><Arn>{arn}</Arn><Account>{ACCOUNT}</Account></GetCallerIdentityResult>"
        return 200, f"<GetCallerIdentityResponse>{identity}</GetCallerIdentityResponse>"


def as_token(url: str) -> str:
    """The bearer token that carries a signed URL."""
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


@contextmanager
def running_sts() -> Iterator[Sts]:
    """An STS on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = sts.answer(self.path, self.headers["Host"], self.headers.get("x-k8s-aws-id"))
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sts = Sts(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield sts
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
