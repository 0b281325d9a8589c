"""A real hub behind its real proxy, started through the protocol as the stand-in does it."""

import http.client
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from local.kubelet import HubRuntime, make_runtime
from local.kubelet.kubeconfig import SERVICE_ACCOUNT
from local.kubelet.runtime import DIRECTORY_VARIABLE, TOOLS, ToolsMissing
from local.kubernetes.runtime import PodStart, RunningPod

SETUP = Path(__file__).parents[3] / "local" / "kubelet" / "setup.sh"
CONFIG_FILE = "/usr/local/etc/jupyterhub/jupyterhub_config.py"
VALUES_FILE = "/usr/local/etc/jupyterhub/secret/values.yaml"
DOMAIN = "https://opensarlab.auth.us-east-1.amazoncognito.com"
CALLBACK = "https://opensarlab.example.org/hub/oauth_callback"
CONFIG = f"""
import os, yaml
values = yaml.safe_load(open({VALUES_FILE!r}))
c.JupyterHub.hub_bind_url = "http://:8081"
c.JupyterHub.hub_connect_url = "http://hub:8081"
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.JupyterHub.db_url = "sqlite:////srv/jupyterhub/jupyterhub.sqlite"
c.JupyterHub.cleanup_servers = False
c.ConfigurableHTTPProxy.should_start = False
c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.client_id = values["client_id"]
c.GenericOAuthenticator.client_secret = values["client_secret"]
c.GenericOAuthenticator.authorize_url = "{DOMAIN}/oauth2/authorize"
c.GenericOAuthenticator.token_url = "{DOMAIN}/oauth2/token"
c.GenericOAuthenticator.userdata_url = "{DOMAIN}/oauth2/userInfo"
c.GenericOAuthenticator.oauth_callback_url = "{CALLBACK}"
c.GenericOAuthenticator.username_claim = "username"
c.GenericOAuthenticator.scope = ["openid"]
c.GenericOAuthenticator.allow_all = True
"""
VALUES = b"client_id: the-client\nclient_secret: the-secret\n"
PROXY_TOKEN = "0" * 64
READY_SECONDS = 60


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """The pinned environment; takes most of a minute the first time and nothing later."""
    subprocess.run([str(SETUP)], check=True)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def pod(component: str, name: str) -> dict[str, Any]:
    volumes = [{"name": "pvc", "persistentVolumeClaim": {"claimName": "hub-db-dir"}}] if component == "hub" else []
    metadata = {"name": name, "namespace": "jupyter", "labels": {"app": "jupyterhub", "component": component}}
    return {"metadata": metadata, "spec": {"volumes": volumes}}


class Pair:
    """The pods and ports of one hub and one proxy, as the chart describes them."""

    def __init__(self) -> None:
        self.hub_port, self.public_port, self.api_port = free_ports(3)
        self.environment = {
            "CONFIGPROXY_AUTH_TOKEN": PROXY_TOKEN,
            "HUB_SERVICE_HOST": "127.0.0.1",
            "HUB_SERVICE_PORT": str(self.hub_port),
            "PROXY_API_SERVICE_HOST": "127.0.0.1",
            "PROXY_API_SERVICE_PORT": str(self.api_port),
            "PROXY_PUBLIC_SERVICE_HOST": "127.0.0.1",
            "PROXY_PUBLIC_SERVICE_PORT": str(self.public_port),
        }

    def hub(self, config: str = CONFIG, name: str = "hub-7d9-abcde") -> PodStart:
        container = {
            "name": "hub",
            "command": ["jupyterhub", "--config", CONFIG_FILE, "--upgrade-db"],
            "ports": [{"containerPort": 8081, "name": "http"}],
            "readinessProbe": {"httpGet": {"path": "/hub/health", "port": "http"}},
            "volumeMounts": [{"name": "pvc", "mountPath": "/srv/jupyterhub"}],
        }
        files = {CONFIG_FILE: config.encode(), VALUES_FILE: VALUES}
        return PodStart(pod("hub", name), container, self.environment, files, {8081: self.hub_port})

    def proxy(self) -> PodStart:
        container = {
            "name": "chp",
            "command": ["configurable-http-proxy", "--ip=", "--api-ip=", "--api-port=8001", "--port=8000"],
            "args": [
                "--default-target=http://hub:$(HUB_SERVICE_PORT)",
                "--error-target=http://hub:$(HUB_SERVICE_PORT)/hub/error",
            ],
            "ports": [{"containerPort": 8000, "name": "http"}, {"containerPort": 8001, "name": "api"}],
        }
        return PodStart(pod("proxy", "proxy-1"), container, self.environment, {}, {8000: self.public_port, 8001: self.api_port})


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubRuntime:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "the-developer-s-own")
    return make_runtime()


@pytest.fixture
def started(runtime: HubRuntime) -> Iterator[list[RunningPod]]:
    """Pods to stop whatever the test says."""
    pods: list[RunningPod] = []
    yield pods
    for one in pods:
        one.stop()


def start(runtime: HubRuntime, pods: list[RunningPod], what: PodStart) -> RunningPod:
    running = runtime.start(what)
    assert running is not None
    pods.append(running)
    return running


def wait_ready(running: RunningPod) -> None:
    end = time.monotonic() + READY_SECONDS
    while not running.ready():
        failure = running.failure()
        assert failure is None, failure
        assert time.monotonic() < end, running.log()
        time.sleep(0.2)


