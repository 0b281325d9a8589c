"""A function in the real Lambda runtime, without Docker: the runtime interface emulator that aws-sam-cli carries, with the
runtime interface client of the managed Python runtimes (``awslambdaric``). Real error names, timeouts and JSON logs.

The emulator starts the Python process with the first invocation, as Lambda does with a new environment, so the first answer holds
start, imports and work.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from local.guide.processes import TOOLS

EMULATOR = "lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64"
ROUTE = "/2015-03-31/functions/function/invocations"


class LambdaRuntime:
    """One environment of one function; use it as a context. ``folder`` holds ``app.py``, ``path`` are further import folders."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        path: Sequence[Path] = (),
        timeout_seconds: int = 5,
        python: str = sys.executable,
    ) -> None:
        self.port, api_port = _free_ports(2)
        self._log = tempfile.TemporaryFile(mode="w+b")  # noqa: SIM115 - it outlives the process, for whoever asks why
        command = [str(_emulator()), "--log-level", "error"]
        command += ["--runtime-interface-emulator-address", f"127.0.0.1:{self.port}"]
        command += ["--runtime-api-address", f"127.0.0.1:{api_port}", python, "-m", "awslambdaric", "app.handler"]
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # the emulator leaves its Python behind, so both are ended as one group
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(map(str, path)),
                "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's folders are read-only: what is not shipped compiled is compiled anew
                "LAMBDA_TASK_ROOT": str(folder),
                "AWS_LAMBDA_FUNCTION_NAME": folder.name,
                "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_seconds),
                "AWS_LAMBDA_LOG_FORMAT": "JSON",
                "AWS_LAMBDA_LOG_LEVEL": "INFO",
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_EC2_METADATA_DISABLED": "true",
                **(environment or {}),
            },
        )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + 10
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RuntimeError(f"the runtime emulator did not start:\n{self.logs()}")
            time.sleep(0.005)

    def __exit__(self, *_: object) -> None:
        self.close()

    def invoke(self, event: Any) -> Any:
        """The function's answer; an error is ``{"errorType", "errorMessage", "stackTrace"}``, as Lambda gives it."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{ROUTE}", data=json.dumps(event).encode(), headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            body = error.read()
        try:
            return json.loads(body)
        except ValueError as error:
            raise RuntimeError(f"no JSON: {body!r}\n{self.logs()}") from error

    def logs(self) -> str:
        """What the function and its runtime have written so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def close(self) -> None:
        """End the environment; repeatable. Its logs stay readable."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _emulator() -> Path:
    found = next((TOOLS / "sam").glob(EMULATOR), None)
    if found is None:
        raise RuntimeError(f"no {EMULATOR} in {TOOLS / 'sam'}: run `make tools`")
    return found


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
