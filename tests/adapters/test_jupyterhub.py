"""The hub's API against a real JupyterHub: the service sees and stops servers and may do nothing else."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubplane.adapters.jupyterhub import Hub
from hubplane.domain.errors import ServerRuns
from hubplane.domain.releases.hub_secrets import SERVICE_NAME, SERVICE_SCOPES

REPOSITORY = Path(__file__).resolve().parents[2]
JUPYTERHUB = REPOSITORY / ".tools/hub/bin/jupyterhub"
TOKEN, ADMIN = "a" * 64, "b" * 64
CONFIG = """
import asyncio
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner

class NoProxy(Proxy):
    should_start = False
    async def add_route(self, routespec, target, data): pass
    async def delete_route(self, routespec): pass
    async def get_all_routes(self): return {{}}

class Slow(Spawner):
    # A server that is on its way until somebody stops it.
    going = False
    async def start(self):
        self.going = True
        await asyncio.sleep(3600)
    async def stop(self, now=False): self.going = False
    async def poll(self): return None if self.going else 0

c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.spawner_class = Slow
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.allow_named_servers = True
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0}}
c.JupyterHub.services = [{{"name": "{service}", "api_token": "{token}"}}, {{"name": "test", "api_token": "{admin}"}}]
c.JupyterHub.load_roles = [
    {{"name": "{service}", "scopes": {scopes}, "services": ["{service}"]}},
    {{"name": "test", "scopes": ["admin:users", "admin:servers"], "services": ["test"]}},
]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ask(hub: Hub, method: str, path: str, token: str) -> int:
    request = urllib.request.Request(
        f"{hub.url}/hub/api/{path}",
        method=method,
        headers={"Authorization": f"token {token}"},
        data=b"" if method == "POST" else None,
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder, port = tmp_path_factory.mktemp("hub"), free_port()
    config = CONFIG.format(port=port, service=SERVICE_NAME, token=TOKEN, admin=ADMIN, scopes=json.dumps(SERVICE_SCOPES))
    (folder / "jupyterhub_config.py").write_text(config)
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        [str(JUPYTERHUB), "-f", "jupyterhub_config.py"],
        cwd=folder,
        env={**os.environ, "PATH": f"{JUPYTERHUB.parent}:{os.environ['PATH']}"},
        stdout=log,
        stderr=log,
    )
    started = Hub("sar", f"http://127.0.0.1:{port}", TOKEN)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                if ask(started, "GET", "", ADMIN) == 200:
                    break
            except OSError:
                pass
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.1)
        yield started
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def wait_until(hub: Hub, username: str, running: tuple[str, ...]) -> None:
    until = time.monotonic() + 20
    while (seen := hub.running_servers(username)) != running:
        assert time.monotonic() < until, seen
        time.sleep(0.1)


def test_a_person_whom_the_hub_does_not_know_runs_nothing(hub: Hub) -> None:
    assert hub.running_servers("nobody") == ()
    hub.stop("nobody", "")
    assert not hub.knows("nobody")


@pytest.mark.parametrize("server", ["", "second"])
def test_a_server_is_seen_and_stopped_and_stopping_again_is_success(hub: Hub, server: str) -> None:
    username = f"ada-{server or 'first'}"
    assert ask(hub, "POST", f"users/{username}", ADMIN) == 201
    assert (hub.running_servers(username), hub.knows(username)) == ((), True)
    path = f"users/{username}/servers/{server}" if server else f"users/{username}/server"
    assert ask(hub, "POST", path, ADMIN) in (201, 202)
    wait_until(hub, username, (server,))
    hub.stop(username, server)
    hub.stop(username, server)
    wait_until(hub, username, ())
    hub.stop(username, server)


def test_the_service_may_start_nothing_and_be_nobody(hub: Hub) -> None:
    assert ask(hub, "POST", "users/eve", ADMIN) == 201
    for method, path in (("POST", "users/eve/server"), ("POST", "users/eve/tokens"), ("DELETE", "users/eve"), ("GET", "users")):
        assert ask(hub, method, path, TOKEN) in (403, 404), path


@pytest.mark.parametrize("username", ["../groups", "a/b", "%2e", "ada?x=1", "ä"])
def test_odd_names_stay_names(hub: Hub, username: str) -> None:
    assert hub.running_servers(username) == ()


def test_a_hub_that_does_not_say_is_no_stopped_server(hub: Hub) -> None:
    wrong = Hub("sar", hub.url, "c" * 64)
    with pytest.raises(ServerRuns, match="answered 403"):
        wrong.running_servers("ada-first")
    with pytest.raises(ServerRuns, match="answered 403"):
        wrong.stop("ada-first", "")
    with pytest.raises(ServerRuns, match="answered 403"):
        wrong.knows("ada-first")
    nowhere = Hub("sar", f"http://127.0.0.1:{free_port()}", TOKEN)
    with pytest.raises(ServerRuns, match="does not answer") as raised:
        nowhere.running_servers("ada")
    assert TOKEN not in str(raised.value) + repr(nowhere)


def test_between_the_roll_out_and_the_promotion_of_a_rotation_the_staged_token_is_taken(hub: Hub) -> None:
    assert ask(hub, "POST", "users/renewed", ADMIN) == 201
    assert ask(hub, "POST", "users/renewed/server", ADMIN) in (201, 202)
    meanwhile = Hub("sar", hub.url, "c" * 64, newest_token=lambda: TOKEN)
    wait_until(meanwhile, "renewed", ("",))
    meanwhile.stop("renewed", "")
    wait_until(meanwhile, "renewed", ())
    assert TOKEN not in repr(meanwhile)


def test_a_hub_that_knows_neither_token_is_no_stopped_server_and_none_is_read_without_need(hub: Hub) -> None:
    reads: list[str] = []

    def newest() -> str:
        reads.append("read")
        return "d" * 64

    assert Hub("sar", hub.url, TOKEN, newest_token=newest).running_servers("nobody") == ()
    assert reads == []
    with pytest.raises(ServerRuns, match="answered 403"):
        Hub("sar", hub.url, "c" * 64, newest_token=newest).running_servers("nobody")
    assert reads == ["read"]


def test_an_answer_that_is_none_is_no_stopped_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def say(_self: Any, *_: Any) -> tuple[int, str]:
        return 200, "<html>a page of the load balancer</html>"

    monkeypatch.setattr(Hub, "_ask", say)
    with pytest.raises(ServerRuns, match="names no servers"):
        Hub("sar", "https://sar.example.org", TOKEN).running_servers("ada")