def get(port: int, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def working_below(folder: Path) -> list[str]:
    """The command lines of all processes that work in, or were started with, a path below ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = f"{(process / 'cwd').readlink()} {(process / 'cmdline').read_bytes().decode(errors='replace')}"
        except OSError:
            continue
        if str(folder) in text:
            found.append(text)
    return found


def test_hub_and_proxy_serve_health_and_the_oauth_redirect_and_stop_without_a_trace(
    runtime: HubRuntime, started: list[RunningPod], tmp_path: Path
) -> None:
    pair = Pair()
    proxy, hub = start(runtime, started, pair.proxy()), start(runtime, started, pair.hub())
    wait_ready(proxy)
    wait_ready(hub)

    health = get(pair.public_port, "/hub/health")
    assert (health.status, health.getheader("X-JupyterHub-Version")) == (200, "5.5.0")

    login = get(pair.public_port, "/hub/oauth_login")
    target = urlsplit(login.getheader("Location") or "")
    query = parse_qs(target.query)
    assert login.status == 302
    assert f"{target.scheme}://{target.netloc}{target.path}" == f"{DOMAIN}/oauth2/authorize"
    assert (query["client_id"], query["redirect_uri"], query["scope"]) == (["the-client"], [CALLBACK], ["openid"])
    assert "JupyterHub is now running" in hub.log()

    assert len(working_below(tmp_path)) >= 2
    hub.stop()
    proxy.stop()
    hub.stop()
    assert working_below(tmp_path) == []
    assert (hub.ready(), hub.failure(), proxy.ready()) == (False, None, False)
    assert not list(tmp_path.glob("pods/*/*/root")), "mounted secrets stay behind"


def test_the_hub_s_database_outlives_the_pod(runtime: HubRuntime, started: list[RunningPod], tmp_path: Path) -> None:
    database = tmp_path / "volumes" / "cluster" / "jupyter" / "hub-db-dir" / "jupyterhub.sqlite"
    for name, users in (("hub-first", []), ("hub-second", ["kept"])):
        pair = Pair()
        start(runtime, started, pair.proxy())
        hub = start(runtime, started, pair.hub(name=name))
        wait_ready(hub)
        with sqlite3.connect(database) as connection:
            assert [row[0] for row in connection.execute("select name from users")] == users
            if not users:
                connection.execute("insert into users (name, admin, cookie_id) values ('kept', 0, 'x')")
        connection.close()
        for one in started:
            one.stop()
        started.clear()


def test_the_spawner_finds_the_pod_s_service_account_and_no_other(runtime: HubRuntime, started: list[RunningPod]) -> None:
    """KubeSpawner's own loading, in the hub's process, from files that only the pod has."""
    config = """
import os
from kubernetes_asyncio.client import Configuration
from kubespawner.clients import load_config
load_config()
found = Configuration.get_default_copy()
print("loaded", found.host, found.api_key, open(found.ssl_ca_cert).read(), os.environ.get("AWS_PROFILE"))
raise SystemExit(7)
"""
    asked = Pair().hub(config)
    environment = {**asked.environment, "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "6443"}
    account = {f"{SERVICE_ACCOUNT}/token": b"pod-token", f"{SERVICE_ACCOUNT}/ca.crt": b"authority"}
    hub = start(runtime, started, replace(asked, environment=environment, files={**asked.files, **account}))
    end = time.monotonic() + READY_SECONDS
    while hub.failure() is None and time.monotonic() < end:
        time.sleep(0.1)
    assert "loaded https://127.0.0.1:6443 {'BearerToken': 'Bearer pod-token'} authority None" in hub.log()


@pytest.mark.parametrize(
    ("config", "word"),
    [
        pytest.param("c.JupyterHub.spawner_class = \n", "SyntaxError", id="a syntax error"),
        pytest.param("c.JupyterHub.authenticator_class = 'no.such.Authenticator'\n", "no.such", id="a class that does not exist"),
    ],
)
def test_a_configuration_that_does_not_load_fails_with_the_last_log_lines(
    runtime: HubRuntime, started: list[RunningPod], config: str, word: str
) -> None:
    hub = start(runtime, started, Pair().hub(config=config))
    end = time.monotonic() + READY_SECONDS
    while hub.failure() is None and time.monotonic() < end:
        assert not hub.ready()
        time.sleep(0.2)
    failure = hub.failure()
    assert failure is not None
    assert failure.startswith("container hub ended with exit code 1; its last log lines:")
    assert word in failure


def test_a_command_that_is_not_the_hub_s_fails_before_it_starts(runtime: HubRuntime) -> None:
    asked = Pair().hub()
    refused = runtime.start(PodStart(asked.pod, {"name": "hub", "command": ["sleep", "9"]}, {}, {}, {}))
    assert refused is not None
    assert "only 'jupyterhub' is run for real" in (refused.failure() or "")
    assert not refused.ready()


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param({}, id="no labels"),
        pytest.param({"app": "jupyterhub", "component": "user-scheduler"}, id="another component"),
        pytest.param({"app": "other", "component": "hub"}, id="another application"),
    ],
)
def test_every_other_pod_is_left_to_the_stand_in(runtime: HubRuntime, labels: dict[str, str]) -> None:
    other = {"metadata": {"name": "x", "namespace": "jupyter", "labels": labels}, "spec": {}}
    assert runtime.start(PodStart(other, {"name": "x"}, {}, {}, {})) is None


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DIRECTORY_VARIABLE, raising=False)
    with pytest.raises(ToolsMissing, match=DIRECTORY_VARIABLE):
        make_runtime()
    with pytest.raises(ToolsMissing, match=r"setup\.sh"):
        HubRuntime(tmp_path, tools=tmp_path)
    assert (TOOLS / ".ready").is_file()
