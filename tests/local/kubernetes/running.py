"""The stand-in as a process, its clusters, and the clients that talk to them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.local.kubernetes.aws import ACCOUNT, REGION, Sts

REPOSITORY = Path(__file__).parents[3]
ADMIN_ROLE = f"arn:aws:iam::{ACCOUNT}:role/admin"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; ``body`` is JSON where it can be read as such."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class StandIn:
    """A running stand-in."""

    control_url: str
    process: subprocess.Popen[bytes]
    sts: Sts
    directory: Path

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """One request to the control API."""
        data = None if body is None else json.dumps(body).encode()
        return _send(_OPENER, method, self.control_url + path, data, {"Content-Type": "application/json"})

    def cluster(self, name: str, *, nodes: int = 0, zone: str = "us-east-1d") -> Cluster:
        """A new cluster with the admin's access entry and some nodes."""
        made = self.ask("POST", "/clusters", {"name": name, "version": "1.35", "region": REGION, "account": ACCOUNT})
        assert made.status == 200, made
        self.sts.add("ADMINKEY", f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/session")
        cluster = Cluster(self, name, made.body["endpoint"], base64.b64decode(made.body["certificate_authority_data"]).decode())
        cluster.let_in(ADMIN_ROLE, ["AmazonEKSClusterAdminPolicy"])
        if nodes:
            cluster.node_group("main", nodes, zone=zone)
        return cluster


class Cluster:
    """One cluster of a stand-in, as its admin sees it."""

    def __init__(self, stand_in: StandIn, name: str, endpoint: str, certificate: str) -> None:
        self.stand_in, self.name, self.endpoint, self.certificate = stand_in, name, endpoint, certificate
        self.path = f"/clusters/{name}"
        context = ssl.create_default_context(cadata=certificate)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))

    def let_in(self, arn: str, policies: list[str], groups: list[str] | None = None, namespaces: list[str] | None = None) -> None:
        """Put an access entry."""
        entry = {"principal_arn": arn, "policies": policies, "groups": groups or [], "namespaces": namespaces}
        assert self.stand_in.ask("PUT", f"{self.path}/access", entry).status == 200

    def node_group(self, group: str, desired: int, *, zone: str = "us-east-1d", **more: Any) -> None:
        """Put a node group."""
        body = {"desired": desired, "instance_type": "m5.2xlarge", "zone": zone, "labels": {}, "taints": [], **more}
        answer = self.stand_in.ask("PUT", f"{self.path}/nodegroups/{group}", body)
        assert answer.status == 200, answer

    def fault(self, **fault: Any) -> None:
        """Put a fault in."""
        assert self.stand_in.ask("POST", f"{self.path}/faults", fault).status == 200

    def token(self, key: str = "ADMINKEY") -> str:
        """A bearer token."""
        return self.stand_in.sts.token(key, self.name)

    def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None, content_type: str = "") -> Answer:
        """One request to the cluster's API."""
        headers = {"Authorization": f"Bearer {self.token() if token is None else token}"}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = content_type or "application/json"
        return _send(self._opener, method, self.endpoint + path, data, headers)

    def create(self, path: str, body: Any) -> Any:
        """POST that must succeed; answers the object."""
        answer = self.ask("POST", path, body)
        assert answer.status == 201, answer
        return answer.body

    def namespace(self, name: str) -> None:
        """A namespace, furnished with its service account."""
        self.create("/api/v1/namespaces", {"metadata": {"name": name}})
        until(
            lambda: self.ask("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default").status == 200,
            f"{name} has a service account",
        )

    def get(self, path: str) -> Any:
        """GET that must succeed; answers the object."""
        answer = self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.body

    def kubeconfig(self, path: Path, key: str = "ADMINKEY") -> Path:
        """A kubeconfig file for this cluster."""
        certificate = base64.b64encode(self.certificate.encode()).decode()
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.endpoint, "certificate-authority-data": certificate}}],
            "users": [{"name": "u", "user": {"token": self.token(key)}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path.write_text(json.dumps(content))
        return path


def _send(opener: Any, method: str, url: str, data: bytes | None, headers: dict[str, str]) -> Answer:
    request = urllib.request.Request(url, method=method, data=data, headers=headers)
    try:
        with opener.open(request, timeout=30) as response:
            status, raw, found = response.status, response.read(), dict(response.headers)
    except urllib.error.HTTPError as error:
        status, raw, found = error.code, error.read(), dict(error.headers)
    try:
        return Answer(status, json.loads(raw), found)
    except ValueError:
        return Answer(status, raw.decode(), found)


def until(holds: Callable[[], Any], what: str, seconds: float = 10) -> Any:
    """The first true value of ``holds()``. Fails when it stays false."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := holds():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


@contextmanager
def running_stand_in(
    sts: Sts, directory: Path, *, runtime: str = "", environment: dict[str, str] | None = None
) -> Iterator[StandIn]:
    """The stand-in as a process of its own; it must end on SIGTERM."""
    announce = directory / "announce.json"
    command = [sys.executable, "-m", "local.kubernetes", "--announce", str(announce), "--aws-endpoint", sts.url]
    command += ["--log-dir", str(directory / "log")] + (["--runtime", runtime] if runtime else [])
    process = subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, **(environment or {})})
    try:
        until(lambda: announce.exists() or process.poll() is not None, "the stand-in announces itself", 30)
        assert process.poll() is None, f"the stand-in ended with {process.returncode}"
        announced = json.loads(announce.read_text())
        assert announced["pid"] == process.pid
        yield StandIn(announced["control_url"], process, sts, directory)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def tool(name: str) -> str:
    """The path of helm or kubectl. Fails when it is not there: these tests are about the real clients."""
    found = shutil.which(name, path=f"{REPOSITORY / '.tools' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    assert found, f"{name} is in neither .tools/bin nor PATH; `make local` or `make test` puts it into .tools/bin"
    return found


class Commands:
    """Runs kubectl and helm against one cluster."""

    def __init__(self, cluster: Cluster, directory: Path, key: str = "ADMINKEY") -> None:
        kubeconfig = cluster.kubeconfig(directory / "kubeconfig", key)
        self._environment = {"KUBECONFIG": str(kubeconfig), "HOME": str(directory), "PATH": os.environ.get("PATH", "")}

    def run(self, name: str, *arguments: str, stdin: str | None = None, fails: bool = False) -> str:
        """Standard output, or standard error of a command that must fail."""
        done = subprocess.run(
            [tool(name), *arguments], env=self._environment, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode != 0) == fails, f"{name} {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stderr if fails else done.stdout

    def kubectl(self, *arguments: str, stdin: str | None = None, fails: bool = False) -> str:
        """kubectl."""
        return self.run("kubectl", *arguments, stdin=stdin, fails=fails)

    def helm(self, *arguments: str, fails: bool = False) -> str:
        """helm."""
        return self.run("helm", *arguments, fails=fails)
