"""A pod's container as a real process under a keeper."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

KEEPER = Path(__file__).with_name("keeper.py")
STOP_SECONDS = 20.0  # the keeper's grace of 8 s and room for a busy machine
PROBE_SECONDS = 1.0  # the default of a Kubernetes probe's timeoutSeconds
FAILURE_LOG_LINES = 15


@dataclass(frozen=True)
class Probe:
    """What a readiness probe asks: ``path`` on ``port`` of 127.0.0.1 over HTTP."""

    port: int
    path: str

    def passes(self) -> bool:
        """Whether the answer is a success as Kubernetes counts it: 200 to 399."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PROBE_SECONDS)
        try:
            connection.request("GET", self.path)
            return 200 <= connection.getresponse().status < 400
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class RealPod:
    """A running pod of the ``PodRuntime`` protocol. ``ready`` takes up to ``PROBE_SECONDS`` where the process hangs."""

    def __init__(
        self,
        *,
        container_name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        log_path: Path,
        probe: Probe | None,
        cleanup: Callable[[], None],
    ) -> None:
        self._container_name = container_name
        self._log_path = log_path
        self._probe = probe
        self._cleanup = cleanup
        self._stopped = False
        with log_path.open("wb") as output:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", str(KEEPER), *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=dict(environment),
                start_new_session=True,  # Ctrl-C at the terminal is for the stand-in, which then stops its pods in order
            )

    @property
    def keeper_pid(self) -> int:
        """The process whose end is the pod's end."""
        return self._keeper.pid

    def ready(self) -> bool:
        """Whether the process runs and its readiness probe, where it has one, passes now."""
        return self._keeper.poll() is None and (self._probe is None or self._probe.passes())

    def failure(self) -> str | None:
        """Why it ended by itself, with the last log lines; None while it runs or when it was stopped."""
        code = None if self._stopped else self._keeper.poll()
        if code is None:
            return None
        last = "\n".join(self.log().splitlines()[-FAILURE_LOG_LINES:])
        return f"container {self._container_name} ended with exit code {code}; its last log lines:\n{last}"

    def log(self) -> str:
        """Everything that the process wrote since this start."""
        return self._log_path.read_text(errors="replace")

    def stop(self) -> None:
        """End the process and all that it started, wait until they are gone, remove its mounted files. May be repeated."""
        if self._stopped:
            return
        self._stopped = True
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()
        try:
            self._keeper.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        self._cleanup()


class RefusedPod:
    """A pod that could not be started: it failed before its first instruction, and says why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def ready(self) -> bool:
        """Never."""
        return False

    def failure(self) -> str | None:
        """Why it was not started."""
        return self._reason

    def log(self) -> str:
        """Nothing ran, so nothing was written."""
        return ""

    def stop(self) -> None:
        """Nothing to end."""
