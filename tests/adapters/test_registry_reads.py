# ruff: noqa: N803 - parameters are named as the API names them
"""Images as the registry tells of them, repositories and objects that are made once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
import urllib3
from moto import mock_aws

from hubplane.adapters.ecr import MAX_CONFIG_BYTES, Ecr, fetch
from hubplane.adapters.s3 import put_once
from hubplane.domain.errors import ProviderError
from tests.adapters.fake_aws import Refusal, fake_client

CREDENTIALS = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


def client(service: str) -> Any:
    return boto3.client(service, "us-east-1", **CREDENTIALS)


CONFIG = {"config": {"Env": ["JUPYTERHUB_VERSION=5.5.0"]}}
DIGESTS = {
    "index": "sha256:" + "1" * 64,
    "amd64": "sha256:" + "2" * 64,
    "arm64": "sha256:" + "3" * 64,
    "config": "sha256:" + "c" * 64,
}


class FakeRegistry:
    """One image: a manifest under tag ``plain``, an index under tag ``index``."""

    def batch_get_image(self, imageIds: list[dict[str, str]], **_: Any) -> dict[str, Any]:
        platforms = [{"digest": DIGESTS[name], "platform": {"architecture": name}} for name in ("arm64", "amd64")]
        manifest = {"schemaVersion": 2, "config": {"digest": DIGESTS["config"]}, "layers": []}
        known = {"plain": manifest, "index": {"manifests": platforms}, DIGESTS["amd64"]: manifest, "odd": {"config": {}}}
        asked = next(iter(imageIds[0].values()))
        if asked == "denied":
            raise Refusal("AccessDeniedException", "no")
        return {"images": [{"imageManifest": json.dumps(known[asked])}] if asked in known else []}

    def get_download_url_for_layer(self, layerDigest: str, **_: Any) -> dict[str, Any]:
        return {"downloadUrl": f"https://layers.example/{layerDigest}"}


def serve(url: str) -> bytes:
    assert url == f"https://layers.example/{DIGESTS['config']}"
    return json.dumps(CONFIG).encode()


@pytest.mark.parametrize("tag", ["plain", "index"])
def test_an_image_says_what_is_in_it_also_behind_an_index(tag: str) -> None:
    assert Ecr(fake_client("ecr", FakeRegistry()), serve).image_config("labs", tag, "111122223333") == (CONFIG, "")


def refuse(_: str) -> bytes:
    raise urllib3.exceptions.ConnectTimeoutError


@pytest.mark.parametrize(
    ("tag", "answer", "why"),
    [
        pytest.param("plain", refuse, "ConnectTimeoutError", id="unreachable"),
        pytest.param("plain", lambda _: b"<html>", "JSONDecodeError", id="not-json"),
        pytest.param("plain", lambda _: b"[]", "not a JSON object", id="not-an-object"),
        pytest.param("absent", serve, "IndexError", id="no-manifest"),
        pytest.param("odd", serve, "KeyError", id="no-configuration"),
        pytest.param("denied", serve, "AccessDeniedException", id="denied"),
    ],
)
def test_an_image_that_cannot_be_read_is_unknown_with_the_reason(tag: str, answer: Any, why: str) -> None:
    config, reason = Ecr(fake_client("ecr", FakeRegistry()), answer).image_config("labs", tag, "111122223333")
    assert config is None
    assert why in reason


def test_a_blob_is_read_no_further_than_a_configuration_can_be(httpserver_of: Any) -> None:
    url = httpserver_of({"/big": (200, b"x" * (MAX_CONFIG_BYTES + 1)), "/absent": (403, b"expired")})
    assert len(fetch(f"{url}/big")) == MAX_CONFIG_BYTES
    with pytest.raises(ValueError, match="HTTP 403"):
        fetch(f"{url}/absent")


@pytest.fixture
def httpserver_of() -> Iterator[Any]:
    """Start a web server on 127.0.0.1 for a table of path to (status, body)."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    servers = []

    def start(pages: dict[str, tuple[int, bytes]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = pages[self.path]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_repository_is_made_once(aws: None) -> None:
    ecr = Ecr(client("ecr"))
    assert ecr.repository_uri("hubplane/lab/hub") is None
    uri, made = ecr.ensure_repository("hubplane/lab/hub", {"hubplane:cluster": "lab"})
    assert (uri, made) == ("123456789012.dkr.ecr.us-east-1.amazonaws.com/hubplane/lab/hub", True)
    assert ecr.ensure_repository("hubplane/lab/hub", {}) == (uri, False)
    assert ecr.tag_exists("hubplane/lab/hub", "v1") is False
    assert ecr.tag_exists("absent/repository", "v1") is False


def test_an_object_is_stored_once_and_never_replaced(aws: None) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="artifacts")
    assert put_once(s3, "artifacts", "k", b"first") is True
    assert put_once(s3, "artifacts", "k", b"second") is False
    assert s3.get_object(Bucket="artifacts", Key="k")["Body"].read() == b"first"
    with pytest.raises(ProviderError, match="look for s3://absent/k"):
        put_once(s3, "absent", "k", b"")


class FakeTags:
    """A repository in two pages that ECR answers in no order."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def describe_images(self, nextToken: str = "", **asked: Any) -> dict[str, Any]:
        if asked["repositoryName"] == "absent":
            raise Refusal("RepositoryNotFoundException", "no")
        self.asked.append(asked)
        pages = [
            [image(3, "a"), image(9, "latest", "b"), {"imagePushedAt": datetime(2026, 11, 30, tzinfo=UTC)}],
            [image(20, "latest"), image(1, "z")],
        ]
        return {"imageDetails": pages[1]} if nextToken else {"imageDetails": pages[0], "nextToken": "more"}


def image(day: int, *tags: str) -> dict[str, Any]:
    return {"imageTags": [*tags], "imagePushedAt": datetime(2026, 11, day, tzinfo=UTC)}


def test_the_newest_tags_are_found_on_whatever_page_they_are() -> None:
    registry = FakeTags()
    found = Ecr(fake_client("ecr", registry)).newest_tags("labs", 3, "111122223333")
    assert [(tag, at.day) for tag, at in found] == [("latest", 20), ("b", 9), ("a", 3)]
    assert registry.asked[0]["filter"] == {"tagStatus": "TAGGED"}
    assert registry.asked[0]["registryId"] == "111122223333"


def test_a_repository_that_is_gone_has_no_tags() -> None:
    assert Ecr(fake_client("ecr", FakeTags())).newest_tags("absent", 3) == ()
