"""Starts and ends the processes of the embedded cloud.

Two servers, each announcing itself in a file when it is ready. The emulator needs the stand-in's address and the
stand-in the emulator's, so the emulator's port is chosen here first.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = REPOSITORY / ".tools"
ACCOUNT_ID = "553778890976"
"""The account of the 2019 system: its parameter file's default certificate and image lie in it."""
REGION = "us-east-1"
START_SECONDS = 60
STOP_SECONDS = 30


class EmbeddedCloudError(Exception):
    """A process of the embedded cloud did not start or ended; the message holds the end of its log."""


@dataclass(frozen=True)
class EmbeddedCloud:
    """Where everything is. ``pids`` are the processes this one started."""

    endpoint_url: str
    front_port: int
    front_http_port: int
    front_ca_file: str
    kubernetes_control_url: str
    state_dir: str
    pids: tuple[int, ...]

    def environment(self) -> dict[str, str]:
        """The variables with which any AWS client talks to this cloud."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCOUNT_ID,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
        }


def start(state_dir: Path, *, stack_seconds: float = 3) -> EmbeddedCloud:
    """Start both servers with their files under ``state_dir``; returns when both answer. Raises ``EmbeddedCloudError``."""
    state_dir.mkdir(parents=True, exist_ok=True)
    port = free_port()
    endpoint_url = f"http://127.0.0.1:{port}"
    started: list[subprocess.Popen[bytes]] = []
    try:
        stand_in = _launch(
            started,
            state_dir,
            "kubernetes",
            [str(REPOSITORY / ".venv/bin/python"), "-m", "local.kubernetes"],
            ["--aws-endpoint", endpoint_url, "--log-dir", str(state_dir / "pods"), "--runtime", "local.kubelet:make_runtime"],
        )
        cloud = _launch(
            started,
            state_dir,
            "cloud",
            [str(TOOLS / "cloud/bin/python"), "-m", "local.cloud"],
            [
                *("--port", str(port), "--state-dir", str(state_dir / "cloud")),
                *("--kubernetes-control-url", str(stand_in["control_url"]), "--stack-seconds", str(stack_seconds)),
            ],
        )
    except BaseException:
        for process in reversed(started):
            _end(process.pid)
        raise
    return EmbeddedCloud(
        endpoint_url=str(cloud["endpoint_url"]),
        front_port=int(str(cloud["front_port"])),
        front_http_port=int(str(cloud["front_http_port"])),
        front_ca_file=str(cloud["front_ca_file"]),
        kubernetes_control_url=str(stand_in["control_url"]),
        state_dir=str(state_dir),
        pids=tuple(process.pid for process in started),
    )


def stop(cloud: EmbeddedCloud) -> None:
    """End its processes, the last started first, and wait for them. Harmless when they have ended."""
    for pid in reversed(cloud.pids):
        _end(pid)


def save(cloud: EmbeddedCloud, file: Path) -> None:
    """Remember the running cloud in ``file``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(cloud), indent=2) + "\n")


def load_running(file: Path) -> EmbeddedCloud | None:
    """The cloud remembered in ``file`` if all its processes still run, else None (what is left of it is ended)."""
    if not file.exists():
        return None
    document = json.loads(file.read_text())
    cloud = EmbeddedCloud(**{**document, "pids": tuple(document["pids"])})
    if all(_is_ours(pid) for pid in cloud.pids):
        return cloud
    stop(cloud)
    return None


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _launch(
    started: list[subprocess.Popen[bytes]], state_dir: Path, name: str, command: list[str], arguments: list[str]
) -> dict[str, object]:
    if not Path(command[0]).exists():
        raise EmbeddedCloudError(f"{command[0]} is missing: run `make local`, which sets it up")
    announcement = state_dir / f"{name}.json"
    announcement.unlink(missing_ok=True)
    log_file = state_dir / f"{name}.log"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    environment["HUBPLANE_KUBELET_DIR"] = str(state_dir / "kubelet")
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [*command, "--announce", str(announcement), *arguments],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started.append(process)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if announcement.exists():
            document: dict[str, object] = json.loads(announcement.read_text())
            return document
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise EmbeddedCloudError(f"{' '.join(command)} did not start; the end of {log_file}:\n{_tail(log_file)}")


def _tail(file: Path, lines: int = 20) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])


def _is_ours(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[-1].split()[0]
    except OSError:
        return False
    return b"local." in words and state != "Z"


def _end(pid: int) -> None:
    if not _is_ours(pid):
        _reap(pid)
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        _reap(pid)
        if not _is_ours(pid):
            return
        time.sleep(0.1)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    _reap(pid)


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
