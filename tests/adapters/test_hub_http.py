"""Requests reach a hub before DNS does, and every way in which a network fails has a name."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from hubplane.adapters.hub_http import BODY_BYTES, Address, get, parse_connect_to, parse_url
from hubplane.domain.hub_facts import Answer, NoAnswer, Url
from tests.adapters.tls_hub import listening

HUB = "opensarlab.asf.alaska.edu"
URL = Url("https", HUB, 443, "/hub/health")
AUTHORITY = trustme.CA()


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture(autouse=True)
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority of these tests is the only one in the system's store."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))


def test_the_hub_s_name_is_sent_in_tls_and_in_host_to_the_load_balancer_s_address() -> None:
    replies = {"/hub/health": (200, {"X-JupyterHub-Version": "5.5.0"}, "")}
    with listening(replies, server_context(AUTHORITY, HUB)) as balancer:
        answer = get(URL, balancer.address)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers["x-jupyterhub-version"], answer.location) == (200, "5.5.0", None)
    assert (balancer.server_names, balancer.hosts) == ([HUB], [HUB])


def test_a_port_of_its_own_is_named_in_host() -> None:
    with listening({"/": (200, {}, "")}) as balancer:
        get(Url("http", HUB, 8443), balancer.address)
    assert balancer.hosts == [f"{HUB}:8443"]


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    target = "https://auth.example.org/oauth2/authorize?client_id=c1&scope=openid+email&scope=second&empty="
    with listening({"/hub/health": (302, {"Location": target}, "")}) as balancer:
        answer = get(Url("http", HUB, 80, "/hub/health"), balancer.address)
    assert isinstance(answer, Answer)
    assert answer.location == Url(
        "https", "auth.example.org", 443, "/oauth2/authorize", {"client_id": "c1", "scope": "openid email", "empty": ""}
    )
    assert balancer.paths == ["/hub/health"]


def test_a_relative_redirect_stays_on_the_host_that_was_asked() -> None:
    with listening({"/": (302, {"Location": "/hub/login?next=x"}, "")}) as balancer:
        answer = get(Url("http", HUB, 80), balancer.address)
    assert isinstance(answer, Answer)
    assert answer.location == Url("http", HUB, 80, "/hub/login", {"next": "x"})


def test_only_the_start_of_a_body_is_read() -> None:
    with listening({"/": (503, {}, "x" * 50_000)}) as balancer:
        answer = get(Url("http", HUB, 80), balancer.address)
    assert isinstance(answer, Answer)
    assert answer.body == "x" * BODY_BYTES


@pytest.mark.parametrize(
    ("authority", "names", "verify_host_name", "outcome"),
    [
        pytest.param(AUTHORITY, ["other.example.org"], True, "certificate_name", id="a certificate for another name"),
        pytest.param(AUTHORITY, ["other.example.org"], False, 200, id="the same, where the name cannot match"),
        pytest.param(trustme.CA(), [HUB], True, "certificate", id="an authority that nobody knows"),
        pytest.param(trustme.CA(), [HUB], False, "certificate", id="the chain is verified even where the name is not"),
        pytest.param(AUTHORITY, ["*.asf.alaska.edu"], True, 200, id="a wildcard"),
    ],
)
def test_certificates_are_verified(authority: trustme.CA, names: list[str], verify_host_name: bool, outcome: int | str) -> None:
    with listening({"/hub/health": (200, {}, "")}, server_context(authority, *names)) as balancer:
        reply = get(URL, balancer.address, verify_host_name=verify_host_name)
    assert (reply.status if isinstance(reply, Answer) else reply.failure) == outcome


@pytest.fixture
def silent() -> Iterator[Address]:
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Address(*server.getsockname())


def test_silence_is_a_timeout(silent: Address) -> None:
    reply = get(Url("http", HUB, 80), silent, timeout_seconds=0.2)
    assert reply == NoAnswer("timeout", f"127.0.0.1:{silent.port}, 0.2 s")
    assert get(URL, silent, timeout_seconds=0.2) == reply, "a handshake that never ends is one too"


def test_a_closed_port_is_a_refusal() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address(*server.getsockname())
    assert get(URL, address) == NoAnswer("refused", f"127.0.0.1:{address.port}")


def test_plain_http_on_the_tls_port_is_a_tls_failure() -> None:
    with listening({}) as balancer:
        reply = get(URL, balancer.address)
    assert isinstance(reply, NoAnswer)
    assert reply.failure == "tls"


def test_a_connection_that_ends_early_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(4096)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        reply = get(Url("http", HUB, 80), Address(*server.getsockname()))
        thread.join()
    assert isinstance(reply, NoAnswer)
    assert reply.failure == "closed"


def test_a_name_that_does_not_resolve_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    reply = get(URL, Address("gone.elb.amazonaws.com", 443))
    assert reply == NoAnswer("name", "gone.elb.amazonaws.com: Name or service not known")


@pytest.mark.parametrize(
    ("text", "url", "place"),
    [
        pytest.param(
            "https://Hub.Example.org", Url("https", "hub.example.org", 443), "https://hub.example.org/", id="a bare host"
        ),
        pytest.param("http://h:8000/a?b=1", Url("http", "h", 8000, "/a", {"b": "1"}), "http://h:8000/a", id="port, path, query"),
        pytest.param("/hub/login", Url("", "", None, "/hub/login"), ":///hub/login", id="no host"),
    ],
)
def test_urls_are_taken_apart(text: str, url: Url, place: str) -> None:
    assert parse_url(text) == url
    assert url.place() == place


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        pytest.param("", {}, id="none"),
        pytest.param("127.0.0.1:8443", {443: Address("127.0.0.1", 8443)}, id="one address is for 443"),
        pytest.param(
            "127.0.0.1:8443, 80:127.0.0.1:8080",
            {443: Address("127.0.0.1", 8443), 80: Address("127.0.0.1", 8080)},
            id="one for each port",
        ),
    ],
)
def test_addresses_to_connect_to(text: str, addresses: dict[int, Address]) -> None:
    assert parse_connect_to(text) == addresses


@pytest.mark.parametrize("text", ["localhost", "a:b:c:d", "host:https"])
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"HUB_CONNECT_TO|invalid literal"):
        parse_connect_to(text)
