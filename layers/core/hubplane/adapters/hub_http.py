"""HTTP requests to a hub through its load balancer, by the standard library alone.

A request goes to the load balancer's own name with the hub's name in TLS (SNI) and in ``Host``, so that it works before
DNS leads the hub's name there. Redirects are answers here: they are looked at, never followed.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from hubplane.domain.hub_facts import Answer, NoAnswer, Url

TIMEOUT_SECONDS = 10.0
BODY_BYTES = 1000
# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH in openssl/x509_vfy.h
NAME_MISMATCH_CODES = (62, 64)
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a connection is made to."""

    host: str
    port: int


def parse_url(text: str) -> Url:
    """The parts of an absolute URL. Raises ``ValueError`` for a port that is no number."""
    parts = urlsplit(text)
    port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    query = dict(reversed(parse_qsl(parts.query, keep_blank_values=True)))
    return Url(parts.scheme, (parts.hostname or "").lower(), port, parts.path or "/", query)


def parse_connect_to(text: str) -> dict[int, Address]:
    """Other addresses to connect to, by the port asked for: ``HOST:PORT`` for 443, or ``PORT:HOST:PORT`` for another one,
    separated by commas. Empty text is none. Raises ``ValueError`` for anything else."""
    addresses = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        match entry.split(":"):
            case [host, port]:
                addresses[443] = Address(host, int(port))
            case [asked, host, port]:
                addresses[int(asked)] = Address(host, int(port))
            case _:
                raise ValueError(f"HUB_CONNECT_TO: {entry!r} is neither HOST:PORT nor PORT:HOST:PORT")
    return addresses


def get(
    url: Url, connect_to: Address, *, verify_host_name: bool = True, timeout_seconds: float = TIMEOUT_SECONDS
) -> Answer | NoAnswer:
    """The answer to GET ``url`` over a connection to ``connect_to``. Reads only, may be repeated; raises nothing for what the
    network does. ``timeout_seconds`` holds for connecting and for each read. The certificate's chain is always verified
    (against the system's authorities, or those that ``SSL_CERT_FILE`` names), its name unless ``verify_host_name`` is False.
    """
    try:
        with socket.create_connection((connect_to.host, connect_to.port), timeout_seconds) as plain:
            if url.scheme != "https":
                return _exchange(plain, url, timeout_seconds)
            context = ssl.create_default_context()
            context.check_hostname = verify_host_name
            with context.wrap_socket(plain, server_hostname=url.host) as secure:
                return _exchange(secure, url, timeout_seconds)
    except (OSError, http.client.HTTPException) as error:
        return _no_answer(error, connect_to, timeout_seconds)


def _no_answer(error: Exception, connect_to: Address, timeout_seconds: float) -> NoAnswer:
    match error:
        case socket.gaierror():
            found = NoAnswer("name", f"{connect_to.host}: {error.strerror}")
        case ssl.SSLCertVerificationError():
            wrong_name = error.verify_code in NAME_MISMATCH_CODES
            found = NoAnswer("certificate_name" if wrong_name else "certificate", error.verify_message)
        case TimeoutError():
            found = NoAnswer("timeout", f"{connect_to.host}:{connect_to.port}, {timeout_seconds:g} s")
        case ConnectionRefusedError():
            found = NoAnswer("refused", f"{connect_to.host}:{connect_to.port}")
        case ssl.SSLError():
            found = NoAnswer("tls", error.reason or str(error))
        case _:
            found = NoAnswer("closed", f"{type(error).__name__}: {error}")
    return found


def _exchange(connected: socket.socket, url: Url, timeout_seconds: float) -> Answer:
    connection = http.client.HTTPConnection(url.host, url.port, timeout=timeout_seconds)
    connection.sock = connected
    host = url.host if url.port == DEFAULT_PORTS[url.scheme] else f"{url.host}:{url.port}"
    connection.putrequest("GET", url.path, skip_host=True)
    for name, value in (("Host", host), ("User-Agent", "hubplane"), ("Connection", "close")):
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    location = response.getheader("Location")
    return Answer(
        status=response.status,
        headers={name.lower(): value for name, value in response.getheaders()},
        body=response.read(BODY_BYTES).decode(errors="replace"),
        location=_location(location, url) if location else None,
    )


def _location(text: str, asked: Url) -> Url:
    found = parse_url(text)
    return found if found.host else Url(asked.scheme, asked.host, asked.port, found.path, found.query)
