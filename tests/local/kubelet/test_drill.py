"""A drill's pod reads and writes what is on an emulated volume, by its own command."""

from __future__ import annotations

import json
import re
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubplane.domain.homes.drill_pods import canary_pod, reading_pod
from local.kubelet.drill import DrillPod, is_drill
from local.kubernetes.runtime import EndingPod, PodStart


class Volumes:
    """The embedded cloud's word about what is written on volumes."""

    def __init__(self) -> None:
        self.contents: dict[str, str] = {}
        self.endpoint = ""


@pytest.fixture
def volumes() -> Iterator[Volumes]:
    found = Volumes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listed = [{"volume_id": name, "content": text} for name, text in found.contents.items()]
            self._answer({"volumes": [*listed, {"volume_id": "vol-empty"}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.contents[body["volume_id"]] = body["content"]
            self._answer({})

        def _answer(self, document: Any) -> None:
            text = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def run(pod: dict[str, Any], volume_ids: str | Sequence[str], volumes: Volumes, folder: Path) -> DrillPod:
    """The pod at its end; its claims in their order are those volumes."""
    (container,) = pod["spec"]["containers"]
    variables = {item["name"]: item["value"] for item in container.get("env", ())}
    ids = [volume_ids] if isinstance(volume_ids, str) else volume_ids
    names = [volume["persistentVolumeClaim"]["claimName"] for volume in pod["spec"]["volumes"]]
    claims = dict(zip(names, ids, strict=True))
    running = DrillPod(PodStart(pod, container, variables, {}, {}, claims, volumes.endpoint), folder / "pod")
    deadline = time.monotonic() + 20
    while not running.succeeded() and running.failure() is None:
        assert time.monotonic() < deadline
    return running


def test_the_canary_is_written_once_and_read_from_its_copy(volumes: Volumes, tmp_path: Path) -> None:
    first = run(canary_pod("busybox", "a marker"), "vol-1", volumes, tmp_path)
    assert isinstance(first, EndingPod)
    assert (first.log(), volumes.contents) == ("a marker", {"vol-1": "a marker"})
    first.stop()
    again = run(canary_pod("busybox", "another marker"), "vol-1", volumes, tmp_path)
    assert again.log() == "a marker"
    again.stop()
    volumes.contents["vol-copy"] = volumes.contents["vol-1"]
    copy = run(reading_pod("drill-0", "busybox", is_canary=True), "vol-copy", volumes, tmp_path)
    assert (copy.log(), copy.failure()) == ("a marker", None)
    copy.stop()
    assert not (tmp_path / "pod").exists()


def test_a_canary_that_holds_nothing_is_a_failure_that_says_so(volumes: Volumes, tmp_path: Path) -> None:
    running = run(reading_pod("drill-0", "busybox", is_canary=True), "vol-empty", volumes, tmp_path)
    assert "exit code 1" in str(running.failure())
    assert not running.succeeded()
    running.stop()


def test_of_a_person_s_home_only_the_number_of_its_entries_is_told_and_nothing_is_written(
    volumes: Volumes, tmp_path: Path
) -> None:
    volumes.contents["vol-2"] = "my thesis"
    running = run(reading_pod("drill-1", "busybox", is_canary=False), "vol-2", volumes, tmp_path)
    assert running.log().strip() == "1"
    assert volumes.contents == {"vol-2": "my thesis"}
    running.stop()


def copying_pod() -> dict[str, Any]:
    """The pod that docs/runbooks/restore-home.md tells people to make."""
    page = (Path(__file__).parents[3] / "docs/runbooks/restore-home.md").read_text()
    (manifest,) = re.findall(r"<<'END'\n(.*?)^   END$", page, flags=re.MULTILINE | re.DOTALL)
    pod: dict[str, Any] = yaml.safe_load(textwrap.dedent(manifest))
    return pod


def test_the_runbook_s_pod_copies_a_restored_home_into_the_present_one(volumes: Volumes, tmp_path: Path) -> None:
    volumes.contents |= {"vol-home": "today", "vol-copy": "what is missed"}
    running = run(copying_pod(), ["vol-home", "vol-copy"], volumes, tmp_path)
    assert (running.failure(), running.log()) == (None, "1 files are in the home as restored-20261120\n")
    (copied,) = tmp_path.rglob("restored-20261120/*")
    assert (copied.parents[1].name, copied.read_text()) == ("claim-ada", "what is missed")
    assert volumes.contents == {"vol-home": "today", "vol-copy": "what is missed"}
    running.stop()


def test_only_a_drill_s_pod_and_the_runbook_s_are_run() -> None:
    assert is_drill(reading_pod("drill-1", "busybox", is_canary=False))
    assert is_drill(copying_pod())
    assert not is_drill({"metadata": {"labels": {"app": "jupyterhub"}}})
