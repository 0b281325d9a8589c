"""The certificate of the front, by an authority that exists only for this run."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

NAMES = ("*.asf.alaska.edu", "*.us-east-1.elb.amazonaws.com", "localhost", "127.0.0.1")


class Certificates:
    """A fresh authority in ``state_dir``; ``authority_path`` is what clients have to trust."""

    def __init__(self, state_dir: Path) -> None:
        authority = trustme.CA(organization_name="Hubplane embedded cloud")
        self._server = authority.issue_cert(*NAMES)
        self.authority_pem = authority.cert_pem.bytes()
        self.authority_path = state_dir / "front-ca.pem"
        self.authority_path.write_bytes(self.authority_pem)

    def server_context(self) -> ssl.SSLContext:
        """TLS settings for the listener."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.configure_cert(context)
        return context
